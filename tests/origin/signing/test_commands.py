"""`tonearm sign` as people call it: what it prints opens what it should."""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result
from Crypto.PublicKey import RSA

import cli
from media.errors import SettingsError, TonearmError
from media.ports import SignedRequest
from origin.signing.settings import read_gate_signers, read_signers
from origin.tokens import load_token_keys, verify

FOLDER = "songs/a-song/0123456789abcdef"
MANIFEST = f"{FOLDER}/hls.m3u8"
SEGMENT = f"{FOLDER}/audio/normal/00001.m4s"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a signing file and its keys."""
    home = tmp_path / "home"
    home.mkdir()
    key = RSA.generate(1024)
    (home / "private.pem").write_bytes(key.export_key())
    (home / "public.pem").write_bytes(key.public_key().export_key())
    write(
        home / "signing.toml",
        f"""
        [akamai]
        keys = ["{"ab" * 32}"]
        [cloudfront]
        base = "https://d.cloudfront.net"
        key_id = "K1"
        private_key = "private.pem"
        public_keys = {{K1 = "public.pem"}}
        [s3]
        base = "http://127.0.0.1:8333/music"
        region = "us-east-1"
        access_key = "AKID"
        secret_key = "secret"
        """,
    )
    return home


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli.root, ["--home", str(home), "sign", *arguments])


def printed(home: Path, *arguments: str) -> str:
    result = run(home, *arguments)
    assert result.exit_code == 0, result.output
    return result.output.strip()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_our_own_kind_is_the_default_and_opens_the_presentation(home: Path) -> None:
    url = printed(home, f"http://127.0.0.1:8080/{MANIFEST}", "--user", "u42", "--ip", "192.0.2.7")
    before, token, path = (
        url.partition("/t/")[0],
        url.split("/")[4],
        url.partition("/t/")[2].partition("/")[2],
    )
    assert (before, path) == ("http://127.0.0.1:8080", MANIFEST)
    claims = verify(token, SEGMENT, keys=load_token_keys(home, None), now_ms=now_ms(), client="192.0.2.7")
    assert (claims.user, claims.version) == ("u42", "0123456789abcdef")
    assert 1_190_000 < claims.expires_ms - now_ms() <= 1_200_000


def test_a_path_stays_a_path(home: Path) -> None:
    for path in (MANIFEST, f"/{MANIFEST}"):
        assert printed(home, path).startswith("t/")


@pytest.mark.parametrize("kind", ["akamai", "cloudfront"])
def test_other_kinds_open_the_presentation_by_query_and_by_cookie(home: Path, kind: str) -> None:
    signer = read_signers(home / "signing.toml")[kind]
    url = printed(home, f"https://d.cloudfront.net/{MANIFEST}", "--kind", kind, "--expires", "2h")
    terms = signer.verify(SignedRequest(SEGMENT, urlsplit(url).query), now_ms=now_ms() + 7_100_000)
    assert terms.scopes == (f"{FOLDER}/*",)
    lines = printed(home, MANIFEST, "--kind", kind, "--cookies").splitlines()
    cookies = dict(line.split("=", 1) for line in lines)
    assert signer.verify(SignedRequest(SEGMENT, "", cookies), now_ms=now_ms()).scopes == (f"{FOLDER}/*",)


def test_s3_opens_the_object(home: Path) -> None:
    document = json.loads(printed(home, MANIFEST, "--kind", "s3", "--json"))
    assert document["scopes"] == [MANIFEST]
    signer = read_signers(home / "signing.toml")["s3"]
    assert signer.verify(SignedRequest(MANIFEST, document["query"]), now_ms=now_ms()).scopes == (MANIFEST,)


def test_an_edge_does_not_verify_what_is_presigned_for_a_store(home: Path) -> None:
    assert len(read_gate_signers(home / "signing.toml")) == 2


def test_scopes_and_beginnings(home: Path) -> None:
    document = json.loads(
        printed(
            home, MANIFEST, "--scope", "songs/a-song/*", "--scope", "songs/b/x", "--begins", "60", "--json"
        )
    )
    assert document["scopes"] == ["songs/a-song/*", "songs/b/x"]
    assert 1_250_000 < document["expires_at"] - now_ms() <= 1_260_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["songs/a-song/current.json"], "lies in no version of a song"),
        (["http://h/x"], "has no songs/"),
        ([f"ftp://h/{MANIFEST}"], "neither an http(s) address"),
        ([f"http://h/{MANIFEST}?x"], "neither an http(s) address"),
        ([MANIFEST, "--expires", "soon"], "'soon' is not a time"),
        ([MANIFEST, "--cookies"], "tonearm knows no cookies"),
        ([MANIFEST, "--kind", "s3", "--cookies"], "s3 knows no cookies"),
    ],
)
def test_wrong_usage_is_said(home: Path, arguments: list[str], said: str) -> None:
    result = run(home, *arguments)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[akamai", "not TOML"),
        ("[fastly]", "no kind of signature is called 'fastly'"),
        ("[akamai]\nkey = 'ab'", "[akamai] has no 'key'"),
        ("[akamai]", "[akamai] lacks 'keys'"),
        ("[akamai]\nkeys = []", "[akamai] a key"),
        ("[akamai]\nkeys = ['secret']", "[akamai] a key"),
        ("[akamai]\nkeys = ['abab']", "[akamai] a key"),
        ("[cloudfront]\nbase = 'd.cloudfront.net'", "[cloudfront] a key or an address"),
        ("[cloudfront]\nbase = 'https://d'\nkey_id='K'\nprivate_key = 'no.pem'", "no.pem: No such file"),
        ("[cloudfront]\nbase = 'https://d'\nkey_id='K'\nprivate_key = 'signing.toml'", "no RSA key"),
        ("[s3]\nbase = 'https://d'", "[s3] lacks 'region'"),
    ],
)
def test_a_broken_signing_file_is_one_line_that_quotes_no_key(home: Path, text: str, said: str) -> None:
    write(home / "signing.toml", text)
    with pytest.raises(SettingsError) as refusal:
        read_signers(home / "signing.toml")
    assert said in str(refusal.value)
    assert "secret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_signing_file_that_others_may_read_is_refused(home: Path) -> None:
    (home / "signing.toml").chmod(0o644)
    with pytest.raises(SettingsError, match="0644"):
        read_signers(home / "signing.toml")


def test_errors_of_a_kind_come_out_as_ours(home: Path) -> None:
    result = run(home, MANIFEST, "--kind", "cloudfront", "--user", "u42")
    assert isinstance(result.exception, TonearmError)
    assert "no place for a user" in str(result.exception)
    (home / "signing.toml").unlink()
    assert "No such file" in str(run(home, MANIFEST, "--kind", "akamai").exception)
