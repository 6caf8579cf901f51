"""What the commands' options mean: sizes and addresses as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from media.tls import Tls

F = TypeVar("F", bound=Callable[..., Any])

# RFC 3986 §2: what may stand in a URL, and so in a manifest, a header and a log line
_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", re.ASCII)
_PER_SECOND = re.compile(r"([0-9]{1,6})(?:/s)?", re.ASCII)
_REGION = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,30})?", re.ASCII)
_SIZE = re.compile(r"([0-9]{1,15})\s*([kmgt]?)(i?)b?", re.IGNORECASE | re.ASCII)

_TIME = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*(ms|s|)", re.IGNORECASE | re.ASCII)
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%", re.ASCII)
_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*([kmg]?)(?:bit(?:/s)?)?", re.IGNORECASE | re.ASCII)


def on_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Size(click.ParamType[int]):
    """Bytes: ``256MB``, ``1GiB``, ``4096``. Units are powers of 1000, with an ``i`` of 1024."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a size such as 256MB or 1GiB", param, ctx)
        number, unit, binary = match.groups()
        base: int = 1024 if binary else 1000
        size: int = int(number) * base ** " kmgt".index(unit.lower() or " ")
        return size


class PerSecond(click.ParamType[int]):
    """Requests in a second: ``50/s`` or ``50``; 0 is no limit."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _PER_SECOND.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a rate such as 50/s", param, ctx)
        return int(match[1])


class DiskSpace(click.ParamType[tuple[Path, int]]):
    """A folder and a size: ``/var/cache/tonearm:20GB``. The last colon parts them."""

    name = "disk"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Path, int]:
        if isinstance(value, tuple):
            return value
        folder, colon, size = str(value).rpartition(":")
        if not colon or not folder:
            self.fail(f"{value!r} is not a folder and a size such as /var/cache/tonearm:20GB", param, ctx)
        return Path(folder), Size().convert(size, param, ctx)


class Region(click.ParamType[str]):
    """A name that may stand in a header field: ``eu-west``."""

    name = "region"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if _REGION.fullmatch(str(value)) is None:
            self.fail(f"{value!r} is not a name such as eu-west", param, ctx)
        return str(value)


class Milliseconds(click.ParamType[int]):
    """A time: ``50ms``, ``0.2s``, ``50``."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _TIME.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a time such as 50ms", param, ctx)
        number, unit = match.groups()
        return round(float(number) * (1000 if unit.lower() == "s" else 1))


class Rate(click.ParamType[int]):
    """kbit/s: ``5mbit``, ``800kbit``, ``1gbit``; a number alone is kbit/s."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _RATE.fullmatch(str(value).strip())
        kbits = (
            round(float(match[1]) * {"": 1, "k": 1, "m": 1000, "g": 1_000_000}[match[2].lower()])
            if match
            else 0
        )
        if not kbits:
            self.fail(f"{value!r} is not a rate such as 5mbit or 800kbit", param, ctx)
        return kbits


class Share(click.ParamType[float]):
    """A part of all: ``0.5%``. The sign is wanted, because 0.5 alone would mean two things."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = _SHARE.fullmatch(str(value).strip())
        if match is None or float(match[1]) > 100:
            self.fail(f"{value!r} is not a share such as 0.5%", param, ctx)
        return float(match[1]) / 100


class HttpUrl(click.ParamType[str]):
    """An ``http`` or ``https`` address with a host."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            parts = urlsplit(str(value))
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            good = good and _CHARACTERS.fullmatch(str(value)) is not None
        except ValueError:
            good = False
        if not good:
            self.fail(f"{value!r} is not an address such as http://127.0.0.1:8081", param, ctx)
        return str(value)


def tls_options(command: F) -> F:
    """``--certificate`` and ``--key``, for `read_tls`."""
    file = click.Path(path_type=Path, dir_okay=False)
    certificate = click.option(
        "--certificate",
        type=file,
        help="Serve TLS: the certificate with its chain, in PEM. Read again when it changes.",
    )
    key = click.option(
        "--key", "private_key", type=file, help="The certificate's key, in PEM and not encrypted."
    )
    return certificate(key(command))


def read_tls(certificate: Path | None, private_key: Path | None) -> Tls | None:
    """``None`` without either. Raises `SettingsError` when the files cannot be used."""
    from media.tls import Tls

    if (certificate is None) != (private_key is None):
        raise click.UsageError("--certificate and --key belong together")
    return Tls(certificate, private_key) if certificate and private_key else None
