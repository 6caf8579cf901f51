"""``tonearm verify`` as it is called, from a folder and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from drm.key_store import KeyStore
from media import layout
from media.access_units import Encoded
from media.errors import ObjectMissing, SettingsError, StoreUnavailable
from media.serving import application, listening
from packager.commands import verify as command
from packager.package import Package
from packager.verify.verification import Report, verify

KID = "0a1b2c3d-0000-4000-8000-00000000cafe"


class Context:
    def __init__(self, home: Path) -> None:
        self.home = home

    def key_store(self) -> KeyStore:
        return KeyStore(self.home / "keys", bytes(32))


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(tmp_path / "home")


@pytest.fixture
def folder(
    pack: Callable[..., Package], blip: tuple[Encoded, ...], published: Callable[[Package], Path]
) -> Path:
    return published(pack(blip, "cbcs"))


def call(context: Context, *arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, obj=context, standalone_mode=False)


def test_a_good_presentation_is_0_and_a_broken_one_5(folder: Path, context: Context, key: bytes) -> None:
    good = call(context, str(folder), "--key", f"{KID}:{key.hex()}")
    assert good.return_value == 0
    assert "0 errors, 0 warnings. Nothing is broken." in good.output
    assert not context.home.exists()  # a key that was given needs no key store
    (folder / "audio/low/00001.m4s").unlink()
    broken = call(context, str(folder), "--key", f"{KID}:{key.hex()}")
    assert broken.return_value == 5
    assert "FILE-1" in broken.output
    assert "audio/low/00001.m4s: it is not there" in broken.output


def test_the_key_comes_from_the_key_store(folder: Path, context: Context, key: bytes) -> None:
    from uuid import UUID

    without = call(context, str(folder))
    assert without.return_value == 0
    assert "DRM-6" in without.output
    context.key_store().add(UUID(KID), key, "a-song")
    assert "DRM-6" not in call(context, str(folder)).output


def test_machines_get_one_object(folder: Path, context: Context, key: bytes) -> None:
    (folder / "dash.mpd").unlink()
    result = call(context, str(folder), "--json", "--key", f"{KID}:{key.hex()}")
    document = json.loads(result.stdout)
    assert (document["song_id"], document["clean"], document["samples"]) == ("a-song", False, 2205)
    (finding,) = document["findings"]
    assert (finding["rule"], finding["severity"], finding["place"]) == ("FILE-1", "error", "dash.mpd")
    assert key.hex() not in result.output


@pytest.mark.parametrize("value", ["nonsense", f"{KID}:00", f"{KID}:{'zz' * 16}", "00" * 16])
def test_a_key_that_is_none_is_wrong_usage(folder: Path, context: Context, value: str) -> None:
    result = CliRunner().invoke(command, [str(folder), "--key", value], obj=context)
    assert result.exit_code == 2


def test_what_is_not_there_is_said_in_one_line(context: Context, tmp_path: Path) -> None:
    result = call(context, str(tmp_path / "nowhere"))
    assert isinstance(result.exception, ObjectMissing)
    assert "neither presentation.json nor current.json" in str(result.exception)


async def over_http(folder: Path, key: bytes, address: str, headers: dict[str, str]) -> Report:
    """Serve `folder` as an origin does, and verify what lies at `address` below the token."""

    async def serve(request: web.Request) -> web.Response:
        path = folder / request.match_info["path"]
        if not path.is_file():
            raise web.HTTPNotFound
        kind = layout.media_type(path.name)
        own = {"Content-Type": kind, "Cache-Control": layout.IMMUTABLE}
        return web.Response(body=path.read_bytes(), headers=own | headers)

    prefix = "/t/token/songs/a-song/0123456789abcdef/"
    app = application("test", [web.get(prefix + "{path:.+}", serve)])
    async with listening(app, "127.0.0.1", 0) as port:
        base = f"http://127.0.0.1:{port}{prefix}"
        report = await verify(base + address, find_key=lambda kid: key)
        assert report.root == base.rstrip("/")
        return report


@pytest.mark.parametrize(
    "address", ["", "presentation.json", "hls.m3u8?x=1#y", "audio/low/hls-identity.m3u8"]
)
async def test_over_http_it_is_the_same(folder: Path, key: bytes, address: str) -> None:
    report = await over_http(folder, key, address, {})
    assert report.findings == ()


async def test_over_http_headers_are_checked(folder: Path, key: bytes) -> None:
    headers: dict[str, Any] = {"Cache-Control": "no-store", "Content-Type": "text/plain"}
    report = await over_http(folder, key, "", headers)
    assert {(finding.rule, finding.severity) for finding in report.findings} == {
        ("FILE-4", "warning"),
        ("FILE-5", "warning"),
    }
    assert report.clean


async def test_a_server_that_is_not_there_is_an_error(unused_tcp_port: int) -> None:
    with pytest.raises(StoreUnavailable):
        await verify(f"http://127.0.0.1:{unused_tcp_port}/x/", find_key=lambda kid: None)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("http://[::1", SettingsError),
        ("http://", StoreUnavailable),
        ("http://127.0.0.1:99999/x", StoreUnavailable),
    ],
)
async def test_an_address_that_is_none(address: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"http://.*: (Invalid IPv6 URL|not an address)"):
        await verify(address, find_key=lambda kid: None)


@pytest.mark.parametrize("elsewhere", ["http://127.0.0.1:1/", "file:///etc/hostname", "/other/x"])
async def test_a_server_sends_the_verifier_nowhere_else(folder: Path, key: bytes, elsewhere: str) -> None:
    async def serve(request: web.Request) -> web.Response:
        path = folder / request.match_info["path"]
        if path.name != "presentation.json":
            return web.Response(status=302, headers={"Location": elsewhere})
        return web.Response(body=path.read_bytes())

    async with listening(application("test", [web.get("/{path:.+}", serve)]), "127.0.0.1", 0) as port:
        report = await verify(f"http://127.0.0.1:{port}", find_key=lambda kid: key)
    assert not report.clean
    assert {finding.rule for finding in report.findings if finding.severity == "error"} == {"FILE-1"}
    assert all("status 302, it is at " + elsewhere in finding.text for finding in report.findings)


def test_a_presentations_words_are_text_on_the_terminal(folder: Path, context: Context, key: bytes) -> None:
    path = folder / "presentation.json"
    document = json.loads(path.read_text())
    document["song"]["title"] = "\x1b]0;title\x07two\nlines"
    document["cover"] = "public/\x1b[2J"
    path.write_text(json.dumps(document))
    said = call(context, str(folder), "--key", f"{KID}:{key.hex()}").output
    assert "\\x1b]0;title\\x07two\\nlines: 4 renditions" in said
    assert "\x1b" not in said


async def test_a_refused_file_is_a_finding(folder: Path, key: bytes) -> None:
    async def serve(request: web.Request) -> web.Response:
        path = folder / request.match_info["path"]
        if path.name == "00001.m4s":
            raise web.HTTPForbidden
        return web.Response(
            body=path.read_bytes(),
            headers={
                "Content-Type": layout.media_type(path.name),
                "Cache-Control": layout.IMMUTABLE,
            },
        )

    async with listening(application("test", [web.get("/{path:.+}", serve)]), "127.0.0.1", 0) as port:
        report = await verify(f"http://127.0.0.1:{port}", find_key=lambda kid: key)
    assert [finding.rule for finding in report.findings] == ["FILE-1"] * 4
    assert all("status 403" in finding.text for finding in report.findings)
