"""One song, from master to first note, over real HTTP: ffmpeg and PyAV judge what `publish` wrote and `serve` serves.

ffmpeg reads the HLS media playlists as any player would: token in the path, keys through the key address, every
protection. PyAV reads init and segments joined, with the key given by hand.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy
import numpy.typing as npt
import pytest

from ingest.ffmpeg import find_ffmpeg
from media.presentation import Presentation

ROOT = Path(__file__).resolve().parent.parent
SCHEMES = ["cbcs", "cenc", "aes-128", "none"]
RENDITIONS = ["low", "normal", "high", "very_high"]
UNIT = 1024
Sound = npt.NDArray[numpy.float32]


@dataclass(frozen=True)
class Served:
    url: str
    store: Path
    home: Path
    master: Path

    def call(self, method: str, path: str, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def grant(self, song_id: str) -> dict[str, Any]:
        token = self.call("POST", "/v1/sessions/guest")["access_token"]
        grant: dict[str, Any] = self.call("GET", f"/v1/songs/{song_id}/stream", token)
        return grant


def tonearm(home: Path, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    environment = os.environ | {"TONEARM_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-m", "cli", *map(str, arguments)], cwd=ROOT, env=environment, text=True, **options
    )


@pytest.fixture(scope="module")
def served(good_masters: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real song under every protection, published and served by the command line itself."""
    folder = tmp_path_factory.mktemp("end-to-end")
    store, home, master = folder / "store", folder / "home", good_masters / "defeat-cover.flac"
    for scheme in SCHEMES:
        publish = tonearm(
            home, "publish", master, "--to", store, "--protect", scheme, "--song-id", f"song-{scheme}"
        )
        assert publish.wait(60) == 0
    server = tonearm(home, "serve", "--store", store, "--port", "0", stderr=subprocess.PIPE)
    try:
        assert server.stderr is not None
        line = server.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        rest = threading.Thread(target=server.stderr.read, daemon=True)  # a full pipe would stop the server
        rest.start()
        yield Served(found.group(), store, home, master)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        rest.join(5)
        server.stderr.close()


def decoded(container: av.container.InputContainer) -> Sound:
    """Every sample that libav gives, shape (samples, channels)."""
    channels = container.streams.audio[0].codec_context.channels
    frames = []
    for frame in container.decode(audio=0):
        if (
            frame.layout.nb_channels != channels
        ):  # noise that passes for another layout; PyAV crashes on reading it
            break
        frames.append(frame.to_ndarray())
    return numpy.concatenate(frames or [numpy.zeros((channels, 1))], axis=1).T.astype(numpy.float32)


@pytest.fixture(scope="module")
def original(served: Served) -> Sound:
    resampler = av.AudioResampler(format="fltp", layout="stereo")
    with av.open(str(served.master)) as container:
        frames = [
            made.to_ndarray() for frame in container.decode(audio=0) for made in resampler.resample(frame)
        ]
    return numpy.concatenate(frames, axis=1).T


def lag(original: Sound, heard: Sound) -> int:
    """How many samples `heard` comes after `original`, by cross-correlation of the mono sums."""
    a, b = original.mean(axis=1), heard.mean(axis=1)
    size = 1 << (len(a) + len(b)).bit_length()
    correlation = numpy.fft.irfft(numpy.fft.rfft(b, size) * numpy.conj(numpy.fft.rfft(a, size)), size)
    peak = int(numpy.argmax(correlation))
    return peak if peak < size // 2 else peak - size


@pytest.mark.parametrize("rendition", RENDITIONS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_ffmpeg_plays_every_rendition_from_the_hls(
    served: Served, original: Sound, scheme: str, rendition: str, tmp_path: Path
) -> None:
    grant = served.grant(f"song-{scheme}")
    family = "hls-identity" if scheme in ("cbcs", "cenc") else "hls"
    channels = 1 if rendition == "low" else 2
    pcm = tmp_path / "heard.f32"
    done = subprocess.run(
        [
            find_ffmpeg().path, "-hide_banner", "-nostdin", "-v", "error",
            "-i", f"{grant['base_url']}audio/{rendition}/{family}.m3u8",
            "-map", "0:a:0", "-f", "f32le", str(pcm),
        ],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    heard = numpy.fromfile(pcm, dtype="<f4").reshape(-1, channels)
    # The edit list took the priming away; the last access unit is whole, and the programme ends inside it.
    assert 0 <= len(heard) - grant["samples"] < UNIT
    assert grant["samples"] == len(original)
    assert lag(original, heard) == 0


@pytest.mark.parametrize("rendition", RENDITIONS)
@pytest.mark.parametrize("scheme", ["cbcs", "cenc", "none"])
def test_pyav_decodes_init_and_segments_with_the_key(
    served: Served, original: Sound, scheme: str, rendition: str, tmp_path: Path
) -> None:
    (folder,) = (path for path in (served.store / "songs" / f"song-{scheme}").iterdir() if path.is_dir())
    presentation = Presentation.from_json((folder / "presentation.json").read_bytes())
    made = presentation.rendition(rendition)
    joined = tmp_path / "joined.mp4"
    joined.write_bytes(
        b"".join(
            (folder / path).read_bytes() for path in [made.init, *(segment.path for segment in made.segments)]
        )
    )
    options = {}
    if presentation.protection.kid is not None:
        exported = tmp_path / "keys.json"
        arguments = ["keys", "export", str(presentation.protection.kid), "--out", str(exported)]
        assert tonearm(served.home, *arguments).wait(20) == 0
        options["decryption_key"] = json.loads(exported.read_text())[str(presentation.protection.kid)]
    with av.open(str(joined), options=options) as container:
        heard = decoded(container)
    assert sum(segment.duration for segment in made.segments) == presentation.samples == len(original)
    assert 0 <= len(heard) - presentation.samples < UNIT
    assert lag(original, heard) == 0


def test_without_the_right_key_there_is_no_music(served: Served, original: Sound, tmp_path: Path) -> None:
    """What is served under cbcs is noise, or nothing, to whoever has another key: it really is encrypted."""
    (folder,) = (path for path in (served.store / "songs" / "song-cbcs").iterdir() if path.is_dir())
    presentation = Presentation.from_json((folder / "presentation.json").read_bytes())
    made = presentation.rendition("high")
    joined = tmp_path / "joined.mp4"
    joined.write_bytes(
        b"".join(
            (folder / path).read_bytes() for path in [made.init, *(segment.path for segment in made.segments)]
        )
    )
    try:
        with av.open(str(joined), options={"decryption_key": "00" * 16}) as container:
            heard = decoded(container)
    except av.error.FFmpegError:
        return
    length = min(len(heard), len(original))
    likeness = numpy.corrcoef(heard[:length].mean(axis=1), original[:length].mean(axis=1))[0, 1]
    assert not abs(likeness) > 0.2


def test_what_publish_wrote_becomes_searchable(served: Served) -> None:
    found = served.call("GET", "/v1/search?q=defaet")
    assert {item["song"]["song_id"] for item in found["items"]} >= {f"song-{scheme}" for scheme in SCHEMES}


def test_the_virtual_player_hears_every_protection(served: Served) -> None:
    for scheme in SCHEMES:
        grant = served.grant(f"song-{scheme}")
        play = tonearm(
            served.home, "play", grant["manifests"]["hls"], "--runs", "2", "--target-ms", "5000", "--json",
            stdout=subprocess.PIPE,
        )  # fmt: skip
        output, _ = play.communicate(timeout=60)
        assert play.returncode == 0
        assert json.loads(output)


def test_verify_finds_nothing_wrong(served: Served) -> None:
    for scheme in SCHEMES:
        verify = tonearm(
            served.home, "verify", served.store / "songs" / f"song-{scheme}", "--master", served.master, "--json",
            stdout=subprocess.PIPE,
        )  # fmt: skip
        output, _ = verify.communicate(timeout=60)
        assert (verify.returncode, scheme, output) == (0, scheme, output)
