"""``tonearm keys``: content keys for people. A key is never printed unless ``--reveal`` asks for it.

``keys fetch`` is beside the server that it talks to, in `drm.speke.commands`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import click

from drm import options
from drm.speke.commands import fetch

if TYPE_CHECKING:
    from rich.console import Console

    from drm.key_store import KeyStore
    from drm.keys import ContentKey
    from drm.systems import DrmSystem


class Context(Protocol):
    """The part of ``ctx.obj`` that these commands use."""

    @property
    def console(self) -> Console: ...

    def key_store(self) -> KeyStore: ...


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object per key on standard output.")
reveal = click.option("--reveal", is_flag=True, help="Print the key itself, too.")


@click.group()
def keys() -> None:
    """Content keys: create, list, show, export, import, fetch."""


keys.add_command(fetch)


@keys.command()
@click.argument("scope")
@as_json
@click.pass_obj
def create(context: Context, scope: str, as_json: bool) -> None:
    """Create the key of SCOPE, or find the one that is there.

    A scope names what the key is for; publish makes one for each song and recipe.
    """
    if not scope.strip():
        raise click.BadParameter("an empty scope names nothing")
    _show([context.key_store().for_scope(scope)], as_json=as_json, reveal=False)


@keys.command(name="list")
@as_json
@click.pass_obj
def list_(context: Context, as_json: bool) -> None:
    """Every key's KID, scope and age; never the key."""
    _show(context.key_store().list(), as_json=as_json, reveal=False)


@keys.command()
@click.argument("kid", type=click.UUID)
@reveal
@as_json
@click.pass_obj
def show(context: Context, kid: UUID, reveal: bool, as_json: bool) -> None:
    """One key by its KID."""
    _show([context.key_store().get(kid)], as_json=as_json, reveal=reveal)


@keys.command()
@click.argument("kids", type=click.UUID, nargs=-1, metavar="[KID]…")
@click.option("--out", type=options.FILE, required=True, help="A new file; it gets mode 0600.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["json", "shaka", "cpix"]),
    default="json",
    show_default=True,
    help="A JSON object of KID to key, one line for shaka-packager's --keys, or a CPIX 2.3 document; the options below "
    "are for that.",
)
@click.option(
    "--recipient",
    "recipients",
    type=options.FILE,
    multiple=True,
    help="The certificate of one who shall read it: keys are encrypted for them. May be repeated.",
)
@click.option("--clear", is_flag=True, help="No recipient: the keys are to be in the clear.")
@click.option("--sign", type=options.FILE, help="Sign the document with this private key, of --sign-cert.")
@click.option("--sign-cert", type=options.FILE, help="The certificate of --sign.")
@options.drm("")
@options.scheme
@options.license_urls
@options.labels
@click.pass_obj
def export(
    context: Context,
    kids: tuple[UUID, ...],
    out: Path,
    style: str,
    recipients: tuple[Path, ...],
    clear: bool,
    sign: Path | None,
    sign_cert: Path | None,
    drm: tuple[DrmSystem, ...],
    scheme: str,
    license_urls: dict[str, str],
    labels: list[tuple[UUID, str]],
) -> None:
    """Write keys, all or those of the KIDs, to a file for its owner alone.

    In a CPIX document of several keys each is for the rendition that --label says, else its scope is its label.
    """
    from drm.secret_files import write_secret

    if style != "cpix" and (recipients or clear or sign or sign_cert or drm or license_urls or labels):
        raise click.UsageError(f"the format {style} knows keys only; the other options are for --format cpix")
    if style == "cpix" and bool(recipients) == clear:
        raise click.UsageError("who shall read the keys? Either --recipient, or --clear for anybody")
    if (sign is None) != (sign_cert is None):
        raise click.UsageError("--sign and --sign-cert belong together")
    store = context.key_store()
    chosen = [store.get(kid) for kid in dict.fromkeys(kids)] if kids else store.list()
    if style == "cpix":
        from drm.cpix import write
        from drm.cpix.files import load_certificate, load_signer
        from drm.exchange import document

        made = document(chosen, scheme=scheme, systems=drm, license_urls=license_urls, labels=labels)
        data = write(
            made,
            recipients=[load_certificate(each) for each in recipients],
            signer=load_signer(sign_cert, sign) if sign is not None and sign_cert is not None else None,
        )
    elif style == "json":
        data = json.dumps({str(each.kid): each.key.hex() for each in chosen}, indent=2).encode()
    else:
        data = ",".join(
            f"label={each.kid}:key_id={each.kid.hex}:key={each.key.hex()}" for each in chosen
        ).encode()
    write_secret(out, data + b"\n")
    how = f"encrypted for {len(recipients)}" if recipients else "in the clear"
    context.console.print(f"{_count(chosen)} in {out}, {how}", markup=False, soft_wrap=True)


@keys.command(name="import")
@click.argument("file", type=options.FILE)
@click.option(
    "--recipient-key", type=options.FILE, help="Our private key, for keys that are encrypted for us."
)
@click.option(
    "--signer",
    "signers",
    type=options.FILE,
    multiple=True,
    help="The certificate of one who may have signed it; any other document is refused. May be repeated.",
)
@as_json
@click.pass_obj
def import_(
    context: Context, file: Path, recipient_key: Path | None, signers: tuple[Path, ...], as_json: bool
) -> None:
    """Take the keys of FILE, a CPIX document or JSON of `keys export`, into the key store.

    A key that is there already keeps its scope; another key for a KID that is there is refused, and with it the file.
    """
    from drm.exchange import read_keys, take

    taken = take(context.key_store(), read_keys(file, private_key=recipient_key, signers=signers))
    _show([key for key, _ in taken], as_json=as_json, reveal=False)
    new = sum(made for _, made in taken)
    context.console.print(f"{_count(taken)} in {file}, {new} of them new", markup=False, soft_wrap=True)


def _count(keys: Sequence[object]) -> str:
    return f"{len(keys)} key{'' if len(keys) == 1 else 's'}"


def _show(chosen: Sequence[ContentKey], *, as_json: bool, reveal: bool) -> None:
    """A line a key. People's lines have no frame and are never folded: a KID is there to be copied, a list to be searched."""
    for each in chosen:
        row = _row(each, reveal)
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else "  ".join(_in_one_line(row.values())))


def _in_one_line(values: Iterable[str]) -> Iterator[str]:
    """A scope is anybody's text: what would break the line, or move the cursor, becomes an escape."""
    for value in values:
        yield "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in value
        )


def _row(key: ContentKey, reveal: bool) -> dict[str, str]:
    from datetime import UTC, datetime

    created = datetime.fromtimestamp(key.created_ms / 1000, UTC).isoformat(timespec="seconds")
    row = {"kid": str(key.kid), "scope": key.scope, "created": created}
    return row | {"key": key.key.hex()} if reveal else row
