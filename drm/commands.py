"""``tonearm keys``: content keys for people. A key is never printed unless ``--reveal`` asks for it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import click

if TYPE_CHECKING:
    from rich.console import Console

    from drm.key_store import KeyStore
    from drm.keys import ContentKey


class Context(Protocol):
    """The part of ``ctx.obj`` that these commands use."""

    @property
    def console(self) -> Console: ...

    def key_store(self) -> KeyStore: ...


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
reveal = click.option("--reveal", is_flag=True, help="Print the key itself, too.")


@click.group()
def keys() -> None:
    """Content keys: create, list, show, export."""


@keys.command()
@click.argument("scope")
@as_json
@click.pass_obj
def create(context: Context, scope: str, as_json: bool) -> None:
    """Create the key of SCOPE, or find the one that is there.

    A scope names what the key is for; publish makes one for each song and recipe.
    """
    _show(context, [context.key_store().for_scope(scope)], as_json=as_json, reveal=False)


@keys.command(name="list")
@as_json
@click.pass_obj
def list_(context: Context, as_json: bool) -> None:
    """Every key's KID, scope and age; never the key."""
    _show(context, context.key_store().list(), as_json=as_json, reveal=False)


@keys.command()
@click.argument("kid", type=click.UUID)
@reveal
@as_json
@click.pass_obj
def show(context: Context, kid: UUID, reveal: bool, as_json: bool) -> None:
    """One key by its KID."""
    _show(context, [context.key_store().get(kid)], as_json=as_json, reveal=reveal)


@keys.command()
@click.argument("kids", type=click.UUID, nargs=-1, metavar="[KID]…")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="A new file; it gets mode 0600.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["json", "shaka"]),
    default="json",
    show_default=True,
    help="A JSON object of KID to key, or one line for shaka-packager's --keys.",
)
@click.pass_obj
def export(context: Context, kids: tuple[UUID, ...], out: Path, style: str) -> None:
    """Write the keys of the KIDs, or all, to a file that only its owner may read."""
    store = context.key_store()
    chosen = [store.get(kid) for kid in kids] if kids else store.list()
    if style == "json":
        text = json.dumps({str(each.kid): each.key.hex() for each in chosen}, indent=2)
    else:
        text = ",".join(f"label={each.kid}:key_id={each.kid.hex}:key={each.key.hex()}" for each in chosen)
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.UsageError(f"{out}: {error.strerror}") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    context.console.print(f"{len(chosen)} keys in {out}", markup=False)


def _show(context: Context, chosen: Sequence[ContentKey], *, as_json: bool, reveal: bool) -> None:
    if as_json:
        for each in chosen:
            click.echo(json.dumps(_row(each, reveal), ensure_ascii=False))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("KID", "scope", "created", *(["key"] if reveal else []))
    for each in chosen:
        table.add_row(*(Text(str(value), overflow="fold") for value in _row(each, reveal).values()))
    context.console.print(table)


def _row(key: ContentKey, reveal: bool) -> dict[str, Any]:
    from datetime import UTC, datetime

    created = datetime.fromtimestamp(key.created_ms / 1000, UTC).isoformat(timespec="seconds")
    row = {"kid": str(key.kid), "scope": key.scope, "created": created}
    return row | {"key": key.key.hex()} if reveal else row
