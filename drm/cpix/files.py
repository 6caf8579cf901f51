"""CPIX documents, private keys and certificates as people have them: in files.

    document = load(Path("keys.xml"), private_key=Path("ours.pem"), signers=[Path("theirs.pem")])

A private key that others may read is refused, not warned about, as the master key is: whoever reads it reads every document
that was ever sealed for it, and a warning in a nightly run is read by nobody. A key out of a pipe is nobody else's.
Every error names the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from Crypto.PublicKey import RSA
from Crypto.PublicKey.RSA import RsaKey

from drm.cpix.certificate import Certificate
from drm.cpix.model import Document
from drm.cpix.reader import MAX_DOCUMENT, read
from drm.cpix.signature import Signer
from drm.secret_files import read_file, read_secret
from media.errors import ContentKeyError, FormatError

_MAX_KEY = 1 << 16  # bytes; an RSA key of 16384 bits has 13 kB in PEM


def load(path: Path, *, private_key: Path | None = None, signers: Sequence[Path] = ()) -> Document:
    """The CPIX document in a file.

    `private_key` is ours, for keys that are encrypted for us; `signers` are certificates, one of which must have signed it.
    Raises `FormatError` for what is no such document, `ContentKeyError` for keys and signatures that do not hold, and
    `SettingsError` for a file that cannot be read.
    """
    return parse(read_file(path, MAX_DOCUMENT), path, private_key=private_key, signers=signers)


def parse(
    data: bytes, path: Path, *, private_key: Path | None = None, signers: Sequence[Path] = ()
) -> Document:
    """The same, of what was read from `path` already."""
    recipient = load_private_key(private_key) if private_key is not None else None
    known = [load_certificate(each) for each in signers]
    with _naming(path):
        return read(data, recipient=recipient, signers=known)


def load_signer(certificate: Path, private_key: Path) -> Signer:
    """Who signs, or opens what is encrypted for them. Raises `ContentKeyError` for two files that do not belong together."""
    signer = Signer(load_certificate(certificate), load_private_key(private_key))
    public = signer.certificate.public_key()
    if (public.n, public.e) != (signer.private_key.n, signer.private_key.e):
        raise ContentKeyError(f"{private_key}: not the private key of {certificate}")
    return signer


def load_certificate(path: Path) -> Certificate:
    """An X.509 certificate with an RSA key, PEM or DER. Raises `ContentKeyError` and `SettingsError`."""
    data = read_file(path, _MAX_KEY)
    with _naming(path):
        return Certificate.load(data)


def load_private_key(path: Path) -> RsaKey:
    """An RSA private key without passphrase, PKCS #1 or #8, PEM or DER. Raises `ContentKeyError` and `SettingsError`."""
    data = read_secret(path, _MAX_KEY)
    if b"ENCRYPTED" in data:
        raise ContentKeyError(f"{path}: a private key with a passphrase; keep it without one, with mode 0600")
    try:
        key = RSA.import_key(data)
    except (ValueError, IndexError, TypeError):
        raise ContentKeyError(f"{path}: no RSA private key that we can read") from None
    if not key.has_private():
        raise ContentKeyError(f"{path}: a public key or a certificate, and no private key")
    return key


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the file's name before the reason."""
    try:
        yield
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except ContentKeyError as error:
        raise ContentKeyError(f"{path}: {error}") from None
