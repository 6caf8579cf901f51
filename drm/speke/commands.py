"""``tonearm speke`` and ``tonearm keys fetch``: both ends of SPEKE 2.0 for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from drm import options

if TYPE_CHECKING:
    from rich.console import Console

    from drm.key_store import KeyStore
    from drm.systems import DrmSystem


class Context(Protocol):
    """The part of ``ctx.obj`` that these commands use."""

    @property
    def console(self) -> Console: ...

    def key_store(self) -> KeyStore: ...


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8083, show_default=True, help="0: any free one."
)
@options.token_file
@options.token
@options.license_urls
@click.option(
    "--access-log/--no-access-log",
    default=True,
    show_default=True,
    help="A JSON line a request on standard error.",
)
@click.pass_obj
def speke(
    context: Context,
    host: str,
    port: int,
    token_file: Path | None,
    token: str | None,
    license_urls: dict[str, str],
    access_log: bool,
) -> None:
    """Answer SPEKE 2.0 packagers out of the key store, until a signal ends it.

    A KID that the store has is answered with its key, another gets a new one. Who has the token gets every key: it is for
    packagers alone, and on another address than this machine's own, something that ends TLS belongs in front.
    """
    import uvloop

    from drm.speke import PATH
    from drm.speke.server import routes
    from media.serving import application, log_json_lines, run

    secret = options.read_token(token_file, token)
    if not secret:
        raise click.UsageError("packagers show a token: --token-file, or the environment variable of --token")
    table = routes(context.key_store(), token=secret, license_urls=license_urls)
    log_json_lines(access=access_log)

    def announce(bound: int) -> None:
        context.console.print(f"SPEKE 2.0 on http://{host}:{bound}{PATH}", markup=False, soft_wrap=True)

    uvloop.run(run(application("speke", table), host, port, ready=announce))


@click.command()
@click.argument("url")
@click.option(
    "--content-id",
    required=True,
    help="What the key server knows the content by. Another version, another id.",
)
@options.drm("widevine,playready,fairplay")
@options.scheme
@click.option(
    "--per-rendition",
    metavar="NAME,…",
    help="A key for each of these renditions.  [default: one key for all]",
)
@options.token_file
@options.token
@click.option("--out", type=options.FILE, required=True, help="A new file; it gets mode 0600.")
@click.option(
    "--recipient", type=options.FILE, help="Our certificate: the keys come, and are written, encrypted."
)
@click.option("--recipient-key", type=options.FILE, help="The private key of --recipient.")
@click.pass_obj
def fetch(
    context: Context,
    url: str,
    content_id: str,
    drm: tuple[DrmSystem, ...],
    scheme: str,
    per_rendition: str | None,
    token_file: Path | None,
    token: str | None,
    out: Path,
    recipient: Path | None,
    recipient_key: Path | None,
) -> None:
    """Ask the SPEKE 2.0 key server at URL for keys and signalling, and write a CPIX document of them.

    KIDs follow from content id, scheme and rendition: who asks again gets the same keys. The address is https, or this
    machine's. A token of one word goes as a bearer's; for any other Authorization write its scheme, too: "Basic dXNlcjp4".
    """
    import asyncio

    from drm.cpix import write
    from drm.cpix.files import load_signer
    from drm.secret_files import write_secret
    from drm.speke.client import KeyServer
    from drm.speke.contract import ask
    from media.errors import SettingsError

    if (recipient is None) != (recipient_key is None):
        raise click.UsageError("--recipient and --recipient-key belong together")
    if not drm:
        raise click.UsageError("a SPEKE question names a DRM system; which ones does --drm mean?")
    if out.exists():  # before the server makes keys for nothing
        raise SettingsError(f"{out}: File exists")
    names = [name.strip() for name in per_rendition.split(",")] if per_rendition else []
    ours = (
        load_signer(recipient, recipient_key) if recipient is not None and recipient_key is not None else None
    )
    secret = options.read_token(token_file, token)
    authorization = secret if " " in secret else f"Bearer {secret}"
    server = KeyServer(url, {"Authorization": authorization} if secret else {})
    document = asyncio.run(
        ask(server, content_id, systems=drm, scheme=scheme, renditions=names, recipient=ours)
    )
    write_secret(out, write(document, recipients=[ours.certificate] if ours else []))
    how = "encrypted" if ours else "in the clear"
    count = f"{len(document.keys)} key{'' if len(document.keys) == 1 else 's'}"
    context.console.print(f"{count} in {out}, {how}", markup=False, soft_wrap=True)
