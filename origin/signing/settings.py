"""The signing file: the keys of the kinds that are not our own, in TOML, for its owner alone (mode 0600).

[akamai]
keys = ["6ec2…", "0f11…"]         # hex; the first signs, all verify
name = "hdnts"                    # the parameter and the cookie; the default
salt = ""
escape = false                    # as "Escape token input" stands in Property Manager

[cloudfront]
base = "https://d111111abcdef8.cloudfront.net"
key_id = "K2JCJMDEHXQW5F"
private_key = "private.pem"       # beside this file; only who signs needs it
[cloudfront.public_keys]          # only who verifies needs them
K2JCJMDEHXQW5F = "public.pem"

[s3]
base = "https://music.s3.eu-central-1.amazonaws.com"
region = "eu-central-1"
access_key = "AKIA…"
secret_key = "…"
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from Crypto.PublicKey import RSA
from Crypto.PublicKey.RSA import RsaKey

from media.errors import SettingsError
from media.ports import UrlSigner
from origin.signing.akamai import AkamaiSigner
from origin.signing.cloudfront import CloudFrontSigner
from origin.signing.s3 import S3Signer

_MEMBERS = {
    "akamai": {"keys", "name", "salt", "escape"},
    "cloudfront": {"base", "key_id", "private_key", "public_keys"},
    "s3": {"base", "region", "access_key", "secret_key", "session_token"},
}


def read_signers(path: Path) -> dict[str, UrlSigner]:
    """The signers of the file, by kind. Raises `SettingsError`, which never quotes a key."""
    try:
        mode = path.stat().st_mode & 0o777
        document = tomllib.loads(path.read_text())
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise SettingsError(f"{path}: not TOML") from None
    if mode & 0o077:
        raise SettingsError(f"{path}: permissions {mode:04o}, but it is for its owner alone (0600)")
    makers = {"akamai": _akamai, "cloudfront": _cloudfront, "s3": _s3}
    signers: dict[str, UrlSigner] = {}
    for kind, table in document.items():
        if kind not in makers or not isinstance(table, dict):
            raise SettingsError(f"{path}: no kind of signature is called {kind!r}")
        if unknown := sorted(set(table) - _MEMBERS[kind]):
            raise SettingsError(f"{path}: [{kind}] has no {unknown[0]!r}")
        try:
            signers[kind] = makers[kind](table, path.parent)
        except KeyError as missing:
            raise SettingsError(f"{path}: [{kind}] lacks {missing}") from None
        except (TypeError, ValueError, IndexError, AttributeError):
            raise SettingsError(f"{path}: [{kind}] a key or an address that is none") from None
    return signers


def read_gate_signers(path: Path) -> list[UrlSigner]:
    """Those that an edge can verify: what is presigned for a store goes to the store."""
    return [signer for kind, signer in read_signers(path).items() if kind != "s3"]


def _akamai(table: Mapping[str, Any], folder: Path) -> UrlSigner:
    keys = [bytes.fromhex(key) for key in table["keys"]]
    if not all(16 <= len(key) <= 64 for key in keys):
        raise ValueError
    keys[0]
    name, salt = str(table.get("name", "hdnts")), str(table.get("salt", ""))
    return AkamaiSigner(keys, name, salt, bool(table.get("escape", False)))


def _cloudfront(table: Mapping[str, Any], folder: Path) -> UrlSigner:
    private = _key(folder / table["private_key"]) if "private_key" in table else None
    public = {key_id: _key(folder / name) for key_id, name in table.get("public_keys", {}).items()}
    return CloudFrontSigner(_base(table), table["key_id"] if private else "", private, public)


def _s3(table: Mapping[str, Any], folder: Path) -> UrlSigner:
    return S3Signer(
        _base(table),
        table["region"],
        table["access_key"],
        table["secret_key"],
        lambda: time.time_ns() // 1_000_000,
        table.get("session_token", ""),
    )


def _key(path: Path) -> RsaKey:
    try:
        return RSA.import_key(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (ValueError, IndexError, TypeError):
        raise SettingsError(f"{path}: no RSA key in PEM or DER") from None


def _base(table: Mapping[str, Any]) -> str:
    parts = urlsplit(table["base"])
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError
    return str(table["base"]).rstrip("/")
