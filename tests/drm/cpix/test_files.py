"""Documents, keys and certificates in files: every error names the file, and a private key is nobody else's."""

from __future__ import annotations

import os
import shutil
import subprocess
from base64 import encodebytes
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from drm.cpix import CpixKey, Document, read, write
from drm.cpix.files import load, load_certificate, load_private_key
from media.errors import ContentKeyError, FormatError, SettingsError, TonearmError

DOCUMENT = Document("song", (CpixKey(UUID(int=1), b"sixteen bytes ok", "cbcs"),))


def pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + encodebytes(der) + b"-----END CERTIFICATE-----\n"


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    def write_file(name: str, data: bytes, mode: int = 0o600) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        path.chmod(mode)
        return path

    return write_file


def test_encrypted_and_signed_out_of_files(put: Any, packager: Any, server: Any, stranger: Any) -> None:
    path = put("keys.xml", write(DOCUMENT, recipients=[packager.certificate], signer=server.signer), 0o644)
    key = put("ours.pem", packager.key.export_key("PEM", pkcs=8))
    known = [put("other.der", stranger.certificate.der), put("theirs.pem", pem(server.certificate.der))]
    assert load(path, private_key=key, signers=known).keys == DOCUMENT.keys
    with pytest.raises(ContentKeyError, match=r"^\S+/keys\.xml: .*no private key is at hand"):
        load(path)
    with pytest.raises(ContentKeyError, match=r"^\S+/keys\.xml: .*not by a signer that is known"):
        load(path, private_key=key, signers=known[:1])


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_a_private_key_that_others_reach_is_refused(put: Any, packager: Any, mode: int) -> None:
    path = put("ours.pem", packager.key.export_key("PEM"), mode)
    with pytest.raises(ContentKeyError, match=rf"^{path}: mode 0{mode:o} lets others in; chmod 600 it$"):
        load_private_key(path)
    path.chmod(0o400)
    assert load_private_key(path) == packager.key


def test_a_private_key_out_of_a_pipe(packager: Any) -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, packager.key.export_key("PEM"))
        os.close(writer)
        assert load_private_key(Path(f"/dev/fd/{reader}")) == packager.key
    finally:
        os.close(reader)


@pytest.mark.parametrize("spelling", [{"format": "PEM"}, {"format": "DER"}, {"format": "PEM", "pkcs": 8}])
def test_spellings_of_a_private_key(put: Any, packager: Any, spelling: dict[str, Any]) -> None:
    assert load_private_key(put("ours.key", packager.key.export_key(**spelling))) == packager.key


def test_what_is_no_private_key(put: Any, packager: Any) -> None:
    locked = packager.key.export_key(
        "PEM", pkcs=8, passphrase="x", protection="PBKDF2WithHMAC-SHA1AndAES128-CBC"
    )
    for data, reason in (
        (locked, "a private key with a passphrase"),
        (packager.key.public_key().export_key(), "a public key or a certificate"),
        (packager.certificate.der, "a public key or a certificate"),
        (b"", "no RSA private key"),
        (b"nonsense", "no RSA private key"),
    ):  # fmt: skip
        path = put("ours.pem", data)
        with pytest.raises(ContentKeyError, match=rf"^{path}: {reason}") as caught:
            load_private_key(path)
        assert "\n" not in str(caught.value)


def test_text_around_a_certificate_and_two_of_them(put: Any, server: Any, stranger: Any) -> None:
    one = pem(server.certificate.der)
    assert load_certificate(put("theirs.pem", b"subject=CN = x\n" + one + b"more\n")) == server.certificate
    with pytest.raises(ContentKeyError, match=r"theirs\.pem: X\.509 certificate: 2 in one file"):
        load_certificate(put("theirs.pem", one + pem(stranger.certificate.der)))
    with pytest.raises(ContentKeyError, match="holds no RSA key"):
        load_certificate(put("theirs.pem", server.key.public_key().export_key("DER")))


def test_files_that_are_not_there_or_too_much(put: Any, tmp_path: Path) -> None:
    for load_any in (load, load_private_key, load_certificate):
        with pytest.raises(SettingsError, match=rf"^{tmp_path}/none: No such file or directory$"):
            load_any(tmp_path / "none")
        with pytest.raises(SettingsError, match=rf"^{tmp_path}: Is a directory$"):
            load_any(tmp_path)
        with pytest.raises(TonearmError, match=r"^/dev/zero: more than \d+ bytes$"):
            load_any(Path("/dev/zero"))
    with pytest.raises(FormatError, match=rf"^{tmp_path}/keys\.xml: CPIX: "):
        load(put("keys.xml", b"no document"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_key_and_a_certificate_that_openssl_made(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=packager"]
    subprocess.run(
        ["openssl", *made, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60
    )
    told = ["openssl", "x509", "-in", certificate, "-text"]
    certificate.write_bytes(subprocess.run(told, check=True, capture_output=True, timeout=60).stdout)
    document = write(DOCUMENT, recipients=[load_certificate(certificate)])
    assert read(document, recipient=load_private_key(key)).keys == DOCUMENT.keys
