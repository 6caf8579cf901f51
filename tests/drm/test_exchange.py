"""``tonearm keys export --format cpix`` and ``import``: from one key store into another, and what is refused on the way."""

from __future__ import annotations

import io
import json
import re
import stat
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import pytest
from click.testing import CliRunner, Result
from lxml import etree
from rich.console import Console

from drm.commands import keys
from drm.cpix import CpixKey, Document, read, write
from drm.key_store import KeyStore
from drm.signalling import signal
from drm.systems import FAIRPLAY, PLAYREADY, WIDEVINE
from media.errors import ContentKeyError, FormatError, KeyMissing, SettingsError

NAMES = {"c": "urn:dashif:org:cpix", "p": "urn:ietf:params:xml:ns:keyprov:pskc"}
Put = Callable[..., str]


@dataclass
class Context:
    folder: Path
    console: Console

    def key_store(self) -> KeyStore:
        return KeyStore(self.folder, bytes(32))


@pytest.fixture
def here(tmp_path: Path) -> Context:
    return Context(tmp_path / "keys", Console(file=io.StringIO(), width=40))


@pytest.fixture
def there(tmp_path: Path) -> Context:
    return Context(tmp_path / "their keys", Console(file=io.StringIO(), width=40))


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def write_file(name: str, data: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(data)
        path.chmod(0o600)
        return str(path)

    return write_file


def run(context: Context, *arguments: str) -> tuple[Result, str]:
    """The result, and everything that was said anywhere; no key is ever in it."""
    result = CliRunner().invoke(keys, arguments, obj=context)
    assert isinstance(context.console.file, io.StringIO)
    said = result.output + context.console.file.getvalue() + str(result.exception)
    for key in context.key_store().list():
        assert key.key.hex() not in said
        assert b64encode(key.key).decode() not in said
    return result, said


def test_encrypted_and_signed_from_one_store_into_another(
    here: Context, there: Context, put: Put, tmp_path: Path, packager: Any, server: Any, stranger: Any
) -> None:
    made = [here.key_store().for_scope(scope) for scope in ("song.a", "song.b")]
    theirs = put("theirs.der", packager.certificate.der)
    also = put("also.der", stranger.certificate.der)
    ours = (
        "--sign",
        put("ours.pem", server.key.export_key("PEM")),
        "--sign-cert",
        put("ours.der", server.certificate.der),
    )
    out = tmp_path / "keys.xml"
    result, said = run(
        here, "export", "--format", "cpix", "--out", str(out), "--recipient", theirs, "--recipient", also, *ours
    )  # fmt: skip
    assert result.exit_code == 0, said
    assert f"2 keys in {out}, encrypted for 2\n" in said
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert b"PlainValue" not in out.read_bytes()
    opened = read(out.read_bytes(), recipient=packager.key, signers=[server.certificate])
    assert opened.version == "2.3"
    for key in made:
        assert opened.key_for(label=key.scope, channels=2, bitrate=1) == CpixKey(key.kid, key.key, "cbcs")

    taking = "import", str(out), "--recipient-key", put("theirs.pem", packager.key.export_key("PEM"))
    signer = "--signer", put("signer.der", server.certificate.der)
    for new in (2, 0):  # the second time is no error, and changes nothing
        taken, said = run(there, *taking, *signer, "--json")
        assert f"2 keys in {out}, {new} of them new\n" in said
        assert {(row["kid"], row["scope"]) for row in map(json.loads, taken.stdout.splitlines())} == {
            (str(key.kid), f"cpix:keys.xml:{key.kid}") for key in made
        }
    assert [there.key_store().get(key.kid).key for key in made] == [key.key for key in made]
    refused, _ = run(there, *taking, "--signer", also)
    assert isinstance(refused.exception, ContentKeyError)
    assert "not by a signer that is known" in str(refused.exception)


def test_in_the_clear_only_when_asked(here: Context, tmp_path: Path) -> None:
    key = here.key_store().for_scope("song.a")
    out = tmp_path / "keys.xml"
    silent, said = run(here, "export", "--format", "cpix", "--out", str(out))
    assert silent.exit_code == click.UsageError.exit_code
    assert "--clear" in said
    assert not out.exists()
    _, said = run(here, "export", "--format", "cpix", "--out", str(out), "--clear", "--scheme", "cenc")
    assert f"1 key in {out}, in the clear\n" in said
    root = etree.fromstring(out.read_bytes())
    assert root.get("contentId") == "song.a"
    assert root.findtext(".//p:PlainValue", None, NAMES) == b64encode(key.key).decode()
    assert root.find("c:ContentKeyList/c:ContentKey", NAMES).get("commonEncryptionScheme") == "cenc"  # type: ignore[union-attr]


def test_signalling_for_the_systems_asked_for(here: Context, tmp_path: Path) -> None:
    key = here.key_store().for_scope("song.a")
    out = tmp_path / "keys.xml"
    url = "https://licence.example/widevine?a=b"
    systems = "--drm", "widevine, playready,fairplay", "--license-url", f"widevine={url}"
    result, said = run(here, "export", "--format", "cpix", "--clear", "--out", str(out), *systems)
    assert result.exit_code == 0, said
    widevine, playready, fairplay = read(out.read_bytes()).drm
    assert [each.system_id for each in (widevine, playready, fairplay)] == [
        system.system_id for system in (WIDEVINE, PLAYREADY, FAIRPLAY)
    ]
    expected = signal(WIDEVINE, key.kid, "cbcs", license_url=url)
    assert (widevine.pssh, widevine.content_protection) == (expected.pssh, expected.content_protection)
    assert (widevine.hls_media, widevine.hls_multivariant) == (expected.media_tag, expected.multivariant_tag)
    assert (fairplay.pssh, fairplay.content_protection) == (None, None)


def test_labels_say_which_rendition_a_key_is_for(here: Context, tmp_path: Path) -> None:
    low, high = (here.key_store().for_scope(scope) for scope in ("a", "b\x07"))
    out = tmp_path / "keys.xml"
    chosen = str(low.kid), str(high.kid), str(low.kid)
    labels = "--label", f"{low.kid}=low", "--label", f"{low.kid}=normal"
    run(here, "export", *chosen, "--format", "cpix", "--clear", "--out", str(out), *labels)
    document = read(out.read_bytes())
    named = {
        name: document.key_for(label=name, channels=2, bitrate=1) for name in ("low", "normal", "b\\x07", "a")
    }
    assert {name: key and key.kid for name, key in named.items()} == {
        "low": low.kid,
        "normal": low.kid,
        "b\\x07": high.kid,
        "a": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--recipient", "x"], "--format cpix"),
        (["--format", "shaka", "--drm", "widevine"], "--format cpix"),
        (["--format", "cpix", "--clear", "--recipient", "x"], "Either --recipient, or --clear"),
        (["--format", "cpix", "--clear", "--sign", "x"], "belong together"),
        (["--format", "cpix", "--clear", "--drm", "moon"], "no DRM system 'moon'"),
        (["--format", "cpix", "--clear", "--license-url", "widevine"], "= and an address"),
        (["--format", "cpix", "--clear", "--label", "low"], "a KID, = and the name"),
    ],
)
def test_wrong_usage_of_export(here: Context, tmp_path: Path, options: list[str], reason: str) -> None:
    here.key_store().for_scope("song.a")
    result, said = run(here, "export", "--out", str(tmp_path / "out"), *options)
    assert result.exit_code == click.UsageError.exit_code
    assert reason in said
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_exported(here: Context, put: Put, tmp_path: Path, server: Any, stranger: Any) -> None:
    export = "export", "--format", "cpix", "--clear", "--out", str(tmp_path / "out")
    assert isinstance(run(here, *export)[0].exception, KeyMissing)  # an empty store
    first, second = (here.key_store().for_scope(scope) for scope in ("song.a", "song.b"))
    fairplay, _ = run(here, *export, "--drm", "fairplay", "--scheme", "cenc")
    assert "FairPlay does not decrypt 'cenc'" in str(fairplay.exception)
    both = "--label", f"{first.kid}=low", "--label", f"{second.kid}=low"
    assert "two keys for one rendition" in str(run(here, *export, *both)[0].exception)
    unknown, _ = run(here, *export, "--label", f"{UUID(int=1)}=low")
    assert isinstance(unknown.exception, KeyMissing)
    wrong = (
        "--sign",
        put("ours.pem", server.key.export_key("PEM")),
        "--sign-cert",
        put("c.der", stranger.certificate.der),
    )
    assert re.search(
        r"ours\.pem: not the private key of .*c\.der", str(run(here, *export, *wrong)[0].exception)
    )
    assert not (tmp_path / "out").exists()


def test_our_json_comes_back(here: Context, there: Context, tmp_path: Path, put: Put, server: Any) -> None:
    made = [here.key_store().for_scope(scope) for scope in ("song.a", "song.b")]
    out = tmp_path / "all.json"
    run(here, "export", "--out", str(out))
    result, said = run(there, "import", str(out))
    assert result.exit_code == 0, said
    assert {(key.kid, key.key, key.scope) for key in there.key_store().list()} == {
        (key.kid, key.key, f"json:all.json:{key.kid}") for key in made
    }
    # At home they are known by what they are for, and stay so.
    run(here, "import", str(out))
    assert here.key_store().list() == made
    signed, _ = run(there, "import", str(out), "--signer", put("signer.der", server.certificate.der))
    assert "JSON, which nobody signs" in str(signed.exception)


def test_another_key_for_a_kid_that_is_there(here: Context, put: Put) -> None:
    known = here.key_store().add(UUID(int=1), bytes(16), "song.a")
    document = Document("song", (CpixKey(UUID(int=2), bytes(16)), CpixKey(UUID(int=1), bytes([1]) * 16)))
    for data in (
        write(document),
        json.dumps({str(UUID(int=2)): "00" * 16, str(UUID(int=1)): "01" * 16}).encode(),
    ):
        result, _ = run(here, "import", put("received", data))
        assert isinstance(result.exception, ContentKeyError)
        assert str(result.exception).startswith(f"another key is stored for {UUID(int=1)}")
        assert here.key_store().list() == [known]  # and nothing else of that file


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "a JSON object"),
        (b'{"a": 1}', "a JSON object"),
        (b'{"1": "00"}', "a JSON object"),
        (b'{"00000000-0000-0000-0000-000000000001": null}', "a JSON object"),
        (b'{"00000000-0000-0000-0000-000000000001": "00"}', "has 1 bytes; 16"),
        (b'{"00000000-0000-0000-0000-000000000001": "00", "00000000000000000000000000000001": "01"}', "two keys for"),
        (b"{" + b'"a":{' * 9000, "a JSON object"),
        (b"label=x", "CPIX: "),
        (write(Document("song", (CpixKey(UUID(int=1)),))), "has no value; this is a question"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_keys(here: Context, put: Put, data: bytes, reason: str) -> None:
    path = put("received", data)
    result, _ = run(here, "import", path)
    assert isinstance(result.exception, FormatError)
    assert re.match(rf"{path}: .*{re.escape(reason)}", str(result.exception))
    assert "\n" not in str(result.exception)


def test_a_file_that_is_not_there(here: Context, tmp_path: Path) -> None:
    result, _ = run(here, "import", str(tmp_path / "none"))
    assert isinstance(result.exception, SettingsError)
