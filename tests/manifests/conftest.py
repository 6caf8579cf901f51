"""Presentations built from small values, for playlists that are read back by other people's readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate
from uuid import UUID

import pytest
from hypothesis import settings

from manifests.dash import CENC
from media.layout import INIT, segment
from media.presentation import Loudness, Presentation, Protection, Rendition, Segment
from media.signalling import Signalling
from media.song import Song

# Property tests are judged by their answers, never by the clock of a busy machine.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

KID = UUID("00112233-4455-4677-8899-aabbccddeeff")
LADDER = {"low": (24_000, 1), "normal": (96_000, 2), "high": (160_000, 2), "very_high": (320_000, 2)}

Build = Callable[..., Presentation]


def rendition(name: str, durations: Sequence[int], sample_rate: int, scheme: str) -> Rendition:
    bitrate, channels = LADDER[name]
    starts = list(accumulate(durations, initial=0))
    return Rendition(
        name=name,
        codec="mp4a.40.2",
        bitrate=bitrate,
        sample_rate=sample_rate,
        channels=channels,
        priming=1024,
        bandwidth=bitrate * 11 // 10,
        average_bandwidth=bitrate,
        init=f"audio/{name}/{INIT}",
        init_size=700,
        segments=tuple(
            Segment(segment(name, number), start, duration, 1000)
            for number, (start, duration) in enumerate(zip(starts, durations, strict=False), start=1)
        ),
        iv="000102030405060708090a0b0c0d0e0f" if scheme in ("cbcs", "aes-128") else "",
    )


def in_one_file(rendition: Rendition) -> Rendition:
    """The rendition as one file: 700 bytes of header, 92 of index, then the segments."""
    path = f"audio/{rendition.name}/track.mp4"
    segments = tuple(
        replace(each, path=path, offset=792 + 1000 * place) for place, each in enumerate(rendition.segments)
    )
    return replace(rendition, init=path, index_size=92, segments=segments)


@pytest.fixture(scope="session")
def one_file() -> Callable[[Presentation], Presentation]:
    """A presentation whose renditions are one file each."""
    return lambda presentation: replace(
        presentation, renditions=tuple(map(in_one_file, presentation.renditions))
    )


@pytest.fixture(scope="session")
def signalling() -> tuple[Signalling, ...]:
    """Two DRM systems, as somebody's CPIX document might tell them."""

    def system(name: str, digit: str, inside: str) -> Signalling:
        key = f'METHOD=SAMPLE-AES,URI="data:;base64,{name}",KEYFORMAT="{name}.format",KEYFORMATVERSIONS="1"'
        return Signalling(name, UUID(digit * 32), KID, b"", inside, key)

    return (
        system("first", "a", f'<cenc:pssh xmlns:cenc="{CENC}">AAAA</cenc:pssh><x:o xmlns:x="urn:x">1</x:o>'),
        system("second", "b", ""),
    )


@pytest.fixture(scope="session")
def build() -> Build:
    """``build(scheme="cbcs", durations=…, sample_rate=…, title=…, **protection)``: a presentation of the default ladder."""

    def build(
        scheme: str = "none",
        durations: Sequence[int] = (44_032, 133_120, 132_096, 131_752),
        sample_rate: int = 44_100,
        title: str = "Salt Air",
        names: Sequence[str] = tuple(LADDER),
        **protection: str,
    ) -> Presentation:
        kid = None if scheme == "none" else KID
        return Presentation(
            song=Song("salt-air", title),
            version="0123456789abcdef",
            samples=sum(durations),
            sample_rate=sample_rate,
            renditions=tuple(rendition(name, durations, sample_rate, scheme) for name in names),
            protection=Protection(scheme, kid, **protection),
            loudness=Loudness(-14.0, 5.0, -1.0),
            manifests={},
        )

    return build
