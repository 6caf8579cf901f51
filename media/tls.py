"""TLS for our servers: a certificate and its key from two files, read anew when they change.

    tls = Tls(Path("fullchain.pem"), Path("privkey.pem"))
    await run(app, host, port, ready=announce, tls=tls)

TLS 1.3, and 1.2 for who has nothing newer; ALPN says http/1.1. The keys of session tickets are made with the context: workers that are forked after it take
each other's tickets. A renewed certificate counts within a second for connections that are new; one that cannot be used is reported once and
the old one stays.
"""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from media.errors import SettingsError

_EVERY_MS = 1000
_log = logging.getLogger("tonearm.error")


class Tls:
    """`context` is for the server's sockets. Raises `SettingsError` when the files cannot be used."""

    def __init__(
        self,
        certificate: Path,
        key: Path,
        *,
        clock: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        self._certificate = certificate
        self._key = key
        self._clock = clock
        self._looked_ms = clock()
        self._stamp = self._look()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._load(self.context)

    def refresh(self) -> None:
        """To be called with each new connection: looks at the files at most once a second."""
        now = self._clock()
        if now - self._looked_ms < _EVERY_MS:
            return
        self._looked_ms = now
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                # Elsewhere first: a context that was given half of a pair has lost what it had.
                self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
                self._load(self.context)
            except SettingsError as error:
                _log.error("%s; what was read before stays in force", error)

    def _load(self, context: ssl.SSLContext) -> None:
        for path in (self._certificate, self._key):
            try:
                path.open("rb").close()
            except OSError as error:
                raise SettingsError(f"{path}: {error.strerror or error}") from None
        try:
            # Nobody is there to type a password.
            context.load_cert_chain(self._certificate, self._key, password=lambda: "")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise SettingsError(f"{self._key}: not the key of {self._certificate}") from None
            reason = (error.reason or "unreadable").replace("_", " ").lower()
            raise SettingsError(
                f"{self._certificate}, {self._key}: a certificate and its unencrypted key in PEM expected: {reason}"
            ) from None

    def _look(self) -> list[tuple[int, int, int] | None]:
        """What differs after every exchange of the files."""
        stamps: list[tuple[int, int, int] | None] = []
        for path in (self._certificate, self._key):
            try:
                found = os.stat(path)
                stamps.append((found.st_mtime_ns, found.st_size, found.st_ino))
            except OSError:
                stamps.append(None)
        return stamps
