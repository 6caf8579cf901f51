"""``tonearm keys``: content keys for people. A key is never printed unless ``--reveal`` asks for it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
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


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object per key on standard output.")
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
    """Write keys, all or those of the KIDs, to a file for its owner alone."""
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
    context.console.print(f"{len(chosen)} key{'' if len(chosen) == 1 else 's'} in {out}", markup=False)


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
