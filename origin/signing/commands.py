"""``tonearm sign``: an address that opens a song until a moment, for people, scripts and tests."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import click

from media.errors import SettingsError

if TYPE_CHECKING:
    from media.ports import UrlSigner
    from origin.tokens import Keyring

KINDS = ("tonearm", "akamai", "cloudfront", "s3")
_SPAN = re.compile(r"([0-9]{1,9})([smhd]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class _Context(Protocol):
    @property
    def home(self) -> Path: ...

    def token_keys(self) -> Keyring: ...


class Span(click.ParamType[int]):
    """A length of time in seconds: ``90``, ``20m``, ``12h``, ``7d``."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _SPAN.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a time such as 90s, 20m, 12h or 7d", param, ctx)
        return int(match[1]) * _SECONDS[match[2]]


@click.command()
@click.argument("address", metavar="URL|PATH")
@click.option(
    "--kind", default="tonearm", show_default=True, type=click.Choice(KINDS), help="Who will verify it."
)
@click.option(
    "--expires", default="20m", show_default=True, type=Span(), help="For how long: 90s, 20m, 12h, 7d."
)
@click.option(
    "--begins", default="0", type=Span(), help="From when on, counted from now.  [default: at once]"
)
@click.option("--user", default="", help="For whom; akamai: data=.")
@click.option("--ip", default="", metavar="ADDRESS", help="The only IP address that may use it.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="PATH",
    help="What it opens: an object, or songs/abc/* for all below.  [default: the presentation; s3: the object]",
)
@click.option(
    "--signing",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The signing file, for all kinds but tonearm.  [default: signing.toml in TONEARM_HOME]",
)
@click.option("--cookies", is_flag=True, help="Print Cookie lines instead of the address.")
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object: url, query, cookies, scopes, expires_at."
)
@click.pass_obj
def sign(
    context: _Context,
    address: str,
    kind: str,
    expires: int,
    begins: int,
    user: str,
    ip: str,
    scopes: Sequence[str],
    signing: Path | None,
    cookies: bool,
    as_json: bool,
) -> None:
    """Sign the address of an object, so that it and all of its presentation open for a while.

    URL is the object's address at the edge, PATH only songs/…; what is printed can be given to a player.
    """
    from manifests.carry import with_query
    from media.ports import Terms

    root, path = _split(address)
    now_ms = time.time_ns() // 1_000_000
    terms = Terms(
        tuple(scopes) or (path if kind == "s3" else _presentation(path),),
        now_ms + (begins + expires) * 1000,
        now_ms + begins * 1000 if begins else 0,
        user,
        ip,
    )
    signed = _signer(context, kind, signing).sign(terms)
    if cookies and not signed.cookies:
        raise click.UsageError(f"{kind} knows no cookies")
    url = with_query(f"{root}{signed.prefix}{path}", signed.query)
    if as_json:
        document = {
            "url": url,
            "query": signed.query,
            "cookies": dict(signed.cookies),
            "scopes": terms.scopes,
            "expires_at": terms.expires_ms,
        }
        click.echo(json.dumps(document))
    elif cookies:
        for name, value in signed.cookies.items():
            click.echo(f"{name}={value}")
    else:
        click.echo(url)


def _split(address: str) -> tuple[str, str]:
    """What stands before the path in the store (``https://edge/`` or nothing), and that path."""
    parts = urlsplit(address)
    if parts.query or parts.fragment or (parts.scheme and parts.scheme not in ("http", "https")):
        raise click.BadParameter(f"{address!r} is neither an http(s) address without a query nor a path")
    before, found, path = address.partition("songs/")
    if not found or (before and not before.endswith("/")):
        raise click.BadParameter(f"{address!r} has no songs/… in it")
    return ("" if before == "/" else before), found + path


def _presentation(path: str) -> str:
    """The version's folder that `path` lies in."""
    from media.layout import VERSION
    from media.song import SONG_ID

    parts = path.split("/")
    if len(parts) < 4 or not SONG_ID.fullmatch(parts[1]) or not VERSION.fullmatch(parts[2]):
        raise click.BadParameter(f"{path!r} lies in no version of a song; name what to open with --scope")
    return "/".join([*parts[:3], "*"])


def _signer(context: _Context, kind: str, signing: Path | None) -> UrlSigner:
    if kind == "tonearm":
        from origin.signing.tonearm import TonearmSigner

        return TonearmSigner(context.token_keys())
    from origin.signing.settings import read_signers

    file = signing or context.home / "signing.toml"
    signers = read_signers(file)
    if kind not in signers:
        raise SettingsError(f"{file}: there is no [{kind}]")
    return signers[kind]
