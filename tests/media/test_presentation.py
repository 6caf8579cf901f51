"""``presentation.json`` is read by programs that trust its types: whatever is not of its shape is refused."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import given

from media.errors import ManifestError
from media.presentation import Loudness, Presentation, Protection, Rendition, Segment
from media.song import Song

PRESENTATION = Presentation(
    song=Song("a-song", "A Song", artists=("Somebody", "Else"), track_number=3, genres=("Pop",)),
    version="0123456789abcdef",
    samples=5000,
    sample_rate=44100,
    renditions=(
        Rendition(
            name="low",
            codec="mp4a.40.2",
            bitrate=24000,
            sample_rate=44100,
            channels=1,
            priming=1024,
            bandwidth=25000,
            average_bandwidth=24000,
            init="audio/low/init.mp4",
            init_size=700,
            segments=(Segment("audio/low/00001.m4s", 0, 5000, 900),),
            iv="00" * 16,
        ),
    ),
    protection=Protection("cbcs", UUID(int=7)),
    loudness=Loudness(-14.0, None, -1.0),
    manifests={"hls": "hls.m3u8"},
    master={"bits": 16, "tags": {"anything": [1]}},
)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every member, containers included."""
    places = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        places += leaves(item, (*path, name))
    return places


DOCUMENT = json.loads(PRESENTATION.to_json())
PLACES = [place for place in leaves(DOCUMENT) if place[0] != "master" or len(place) == 1]


def test_it_is_read_as_it_was_written() -> None:
    assert Presentation.from_json(PRESENTATION.to_json()) == PRESENTATION


def is_right(place: tuple[Any, ...], value: Any) -> bool:
    match value:
        case float():
            return place[0] == "loudness" and len(place) == 2
        case list():
            return place[-1] in ("artists", "genres", "systems")
        case dict():
            return place == ("master",)
    return False


WRONG = [
    (place, wrong)
    for place in PLACES
    for wrong in (True, ["x"], {"x": {}}, 1.5)
    if not is_right(place, wrong)
]


@pytest.mark.parametrize(("place", "wrong"), WRONG, ids=repr)
def test_no_member_may_be_of_another_type(place: tuple[Any, ...], wrong: Any) -> None:
    document = deepcopy(DOCUMENT)
    target = document
    for name in place[:-1]:
        target = target[name]
    target[place[-1]] = wrong
    with pytest.raises(ManifestError, match=r"presentation\.json"):
        Presentation.from_json(json.dumps(document))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(DOCUMENT)), inner),
    )
)
def test_nothing_but_a_manifest_error_comes_out_of_any_json(value: Any) -> None:
    with pytest.raises(ManifestError):
        Presentation.from_json(json.dumps(value))


@pytest.mark.parametrize("text", [b"", b"\xff", b"{", b"[" * 100_000, b"null"])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(ManifestError):
        Presentation.from_json(text)
