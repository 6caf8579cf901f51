"""The standard players, through real CDN tiers and through addresses that are signed in the query, in real Chromium."""

from __future__ import annotations

import asyncio
import math
import os
import re
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner
from Crypto.PublicKey import RSA
from playwright.async_api import Page

import cli
from drm.key_store import KeyStore
from drm.master_key import load_master_key
from ingest.ffmpeg import find_ffmpeg
from media.registry import open_store
from origin.tokens import load_token_keys, sign
from pipeline import Recipe, Services, publish_master

pytestmark = [pytest.mark.soak, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
PAGE = "<!doctype html><title>Harness</title><audio></audio>"
RATE, SECONDS = 44100, 7
PLAYERS = ["hls.js", "dash.js", "shaka-player HLS", "shaka-player DASH"]


@dataclass(frozen=True)
class Tiers:
    """A clear song on `origin`, behind two edges that take signatures: one rewrites manifests, one defines them."""

    home: Path
    folder: str
    origin: str
    rewrite: str
    define: str

    def token(self) -> str:
        keys = load_token_keys(self.home, None)
        return sign(self.folder, keys=keys, expires_ms=time.time_ns() // 1_000_000 + 600_000)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tiers(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tiers]:
    folder = tmp_path_factory.mktemp("tiers")
    home, store, master = folder / "home", folder / "store", folder / "tone.wav"
    home.mkdir()
    with wave.open(str(master), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        tone = (int(12000 * math.sin(2 * math.pi * 441 * n / RATE)) for n in range(SECONDS * RATE))
        out.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in tone))
    services = Services(
        open_store(f"file:{store}"), KeyStore(home / "keys", load_master_key(home, None)), find_ffmpeg()
    )
    done = await publish_master(master, recipe=Recipe(scheme="none"), services=services, song_id="a-tone")
    assert done.good, done.reason
    key = RSA.generate(2048)
    (home / "private.pem").write_bytes(key.export_key())
    (home / "public.pem").write_bytes(key.public_key().export_key())
    signing = home / "signing.toml"
    signing.write_text(
        f'[akamai]\nkeys = ["{"ab" * 32}"]\n[cloudfront]\nbase = "https://d.cloudfront.net"\nkey_id = "K1"\n'
        'private_key = "private.pem"\npublic_keys = {K1 = "public.pem"}\n'
    )
    signing.chmod(0o600)
    with ExitStack() as stack:
        origin = stack.enter_context(serving(home, "origin", "--store", str(store)))
        edge = ("edge", "--origin", origin, "--signing", str(signing), "--behind-proxy")
        rewrite = stack.enter_context(serving(home, *edge))
        define = stack.enter_context(serving(home, *edge, "--carry", "define"))
        yield Tiers(home, f"songs/a-tone/{done.version}/", origin, rewrite, define)


@contextmanager
def serving(home: Path, *arguments: str) -> Iterator[str]:
    """`tonearm` as a server in a process of its own; gives its address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments, "--port", "0", "--no-access-log"],
        cwd=ROOT,
        env=os.environ | {"TONEARM_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        line = server.stderr.readline()
        found = re.search(r"on (http://127\.0\.0\.1:\d+)/", line)
        assert found, line
        yield found[1]
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        said = server.stderr.read()
        server.stderr.close()
    assert said == ""


async def plays(
    page: Page, player: str, root: str, base: str, query: str, libraries: dict[str, Path]
) -> None:
    """`player` plays the song whose manifests are at `base`, changes the quality, and comes to the end."""
    url = f"{root}/harness/"
    await page.route(url, lambda route: route.fulfill(content_type="text/html", body=PAGE))
    await page.goto(url)
    for path in [*libraries.values(), HERE / "harness.js"]:
        await page.add_script_tag(path=path)
    await page.evaluate((HERE / "meter.js").read_text())
    manifests = {"hls": f"{base}hls.m3u8{query}", "dash": f"{base}dash.mpd{query}"}
    grant = {"manifests": manifests, "license_url": f"{root}/licence"}
    assert await page.evaluate("([player, grant]) => start(player, grant)", [player, grant]) is None
    await page.wait_for_function(
        "document.querySelector('audio').currentTime > 0.3 && meter.loudest > 0.02 || complaint()",
        timeout=20_000,
    )
    assert await page.evaluate("complaint()") is None
    assert await page.evaluate("player.qualities()") == 4
    await page.evaluate("window.switched = document.querySelector('audio').currentTime; player.choose(0)")
    await page.wait_for_function(
        "player.playing() === 0 && document.querySelector('audio').currentTime > switched + 0.2 || complaint()",
        timeout=20_000,
    )
    await page.evaluate(f"document.querySelector('audio').currentTime = {SECONDS - 0.8}")
    await page.wait_for_function(
        "(() => { const a = document.querySelector('audio'); if (a.paused && !a.ended) a.play(); })()"
        " || window.ended || complaint()",
        timeout=20_000,
    )
    assert await page.evaluate("complaint()") is None


def signed_query(tiers: Tiers, kind: str) -> str:
    """What `tonearm sign` puts behind an address."""
    arguments = ["--home", str(tiers.home), "sign", f"{tiers.folder}hls.m3u8", "--kind", kind]
    result = CliRunner().invoke(cli.root, arguments)
    assert result.exit_code == 0, result.output
    return "?" + result.output.strip().partition("?")[2]


@pytest.mark.parametrize(
    ("carry", "kind", "player"),
    [
        *(("rewrite", "akamai", player) for player in PLAYERS),
        *(("define", "akamai", player) for player in PLAYERS),
        *(("rewrite", "cloudfront", player) for player in PLAYERS[:2]),
        # shaka-player 5.2 finds no variable whose name has a hyphen, as Key-Pair-Id has: over HLS it needs them rewritten.
        *(("define", "cloudfront", player) for player in PLAYERS if player != "shaka-player HLS"),
        ("rewrite", "cloudfront", "shaka-player HLS"),
    ],
)
async def test_a_player_plays_through_a_signed_query(
    carry: str, kind: str, player: str, tiers: Tiers, watched: Any, libraries: dict[str, Path]
) -> None:
    root = getattr(tiers, carry)
    await plays(watched.page, player, root, f"{root}/{tiers.folder}", signed_query(tiers, kind), libraries)
    assert watched.complaints == []


@pytest.mark.parametrize(
    ("server", "kind", "player"),
    [
        ("nginx", "tonearm", "hls.js"),
        ("nginx", "tonearm", "shaka-player DASH"),
        ("nginx", "akamai", "dash.js"),
        ("varnish", "tonearm", "dash.js"),
        ("varnish", "tonearm", "shaka-player HLS"),
        ("varnish", "akamai", "hls.js"),
    ],
)
async def test_a_player_plays_through_a_real_edge(
    server: str,
    kind: str,
    player: str,
    tiers: Tiers,
    watched: Any,
    libraries: dict[str, Path],
    tmp_path: Path,
    edge_server: Callable[[str, Path], None],
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    arguments = [
        "edge-config",
        server,
        "--origin",
        tiers.origin,
        "--verifier",
        tiers.rewrite,
        "--listen",
        listen,
    ]
    arguments += ["--cache", f"{tmp_path}:32MB", "--out", str(tmp_path / "configuration")]
    assert CliRunner().invoke(cli.root, arguments).exit_code == 0
    await asyncio.to_thread(edge_server, server, tmp_path / "configuration")
    root = f"http://{listen}"
    prefix = f"t/{tiers.token()}/" if kind == "tonearm" else ""
    query = "" if kind == "tonearm" else signed_query(tiers, kind)
    statuses: list[str] = []
    watched.page.on("response", lambda answer: statuses.append(answer.headers.get("cache-status", "")))
    for _ in range(2):
        await plays(watched.page, player, root, f"{root}/{prefix}{tiers.folder}", query, libraries)
    assert watched.complaints == []
    assert any(status.endswith(f"tonearm-{server}; hit") for status in statuses)
