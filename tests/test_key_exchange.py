"""Keys on their whole way: from a key server into a document, out of it into a song, and the song opened with the server's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import imageio_ffmpeg

from drm.speke.contract import kid_for
from tests.drm.speke.test_commands import TOKEN, serving, tonearm
from tests.test_publish import tune


async def test_a_song_packaged_with_fetched_keys(tmp_path: Path) -> None:
    vendor, home, document, out = (tmp_path / name for name in ("vendor", "home", "keys.xml", "out"))
    master = tune(tmp_path / "master.wav")
    files = [str(tmp_path / f"{name}.m4a") for name in ("low", "normal")]
    for file in files:
        encode = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-v",
            "error",
            "-i",
            master,
            "-c:a",
            "aac",
            "-b:a",
            "96k",
            file,
        ]
        subprocess.run(encode, check=True, timeout=60)
    licences = "https://licence.example/widevine"
    async with serving(vendor, "--license-url", f"widevine={licences}", TONEARM_SPEKE_TOKEN=TOKEN) as (
        _,
        address,
    ):
        asked = "--content-id", "song", "--per-rendition", "low,normal", "--out", str(document)
        status, said = await tonearm(home, "keys", "fetch", address, *asked, TONEARM_KEYS_FETCH_TOKEN=TOKEN)
        assert status == 0, said
    status, said = await tonearm(home, "package", *files, "--cpix", str(document), "--out", str(out))
    assert status == 0, said
    (song,) = (out / "songs").iterdir()
    status, said = await tonearm(vendor, "verify", str(song), "--json")
    assert (status, json.loads(said)["findings"]) == (0, [])  # the sound, too, with the vendor's keys
    (mpd,) = song.rglob("dash.mpd")
    for name in ("low", "normal"):
        assert str(kid_for("song", "cbcs", name)) in mpd.read_text()
    assert licences in mpd.read_text()
