"""A store in a folder, and a version to publish into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.ports import ObjectStore
from origin.stores.file import FileStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> ObjectStore:
    return FileStore(folder)


@pytest.fixture
def objects() -> list[tuple[str, bytes]]:
    """Shaped like a package: media, then manifests, then presentation.json."""
    media = [
        (f"audio/{rendition}/{name}", f"{rendition} {name} ".encode() * size)
        for rendition, size in (("low", 30), ("normal", 120))
        for name in ("init.mp4", "00001.m4s", "00002.m4s")
    ]
    manifests = [("audio/low/hls.m3u8", b"#EXTM3U low"), ("hls.m3u8", b"#EXTM3U"), ("dash.mpd", b"<MPD/>")]
    return [*media, ("public/peaks.json", b"[]"), *manifests, ("presentation.json", b"{}")]
