"""Cache-Status against the grammar of RFC 9651 (Structured Fields) and the parameters of RFC 9211 §2."""

from __future__ import annotations

import re
from itertools import product

import pytest

from edge_sim.edge.cache_status import CacheStatus, name_of

TOKEN = r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"
BARE_ITEM = rf'(?:{TOKEN}|-?[0-9]{{1,15}}|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\\"])*"|\?[01])'
PARAMETER = rf";\x20*[a-z*][a-z0-9_.*-]*(?:={BARE_ITEM})?"
MEMBER = rf'(?:{TOKEN}|"[\x20\x21\x23-\x5b\x5d-\x7e]*")(?:{PARAMETER})*'
LIST = re.compile(rf"{MEMBER}(?:[\x20\t]*,[\x20\t]*{MEMBER})*")


@pytest.mark.parametrize("region", ["", "eu-west", "7"])
@pytest.mark.parametrize("upstream", ["", "shield; hit", '"a b"; fwd=miss; ttl=-3'])
def test_every_value_is_a_structured_list(upstream, region):
    said = CacheStatus(name_of(region))
    values = [
        said.hit(upstream),
        said.hit(upstream, ttl=-3),
        said.hit(upstream, ttl=-3, detail="stale-while-revalidate"),
    ]
    for why, status, stored, collapsed, detail in product(
        ("uri-miss", "stale", "partial", "bypass"),
        (None, 304),
        (False, True),
        (False, True),
        ("", "stale-if-error"),
    ):
        values.append(
            said.forwarded(
                why, status=status, stored=stored, collapsed=collapsed, detail=detail, upstream=upstream
            )
        )
    for value in values:
        assert LIST.fullmatch(value), value
        assert value.rpartition(", ")[0] == upstream
    assert len(set(values)) == len(values)


def test_exact_words():
    said = CacheStatus()
    assert said.hit() == "tonearm-edge; hit"
    assert said.hit(ttl=-412) == "tonearm-edge; hit; ttl=-412"
    assert (
        said.forwarded("uri-miss", stored=True, collapsed=True)
        == "tonearm-edge; fwd=uri-miss; stored; collapsed"
    )
    assert said.forwarded("stale", status=304) == "tonearm-edge; fwd=stale; fwd-status=304"
    assert (
        CacheStatus(name_of("eu-west")).hit("tonearm-shield; hit")
        == "tonearm-shield; hit, tonearm-eu-west; hit"
    )
