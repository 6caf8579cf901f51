"""DASH, as dash.js walks it: the MPD says everything; of a rendition that is one file, its index does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin

from lxml import etree

from edge_sim.crowd.clients.objects import objects
from edge_sim.crowd.clients.score import REMEMBERED, Ask, Opened, Part, Score, Track, granted
from edge_sim.player import dash
from edge_sim.player.connection import ByteRange, Connection
from edge_sim.player.entrance import KeyAddress
from edge_sim.player.index import subsegments
from media.errors import ManifestError


@dataclass(frozen=True, slots=True)
class _Indexed:
    """A Representation of one file (ISO/IEC 23009-1 §5.3.9.2) whose index is still to be read."""

    file: str
    init: ByteRange
    index: ByteRange
    key: KeyAddress | None


class Dash:
    """Follows `edge_sim.crowd.clients.score.Client`."""

    streaming_format = "d"

    async def open(self, connection: Connection, ask: Ask) -> Opened:
        grant = await granted(connection, ask)
        url = grant["manifests"]["dash"]
        text = await connection.get("manifest", url, headers=ask.headers("m"))
        names, ladder, found = _mpd(text)
        score = Score(names, ladder)
        for index, each in enumerate(found):
            # dash.js reads the indexes of all Representations at once, before it plays.
            track = each if isinstance(each, Track) else await _read_index(connection, each, url)
            score.tracks[index] = track.at(url)
        index = score.index(ask.likely or grant["start_rendition"])
        return await objects(connection, ask, grant, score, index)

    async def track(self, connection: Connection, score: Score, index: int) -> Track:
        return score.tracks[index]


@lru_cache(maxsize=REMEMBERED)
def _mpd(text: bytes) -> tuple[tuple[str, ...], tuple[int, ...], tuple[Track | _Indexed, ...]]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise ManifestError(f"dash.mpd: {error}") from None
    found = sorted(
        root.iterfind(".//d:Representation", dash.NAMES), key=lambda each: int(each.get("bandwidth", "0"))
    )
    if not found:
        raise ManifestError("dash.mpd: no Representation")
    return (
        tuple(each.get("id", "") for each in found),
        tuple(int(each.get("bandwidth", "0")) for each in found),
        tuple(_track(each) for each in found),
    )


def _track(chosen: etree._Element) -> Track | _Indexed:
    """With addresses relative to the MPD."""
    family = [chosen, *chosen.iterancestors()]
    base = ""
    for element in reversed(family):
        base = urljoin(base, (element.findtext("d:BaseURL", "", dash.NAMES) or "").strip())
    key = dash.key_of(family, "")
    if (segment_base := dash.nearest(family, "d:SegmentBase")) is not None:
        index = dash.byte_range(segment_base.get("indexRange", ""))
        return _Indexed(base, ByteRange(0, index.first), index, key)
    template = dash.nearest(family, "d:SegmentTemplate")
    timeline = dash.nearest(family, "d:SegmentTemplate/d:SegmentTimeline")
    if template is None or timeline is None:
        raise ManifestError(f"dash.mpd: {chosen.get('id')!r} has neither SegmentTimeline nor SegmentBase")
    values = {"RepresentationID": chosen.get("id", ""), "Bandwidth": chosen.get("bandwidth", "")}
    scale, number = int(template.get("timescale", "1")), int(template.get("startNumber", "1"))
    ends: list[int] = []
    parts: list[Part] = []
    time = 0
    first = None
    for run in timeline.iterfind("d:S", dash.NAMES):
        time = int(run.get("t", time))
        first = time if first is None else first
        for _ in range(int(run.get("r", "0")) + 1):
            filled = values | {"Number": str(number + len(parts)), "Time": str(time)}
            parts.append(Part(urljoin(base, dash.fill(template.get("media", ""), filled))))
            time += int(run.get("d", "0"))
            ends.append((time - first) * 1000 // scale)
    init = urljoin(base, dash.fill(template.get("initialization", ""), values))
    return Track(Part(init), tuple(parts), tuple(ends), key)


async def _read_index(connection: Connection, found: _Indexed, url: str) -> Track:
    content = await connection.get("index", urljoin(url, found.file), part=found.index)
    places, ends = subsegments(content, found.index)
    parts = tuple(Part(found.file, place) for place in places)
    return Track(Part(found.file, found.init), parts, tuple(ends), found.key)
