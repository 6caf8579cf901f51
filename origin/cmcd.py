"""Common Media Client Data (CTA-5004, and 5004-A's version 2) out of requests, and Common Media Server Data (CTA-5006) into answers.

    >>> read('bs,br=160,sid="6e2fb550"')
    {'bs': True, 'br': 160, 'sid': '6e2fb550'}

A client says of itself what it likes: nothing of it decides anything here. Known keys go into the log and some into counters; how many and how
long they are is bounded, and so is the time to read them.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from multidict import CIMultiDictProxy

_LONGEST = 2048
_MOST = 32
_FIELDS = ("CMCD-Object", "CMCD-Request", "CMCD-Session", "CMCD-Status")
# CTA-5004 §3.2 and CTA-5004-A; keys of the event mode are for a collector, not for us.
KEYS = frozenset(
    [
        "br",
        "d",
        "ot",
        "tb",
        "bl",
        "dl",
        "mtp",
        "nor",
        "nrr",
        "su",
        "cid",
        "pr",
        "sf",
        "sid",
        "st",
        "v",
        "bs",
        "rtp",
        "ab",
        "bg",
        "bsa",
        "bsd",
        "bsda",
        "cdn",
        "cs",
        "dfa",
        "ec",
        "lab",
        "lb",
        "ltc",
        "msd",
        "nr",
        "pb",
        "pt",
        "sn",
        "sta",
        "tab",
        "tbl",
        "tpb",
        "ts",
    ]
)
# A dictionary of RFC 8941 §3.2 as far as CMCD uses it: numbers, tokens, strings and inner lists of them.
_MEMBER = re.compile(
    r"""([a-z*][a-z0-9_.*-]{0,63})(?:=(?:"((?:[^"\\]|\\["\\]){0,128}+)"|(-?[0-9]{1,15}(?:\.[0-9]{1,3})?)(?![0-9A-Za-z.])"""
    r"""|(\([ -'*-~]{0,128}+\))|([A-Za-z*][!#-'*+./0-9:A-Z^_`a-z|~-]{0,63}+)|\?([01])))?(?:[ ]*,[ ]*|$)""",
    re.ASCII,
)
Value = str | int | float | bool


def read(text: str) -> dict[str, Value] | None:
    """The known keys of one dictionary; ``None`` for what is none, or is too much."""
    if len(text) > _LONGEST:
        return None
    found: dict[str, Value] = {}
    position = count = 0
    while position < len(text):
        match = _MEMBER.match(text, position)
        if match is None or (count := count + 1) > _MOST:
            return None
        position = match.end()
        key, string, number, inner, token, flag = match.groups()
        if key not in KEYS:
            continue
        if string is not None:
            found[key] = re.sub(r"\\(.)", r"\1", string)
        elif number is not None:
            found[key] = float(number) if "." in number else int(number)
        elif inner is not None or token is not None:
            found[key] = inner or token
        else:
            found[key] = flag != "0"
    return found


def of_request(headers: CIMultiDictProxy[str], query: str) -> dict[str, Value] | None:
    """What a request carries in its headers or, without those, in its query; empty when nothing, ``None`` when it cannot be read."""
    lines = [value for name in _FIELDS for value in headers.getall(name, ())]
    if not lines and "CMCD=" in query:
        try:
            lines = parse_qs(query, max_num_fields=32).get("CMCD", [])
        except ValueError:
            return None
    return read(",".join(lines)) if lines else {}


def static(key: str) -> str:
    """CMSD-Static of an object: what kind it is (CTA-5006 §3.1)."""
    name = key.rpartition("/")[2]
    if name.endswith(".m3u8"):
        return 'n="tonearm",ot=m,sf=h,st=v'
    if name.endswith(".mpd"):
        return 'n="tonearm",ot=m,sf=d,st=v'
    if name == "init.mp4":
        return 'n="tonearm",ot=i,st=v'
    return 'n="tonearm",ot=a,st=v' if name.endswith((".m4s", ".mp4")) else 'n="tonearm",ot=o'


def dynamic(delay_ms: int) -> str:
    """CMSD-Dynamic of this tier: how long the answer took to begin (CTA-5006 §3.2)."""
    return f'"tonearm-origin";rd={delay_ms}'
