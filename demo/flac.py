"""FLAC through PyAV, tags and cover through mutagen; nothing appears under its name before it is complete."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from mutagen import MutagenError
from mutagen.flac import FLAC, Picture

from demo.sound import RATE

_FRAME = 4096


def write(path: Path, pcm: npt.NDArray[np.int16], tags: Mapping[str, str], cover: bytes) -> None:
    """Write `pcm` of shape (2, n) at 44.1 kHz, 16 bits, with `tags` and a JPEG front cover. Replaces `path` at once."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        _encode(partial, np.ascontiguousarray(pcm.T))
        _describe(partial, tags, cover)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _encode(path: Path, interleaved: npt.NDArray[np.int16]) -> None:
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream(
            "flac", rate=RATE, layout="stereo", format="s16", options={"compression_level": "8"}
        )
        for start in range(0, len(interleaved), _FRAME):
            block = interleaved[start : start + _FRAME]
            frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate = RATE
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _describe(path: Path, tags: Mapping[str, str], cover: bytes) -> None:
    file = FLAC(path)
    file.delete()
    file.update(tags)
    picture = Picture()
    picture.type, picture.mime, picture.desc = 3, "image/jpeg", "Front cover"
    picture.width = picture.height = 800
    picture.depth = 24
    picture.data = cover
    file.clear_pictures()
    file.add_picture(picture)
    file.save()


def read(path: Path) -> npt.NDArray[np.int16]:
    """The samples of a 16-bit stereo FLAC, shape (2, n)."""
    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray().reshape(-1, 2) for frame in container.decode(audio=0)]
    return np.concatenate(blocks).astype(np.int16).T


def is_whole(path: Path, tags: Mapping[str, str]) -> bool:
    """Is `path` there, tagged like this, and does it decode to what its STREAMINFO's MD5 promises (RFC 9639 §8.2)?"""
    try:
        file = FLAC(path)
        if any(file.get(name) != [value] for name, value in tags.items()) or not file.pictures:
            return False
        digest = hashlib.md5(
            np.ascontiguousarray(read(path).T).astype("<i2").tobytes(), usedforsecurity=False
        ).digest()
    except (OSError, ValueError, MutagenError, av.FFmpegError):
        return False
    return int.from_bytes(digest, "big") == int(file.info.md5_signature)
