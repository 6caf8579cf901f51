"""What a player says that it will ask for next: CMCD's ``nor`` (CTA-5004 §3.2; in version 2 a list), and of which bytes (``nrr``).

``nor`` is an address relative to that of the request it comes with. For the next song of a playlist a player names the first segment that it will
want, behind that song's own token:

    nor="..%2F..%2F..%2F..%2F..%2F..%2F..%2Ft%2Fv1…%2Fsongs%2Fnext%2F0123456789abcdef%2Faudio%2Fhigh%2F00001.m4s"

A listener may say anything, so it decides little: only objects of songs, a few for each request, each fetched once and behind the listeners' own
fetches; and requests for what is public announce nothing (`edge_sim.edge.app`). No right follows from it; whoever asks for the object shows a token
as ever. ``nrr`` changes nothing, because objects are cached whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urljoin

from edge_sim.edge.paths import check_path
from edge_sim.edge.warming.names import folder_of, segment_name
from media import layout
from media.errors import BadKey

_NOR = re.compile(r'(?:^|[,\s])nor=("[^"]{1,1024}"|\([^()]{1,2048}\))', re.ASCII)
_STRING = re.compile(r'"([^"]*)"')
_MOST = 4
_TARGET = re.compile(r"(?:/t/[^/]+)?/(songs/.+)")


def announced(target: str, said: str) -> Iterator[str]:
    """Paths in the store that the request for `target` (its path) announces in `said`, a CMCD dictionary.

    With the first segment of another song come its header and its description, without which it does not play.
    """
    found = _NOR.search(said)
    if found is None:
        return
    here = _path(target)
    for relative in _STRING.findall(found[1])[:_MOST]:
        path = _path(urljoin(target, unquote(relative)))
        if path is None:
            continue
        yield path
        segment, folder = segment_name(path), folder_of(path)
        if segment is not None and (here is None or folder != folder_of(here)):
            yield segment.init
            yield folder + layout.PRESENTATION


def _path(target: str) -> str | None:
    """The path in the store that a request for `target` is for, if there can be such a one."""
    found = _TARGET.fullmatch(target)
    if found is None:
        return None
    try:
        return check_path(found[1])
    except BadKey:
        return None
