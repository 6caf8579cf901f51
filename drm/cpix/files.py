"""CPIX documents, private keys and certificates as people have them: in files.

    document = load(Path("keys.xml"), private_key=Path("ours.pem"), signers=[Path("theirs.pem")])

A private key that others may read is refused, not warned about, as the master key is: whoever reads it reads every document
that was ever sealed for it, and a warning in a nightly run is read by nobody. A key out of a pipe is nobody else's.
Every error names the file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from Crypto.PublicKey import RSA
from Crypto.PublicKey.RSA import RsaKey

from drm.cpix.certificate import Certificate
from drm.cpix.model import Document
from drm.cpix.reader import MAX_DOCUMENT, read
from media.errors import ContentKeyError, FormatError, SettingsError

_MAX_KEY = 1 << 16  # bytes; an RSA key of 16384 bits has 13 kB in PEM


def load(path: Path, *, private_key: Path | None = None, signers: Sequence[Path] = ()) -> Document:
    """The CPIX document in a file.

    `private_key` is ours, for keys that are encrypted for us; `signers` are certificates, one of which must have signed it.
    Raises `FormatError` for what is no such document, `ContentKeyError` for keys and signatures that do not hold, and
    `SettingsError` for a file that cannot be read.
    """
    recipient = load_private_key(private_key) if private_key is not None else None
    known = [load_certificate(each) for each in signers]
    data = _read(path, MAX_DOCUMENT)
    with _naming(path):
        return read(data, recipient=recipient, signers=known)


def load_certificate(path: Path) -> Certificate:
    """An X.509 certificate with an RSA key, PEM or DER. Raises `ContentKeyError` and `SettingsError`."""
    data = _read(path, _MAX_KEY)
    with _naming(path):
        return Certificate.load(data)


def load_private_key(path: Path) -> RsaKey:
    """An RSA private key without passphrase, PKCS #1 or #8, PEM or DER. Raises `ContentKeyError` and `SettingsError`."""
    data = _read(path, _MAX_KEY, private=True)
    if b"ENCRYPTED" in data:
        raise ContentKeyError(f"{path}: a private key with a passphrase; keep it without one, with mode 0600")
    try:
        key = RSA.import_key(data)
    except (ValueError, IndexError, TypeError):
        raise ContentKeyError(f"{path}: no RSA private key that we can read") from None
    if not key.has_private():
        raise ContentKeyError(f"{path}: a public key or a certificate, and no private key")
    return key


def _read(path: Path, limit: int, *, private: bool = False) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if private and stat.S_ISREG(mode) and mode & 0o077:
                raise ContentKeyError(f"{path}: mode {stat.S_IMODE(mode):04o} lets others in; chmod 600 it")
            data = file.read(limit + 1)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    if len(data) > limit:
        raise FormatError(f"{path}: more than {limit} bytes")
    return data


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the file's name before the reason."""
    try:
        yield
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except ContentKeyError as error:
        raise ContentKeyError(f"{path}: {error}") from None
