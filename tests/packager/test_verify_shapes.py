"""``tonearm verify`` over presentations of every shape: one file per rendition, keys of their own, DRM systems, two codecs."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from drm.keys import ContentKey
from drm.signalling import signal
from drm.systems import FAIRPLAY, PLAYREADY, WIDEVINE
from media.access_units import Encoded
from packager.encryption import Encryption
from packager.inputs import read
from packager.package import Package
from packager.verify.verification import Report, verify

Packer = Callable[..., Package]
Publisher = Callable[[Package], Path]
KEYS = {UUID(int=number + 1): bytes([number]) * 16 for number in range(3)}


def run(folder: Path, key: bytes) -> Report:
    return asyncio.run(verify(str(folder), find_key=lambda kid: KEYS.get(kid, key)))


def rules(folder: Path, key: bytes) -> set[str]:
    return {finding.rule for finding in run(folder, key).findings}


def of_own_keys(encoded: tuple[Encoded, ...], scheme: str) -> Encryption:
    kids = list(KEYS)
    keys = {each.name: ContentKey(kids[at], KEYS[kids[at]], "a-song", 0) for at, each in enumerate(encoded)}
    systems = (WIDEVINE, PLAYREADY) if scheme == "cenc" else (WIDEVINE, PLAYREADY, FAIRPLAY)
    told = [signal(system, each.kid, scheme, key=each.key) for each in keys.values() for system in systems]
    return Encryption(scheme, keys, signalling=[] if scheme == "aes-128" else told)


@pytest.mark.parametrize("scheme", ["none", "cbcs", "cenc", "aes-128"])
def test_renditions_of_one_file(
    pack: Packer, encoded: tuple[Encoded, ...], published: Publisher, key: bytes, scheme: str
) -> None:
    assert run(published(pack(encoded, scheme, one_file=True)), key).findings == ()


@pytest.mark.parametrize("one_file", [False, True])
@pytest.mark.parametrize("scheme", ["cbcs", "cenc", "aes-128"])
def test_keys_of_their_own_and_drm_systems(
    pack: Packer, encoded: tuple[Encoded, ...], published: Publisher, key: bytes, scheme: str, one_file: bool
) -> None:
    if scheme == "aes-128":
        encryption = Encryption(scheme, of_own_keys(encoded[:3], scheme="cbcs").keys)
    else:
        encryption = of_own_keys(encoded[:3], scheme)
    packed = pack(encoded[:3], encryption=encryption, one_file=one_file)
    assert run(published(packed), key).findings == ()


@pytest.fixture
def flac(ffmpeg: str, song_pcm: Any) -> Encoded:
    command = f"{ffmpeg} -v error -f s16le -ar 44100 -ac 2 -i - -c:a flac -f flac -"
    done = subprocess.run(command.split(), input=song_pcm.tobytes(), capture_output=True, check=True)
    return read(done.stdout, name="lossless")


def test_two_codecs(
    pack: Packer, encoded: tuple[Encoded, ...], flac: Encoded, published: Publisher, key: bytes
) -> None:
    assert run(published(pack([*encoded[1:3], flac], "cenc")), key).findings == ()


def test_a_steering_server(pack: Packer, blip: tuple[Encoded, ...], published: Publisher, key: bytes) -> None:
    assert run(published(pack(blip, steering_url="https://steer.example/a?b=c")), key).findings == ()


def edit(path: str, pattern: str, new: str) -> Callable[[Path], None]:
    def plant(at: Path) -> None:
        text = (at / path).read_text()
        changed = re.sub(pattern, new, text, count=1)
        assert changed != text
        (at / path).write_text(changed)

    return plant


def edit_json(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def plant(at: Path) -> None:
        document = json.loads((at / "presentation.json").read_bytes())
        change(document)
        (at / "presentation.json").write_text(json.dumps(document))

    return plant


def overwrite(path: str, box: bytes, offset: int, new: bytes) -> Callable[[Path], None]:
    def plant(at: Path) -> None:
        data = bytearray((at / path).read_bytes())
        place = data.index(box) + 4 + offset
        assert data[place : place + len(new)] != new
        data[place : place + len(new)] = new
        (at / path).write_bytes(data)

    return plant


LOW = "audio/low/track.mp4"
ONE_FILE_FAULTS: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "a file that breaks off": (
        lambda at: (at / LOW).write_bytes((at / LOW).read_bytes()[:-100]),
        {"FILE-2", "FILE-3", "CMAF-8"},
    ),
    "an offset of its own": (
        edit_json(lambda it: it["renditions"][0]["segments"][1].update(offset=7)),
        {"FILE-2", "CMAF-8", "LIST-3"},
    ),
    "another byte range in a playlist": (
        edit("audio/low/hls.m3u8", r"#EXT-X-BYTERANGE:(\d+)@\d", r"#EXT-X-BYTERANGE:\1@7"),
        {"LIST-3"},
    ),
    "no byte range in EXT-X-MAP": (edit("audio/low/hls.m3u8", ',BYTERANGE="[^"]+"', ""), {"LIST-3"}),
    "another place of the index": (edit("dash.mpd", r'indexRange="\d', 'indexRange="1'), {"MPD-4"}),
    "another place of the init": (edit("dash.mpd", r' range="0-\d', ' range="0-1'), {"MPD-4"}),
    "another file": (edit("dash.mpd", "low/track.mp4", "high/track.mp4"), {"MPD-4"}),
    "an index of another timescale": (overwrite(LOW, b"sidx", 8, b"\0\0\0\1"), {"BOX-10", "FILE-3"}),
    "an index that begins later": (overwrite(LOW, b"sidx", 12, b"\0\0\0\0\0\0\0\1"), {"BOX-10"}),
    "an index of other sizes": (overwrite(LOW, b"sidx", 32, b"\0\0\0\1"), {"BOX-10"}),
    "an index of other durations": (overwrite(LOW, b"sidx", 36, b"\0\0\0\1"), {"BOX-10"}),
    "an index of places that are none to start": (overwrite(LOW, b"sidx", 40, b"\0"), {"BOX-10"}),
    "no index": (overwrite(LOW, b"sidx", -4, b"free"), {"BOX-10"}),
}


@pytest.mark.parametrize("fault", ONE_FILE_FAULTS)
def test_faults_in_renditions_of_one_file(
    pack: Packer, encoded: tuple[Encoded, ...], published: Publisher, key: bytes, fault: str
) -> None:
    plant, expected = ONE_FILE_FAULTS[fault]
    folder = published(pack(encoded[:1], one_file=True))
    plant(folder)
    found = rules(folder, key)
    assert expected <= found


KEY_FAULTS: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "the KID of another rendition": (
        edit_json(lambda it: it["renditions"][0].update(kid=str(UUID(int=77)))),
        {"DRM-2", "DRM-3", "MPD-6", "LIST-7"},
    ),
    "a system that is not told": (
        edit_json(lambda it: it["protection"].update(systems=["widevine", "fairplay"])),
        {"DRM-7"},
    ),
    "no Widevine in the MPD": (
        edit("dash.mpd", r"(?s)<ContentProtection[^>]+edef8ba9.+?</ContentProtection>", ""),
        {"DRM-7"},
    ),
    "no FairPlay in a playlist": (edit("audio/low/hls.m3u8", r"#EXT-X-KEY[^\n]+skd:[^\n]+\n", ""), {"DRM-7"}),
    "no Widevine in a header": (overwrite("audio/low/init.mp4", b"\xed\xef\x8b\xa9", -4, b"\0"), {"DRM-7"}),
    "another method for FairPlay": (
        edit("audio/low/hls.m3u8", r"METHOD=SAMPLE-AES(,URI=\"skd)", r"METHOD=SAMPLE-AES-CTR\1"),
        {"LIST-6"},
    ),
}


@pytest.mark.parametrize("fault", KEY_FAULTS)
def test_faults_in_keys_and_systems(
    pack: Packer, blip: tuple[Encoded, ...], published: Publisher, key: bytes, fault: str
) -> None:
    plant, expected = KEY_FAULTS[fault]
    folder = published(pack(blip[:3], encryption=of_own_keys(blip[:3], "cbcs")))
    plant(folder)
    assert expected <= rules(folder, key)


def test_two_codecs_that_are_not_cut_alike(
    pack: Packer, encoded: tuple[Encoded, ...], flac: Encoded, published: Publisher, key: bytes
) -> None:
    folder = published(pack([encoded[1], flac]))
    path = folder / "audio/lossless/00002.m4s"
    data = bytearray(path.read_bytes())
    place = data.index(b"tfdt") + 8
    data[place : place + 8] = (int.from_bytes(data[place : place + 8], "big") + 4096).to_bytes(8, "big")
    path.write_bytes(data)
    assert {"CMAF-10", "CMAF-11", "CMAF-12"} <= rules(folder, key)


@pytest.mark.parametrize("own_keys", [True, False])
def test_the_same_ivs_are_a_fault_under_one_key_only(
    pack: Packer, blip: tuple[Encoded, ...], published: Publisher, key: bytes, own_keys: bool
) -> None:
    changes = {"encryption": of_own_keys(blip[:2], "cenc")} if own_keys else {}
    folder = published(pack(blip[:2], "cenc", **changes))
    bodies = [(folder / f"audio/{name}/00001.m4s").read_bytes() for name in ("low", "normal")]
    places = [body.index(b"senc") + 12 for body in bodies]
    ivs = bodies[0][places[0] : places[0] + 8 * 4]  # four units
    changed = bodies[1][: places[1]] + ivs + bodies[1][places[1] + len(ivs) :]
    (folder / "audio/normal/00001.m4s").write_bytes(changed)
    assert ("DRM-5" in rules(folder, key)) is not own_keys
