"""``tonearm edge-config``: a real CDN tier in front of our origin, as a configuration to start it with."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from edge_sim.options import HttpUrl, Size
from media.errors import SettingsError

_LISTEN = re.compile(r"(?:([0-9.]+|\[[0-9A-Fa-f:]+\])?:)?([0-9]{1,5})", re.ASCII)
_FOLDER = re.compile(r"/[A-Za-z0-9._/-]*", re.ASCII)  # needs no quoting in any configuration


class Listen(click.ParamType[str]):
    """``8080`` or ``127.0.0.1:8080``; always written with its address, which may be empty."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        match = _LISTEN.fullmatch(str(value))
        if match is None or not 0 < int(match[2]) < 65536:
            self.fail(f"{value!r} is neither a port nor ADDRESS:PORT", param, ctx)
        return f"{match[1] or ''}:{match[2]}"


class Cache(click.ParamType[tuple[str, int]]):
    """``DIR:SIZE``, an absolute folder and a budget such as ``10GB``."""

    name = "folder"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        folder, _, size = str(value).rpartition(":")
        if not _FOLDER.fullmatch(folder):
            self.fail(f"{value!r}: expected DIR:SIZE, DIR absolute and of plain letters", param, ctx)
        return folder, Size().convert(size, param, ctx)


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_origin = click.option("--origin", required=True, type=HttpUrl(), help="Where the objects come from.")
_api = click.option("--api", type=HttpUrl(), help="A control API: /v1, licences and keys pass through to it.")
_out = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it there.  [default: standard output]",
)
_server = _options(
    _origin,
    click.option(
        "--verifier",
        required=True,
        type=HttpUrl(),
        help="A `tonearm edge --behind-proxy`, which is asked whether a token is good.",
    ),
    _api,
    click.option("--listen", default="8080", show_default=True, type=Listen(), help="PORT or ADDRESS:PORT."),
    click.option(
        "--cache",
        default="/var/cache/tonearm:10GB",
        show_default=True,
        metavar="DIR:SIZE",
        type=Cache(),
        help="Where objects are kept, and how many bytes of them.",
    ),
)


@click.group(name="edge-config")
def edge_config() -> None:
    """A configuration of nginx, Varnish or CloudFront in front of an origin, complete and tried."""


@edge_config.command()
@_server
@click.option(
    "--access-log",
    default="",
    metavar="FILE",
    help="Log requests there, as JSON lines without tokens.  [default: none]",
)
@_out
def nginx(
    origin: str,
    verifier: str,
    api: str | None,
    listen: str,
    cache: tuple[str, int],
    access_log: str,
    out: Path | None,
) -> None:
    """A whole nginx.conf for Debian's nginx-light."""
    from origin.edges import Upstream
    from origin.edges.nginx import Nginx, nginx_conf

    if access_log and not _FOLDER.fullmatch(access_log):
        raise click.BadParameter(f"{access_log!r}: expected an absolute path of plain letters")
    settings = Nginx(
        Upstream.of(origin),
        Upstream.of(verifier),
        listen.removeprefix(":"),
        cache[0],
        cache[1],
        Upstream.of(api) if api else None,
        access_log,
    )
    _write(nginx_conf(settings), out)


@edge_config.command()
@_server
@_out
def varnish(
    origin: str, verifier: str, api: str | None, listen: str, cache: tuple[str, int], out: Path | None
) -> None:
    """A whole VCL for Varnish 6 and 7; its first lines say how to start it."""
    from origin.edges import Upstream
    from origin.edges.varnish import Varnish, vcl

    settings = Varnish(
        Upstream.of(origin),
        Upstream.of(verifier),
        listen,
        cache[0],
        cache[1],
        Upstream.of(api) if api else None,
    )
    _write(vcl(settings), out)


@edge_config.command()
@_origin
@click.option(
    "--public-key",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="PEM of the key whose private half signs: `tonearm sign --kind cloudfront`.",
)
@_api
@click.option("--name", default="tonearm", show_default=True, help="What its parts are called.")
@_out
def cloudfront(origin: str, public_key: Path, api: str | None, name: str, out: Path | None) -> None:
    """A CloudFormation document: distribution, key group, policies."""
    from Crypto.PublicKey import RSA

    from origin.edges import Upstream
    from origin.edges.cloudfront import CloudFront, template

    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name, re.ASCII):
        raise click.BadParameter(f"{name!r}: at most 64 of A-Z a-z 0-9 _ -")
    try:
        key = RSA.import_key(public_key.read_bytes())
    except (ValueError, IndexError, TypeError):
        raise SettingsError(f"{public_key}: no RSA key in PEM or DER") from None
    if key.has_private():
        raise SettingsError(f"{public_key}: a private key; CloudFront gets the public one")
    settings = CloudFront(
        Upstream.of(origin), key.export_key().decode(), Upstream.of(api) if api else None, name
    )
    _write(template(settings), out)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
        return
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, out)
