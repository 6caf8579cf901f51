"""The servers: the same song packaged by us behind `tonearm serve`, and by Shaka Packager behind nginx, in the clear and with ClearKey.

All of them listen on loopback, and the far end of the link relays to them. TLS 1.3 is nginx's, also before `tonearm serve`.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.links import certificate
from benchmarks.origin import free_port, process
from benchmarks.packaging import KEY, KID
from benchmarks.renditions import renditions
from demo.children import TONEARM, child
from edge_sim.links.relay import Relay
from edge_sim.player import play
from edge_sim.player.connection import SocketFactory

PROTECTIONS = ("none", "cbcs")
_NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  types {{ audio/mp4 m4s mp4; application/vnd.apple.mpegurl m3u8; application/dash+xml mpd; }}
  access_log off; sendfile on; keepalive_timeout 300; keepalive_requests 1000000;
  ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem; ssl_protocols TLSv1.3;
  # A listener who comes for the first time: nothing to resume
  ssl_session_tickets off; ssl_session_cache off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  upstream tonearm {{ server 127.0.0.1:{tonearm}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{secure} ssl; root {folder}/shaka;
    location = /licence {{ default_type application/json; return 200 '{licence}'; }}
    # Other names for each start: what a browser remembers by its address is no start
    rewrite ^/start/[0-9]+/(.*)$ /$1 last;
  }}
  server {{
    listen 127.0.0.1:{front} ssl;
    location / {{ proxy_pass http://tonearm; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }}
  }}
}}
"""
_KID64, _KEY64 = (urlsafe_b64encode(bytes.fromhex(each)).rstrip(b"=").decode() for each in (KID, KEY))
_LICENCE = json.dumps({"keys": [{"kty": "oct", "kid": _KID64, "k": _KEY64}], "type": "temporary"})


@dataclass(frozen=True, slots=True)
class Stage:
    """Addresses at the far end, by server (``tonearm``, ``nginx``) and whether over TLS; `direct` is our server without a link."""

    roots: dict[tuple[str, bool], str]
    direct: dict[bool, str]
    certificate: Path
    missing: dict[str, str] = field(default_factory=dict)  # server → why it is not there


def prepare(folder: Path, packager: str) -> None:
    """Everything packaged, once for all links, and a certificate."""
    folder.chmod(0o755)  # nginx's worker is another user where its master is root
    files, _ = renditions(Path("build/bench/song"))
    for scheme in PROTECTIONS:
        command = [
            TONEARM,
            "--home",
            f"{folder}/home",
            "package",
            *map(str, files),
            "--out",
            f"{folder}/store",
        ]
        subprocess.run(
            [*command, "--protect", scheme, "--song-id", f"song-{scheme}", "--title", scheme],
            check=True,
            capture_output=True,
        )
    if packager:
        for scheme in PROTECTIONS:
            _shaka(packager, files, scheme, folder / "shaka" / scheme)
    certificate(folder)


@contextmanager
def staged(relay: Relay, folder: Path, packager: str) -> Iterator[Stage]:
    """What lies in `folder`, served."""
    missing = {} if packager else {"nginx": "no Shaka Packager (make bench installs it)"}
    ports = {name: free_port() for name in ("plain", "secure", "front")}
    with ExitStack() as stack:
        front = relay.address("127.0.0.1", ports["front"])
        secure_root = f"https://{front[0]}:{front[1]}"
        clear = stack.enter_context(_tonearm(folder))
        behind = stack.enter_context(_tonearm(folder, "--edge-url", secure_root))
        configuration = folder / "nginx.conf"
        configuration.write_text(_NGINX.format(folder=folder, tonearm=behind, licence=_LICENCE, **ports))
        stack.enter_context(
            process(["nginx", "-c", str(configuration), "-e", f"{folder}/error.log"], ports["plain"], 0)
        )
        plain = {
            "tonearm": relay.address("127.0.0.1", clear),
            "nginx": relay.address("127.0.0.1", ports["plain"]),
        }
        roots = {(name, False): f"http://{host}:{port}" for name, (host, port) in plain.items()}
        secure = relay.address("127.0.0.1", ports["secure"])
        roots |= {("tonearm", True): secure_root, ("nginx", True): f"https://{secure[0]}:{secure[1]}"}
        direct = {False: f"http://127.0.0.1:{clear}", True: f"http://127.0.0.1:{behind}"}
        yield Stage(roots, direct, folder / "certificate.pem", missing)


@contextmanager
def _tonearm(folder: Path, *options: str) -> Iterator[int]:
    """The port of a `tonearm serve`."""
    command = [
        TONEARM,
        "--home",
        f"{folder}/home",
        "serve",
        "--store",
        f"{folder}/store",
        "--port",
        "0",
        *options,
    ]
    database = f"sqlite+aiosqlite:///{folder}/{len(options)}.sqlite"
    with child([*command, "--database", database], stderr=subprocess.PIPE) as server:
        assert server.stderr is not None
        line = server.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if found is None:
            raise SystemExit(line + server.stderr.read())
        yield int(found[1])


def _shaka(packager: str, files: list[Path], scheme: str, out: Path) -> None:
    """The ladder to HLS and DASH over the same segments, as its documentation shows; the raw key lies beside them."""
    command = [packager]
    for file in files:
        command.append(
            f"in={file},stream=audio,init_segment={out}/{file.stem}/init.mp4,segment_template={out}/{file.stem}/$Number%05d$.m4s,"
            f"playlist_name={file.stem}.m3u8,hls_group_id=audio,drm_label=AUDIO"
        )
    command += [
        "--hls_master_playlist_output",
        f"{out}/hls.m3u8",
        "--mpd_output",
        f"{out}/dash.mpd",
        "--segment_duration",
        "4",
    ]
    command.append("--generate_static_live_mpd")  # or else the manifest says that it is live
    if scheme != "none":
        command += ["--clear_lead", "0", "--protection_scheme", scheme, "--enable_raw_key_encryption"]
        command += ["--keys", f"label=AUDIO:key_id={KID}:key={KEY}", "--hls_key_uri", "../key.bin"]
    subprocess.run(command, check=True, capture_output=True)
    (out.parent / "key.bin").write_bytes(bytes.fromhex(KEY))
    for path in [out.parent, *out.parent.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def guest(root: str) -> str:
    """A session at our server."""
    with urllib.request.urlopen(urllib.request.Request(f"{root}/v1/sessions/guest", method="POST")) as answer:
        return str(json.load(answer)["access_token"])


def warm(root: str, make_socket: SocketFactory) -> None:
    """Everything that a start may ask for, once: what is measured is not a cold edge."""
    for scheme in PROTECTIONS:
        for manifest in ("hls", "dash", "presentation", *(["hls-identity"] if scheme != "none" else [])):
            asyncio.run(
                play(f"{root}/v1/songs/song-{scheme}/stream", manifest=manifest, make_socket=make_socket)
            )
