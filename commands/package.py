"""``tonearm package``: what is already encoded, cut, protected and described; one song or a thousand in one process."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.context import Context
from edge_sim.options import HttpUrl
from media import layout
from media.errors import TonearmError
from media.text import one_line
from packager.commands import parse_keys

if TYPE_CHECKING:
    from uuid import UUID

    from media.ports import ObjectStore
    from packager.keys import KeySource
    from packager.package import Package
    from packager.song import Recipe


SYSTEMS = ("widevine", "playready", "fairplay")  # of drm.systems, which a call for help need not import
CONTAINERS = {b"fLaC": "flac", b"OggS": "ogg"}  # by their first bytes; MP4 begins with the size of a box


@dataclass(frozen=True, slots=True)
class Group:
    """The files of one song, and how people know it."""

    name: str
    files: tuple[Path, ...]


class SystemUrls(click.ParamType[dict[str, str]]):
    """``[SYSTEM=]URL``: without a system the address is ClearKey's."""

    name = "[system=]url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        system, equals, url = value.partition("=")
        if not equals or not system.isalpha():  # the first = may stand in an address
            system, url = "clearkey", value
        if system not in ("clearkey", *SYSTEMS):
            self.fail(f"{system!r}: clearkey, {', '.join(SYSTEMS)} are known", param, ctx)
        return {system: HttpUrl().convert(url, param, ctx)}


def parse_iv(context: click.Context, parameter: click.Parameter, value: str | None) -> bytes:
    try:
        iv = bytes.fromhex(value or "")
    except ValueError:
        iv = b"x"
    if len(iv) not in (0, 8, 16):
        raise click.BadParameter("32 hex digits expected, 16 for cenc")
    return iv


def parse_systems(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in (value or "").split(",") if part.strip()))
    if unknown := [name for name in names if name not in SYSTEMS]:
        raise click.BadParameter(f"{unknown[0]!r}: {', '.join(SYSTEMS)} are known; ClearKey always is there")
    return names


@click.command()
@click.argument(
    "inputs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE…|FOLDER…"
)
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    help="Where presentations go: a folder, or a store as in publish --to.",
)
@click.option(
    "--protect",
    type=click.Choice(["cbcs", "cenc", "aes-128", "none"]),
    default="cbcs",
    show_default=True,
    help="How segments are encrypted.",
)
@click.option(
    "--key",
    "keys",
    metavar="KID:KEY",
    multiple=True,
    callback=parse_keys,
    help="The content key, in hex.  [default: one of the key store]",
)
@click.option(
    "--cpix",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Content keys, which is for which rendition, and what DRM systems are told, from a CPIX document.",
)
@click.option(
    "--cpix-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Our private key, when keys in it are encrypted for us.",
)
@click.option(
    "--cpix-signer",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="The certificate of somebody who must have signed it. May be repeated.",
)
@click.option(
    "--iv",
    callback=parse_iv,
    metavar="HEX",
    help="The first rendition's IV; the others count on.  [default: made of key and contents]",
)
@click.option(
    "--segment-seconds",
    type=click.FloatRange(1, 30),
    default=4,
    show_default=True,
    help="The most that a segment lasts.",
)
@click.option(
    "--first-segment-seconds",
    type=click.FloatRange(0.1, 30),
    default=1,
    show_default=True,
    help="The most that the first one lasts; it is shorter where it would not fit the first flight of a connection.",
)
@click.option("--single-file", is_flag=True, help="One file for each rendition, its segments as byte ranges.")
@click.option(
    "--drm",
    "systems",
    callback=parse_systems,
    metavar="SYSTEM,…",
    help="DRM systems to signal besides ClearKey: widevine, playready, fairplay.",
)
@click.option(
    "--license-url",
    "license_urls",
    type=SystemUrls(),
    multiple=True,
    help="A licence server's address, ClearKey's or SYSTEM's. May be repeated.  [default: the edge's own]",
)
@click.option(
    "--key-url",
    metavar="URL",
    default="",
    help="Where players get the raw key; {kid} becomes the KID.  [default: the edge's own]",
)
@click.option(
    "--steering-url", metavar="URL", default="", help="A content steering server, for the manifests."
)
@click.option(
    "--title",
    default="",
    help="The song's title, when there is one song.  [default: out of the tags, else the folder's or file's name]",
)
@click.option(
    "--song-id",
    default="",
    help="The catalogue's id for the song, when there is one song.  [default: made of the contents]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per song on standard output.")
@click.pass_obj
def package(
    context: Context,
    inputs: tuple[Path, ...],
    out: str,
    protect: str,
    keys: dict[UUID, bytes],
    cpix: Path | None,
    cpix_key: Path | None,
    cpix_signer: tuple[Path, ...],
    iv: bytes,
    segment_seconds: float,
    first_segment_seconds: float,
    single_file: bool,
    systems: tuple[str, ...],
    license_urls: tuple[dict[str, str], ...],
    key_url: str,
    steering_url: str,
    title: str,
    song_id: str,
    as_json: bool,
) -> int:
    """Package what is encoded already: MP4, M4A, fragmented MP4, ADTS, FLAC, Ogg Opus and Ogg FLAC.

    The files named are the renditions of one song, each called by its name; each folder is a song of its own. What comes out lies as
    `publish` would leave it: `tonearm serve --store DIR` plays it, `tonearm verify DIR/songs/ID` checks it. The same input gives
    the same bytes. Exit code 3 when some of several songs were refused.
    """
    import asyncio

    from packager.song import Recipe

    groups = find_groups(inputs)
    if len(groups) > 1 and (title or song_id):
        raise click.UsageError(f"--title and --song-id name one song, and here are {len(groups)}")
    if len(keys) > 1 or (keys and cpix):
        raise click.UsageError("one --key for all renditions, or a --cpix that tells which is for which")
    if protect == "none" and (keys or cpix or iv or systems):
        raise click.UsageError("--protect none goes with no key, IV or DRM system")
    if protect == "aes-128" and systems:
        raise click.UsageError("--drm needs Common Encryption: --protect cbcs or cenc")
    recipe = Recipe(
        scheme=protect,
        first_ms=round(first_segment_seconds * 1000),
        target_ms=round(segment_seconds * 1000),
        one_file=single_file,
        iv=iv,
        systems=systems,
        license_urls={name: url for each in license_urls for name, url in each.items()},
        key_url=key_url,
        steering_url=steering_url,
    )
    find_keys = key_finder(context, keys, cpix, cpix_key, cpix_signer, protect)
    outcomes = asyncio.run(package_all(groups, out, recipe, find_keys, title, song_id, as_json))
    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    return 0 if not failed else failed[0].exit_code if len(groups) == 1 else 3


def find_groups(inputs: tuple[Path, ...]) -> list[Group]:
    """One group of all files, or one of each folder. Hidden files are left out."""
    folders = [path for path in inputs if path.is_dir()]
    if not folders:
        name = inputs[0].stem if len(inputs) == 1 else inputs[0].resolve().parent.name
        return [Group(name, inputs)]
    if len(folders) < len(inputs):
        raise click.UsageError("files of one song, or folders of one song each; not both")
    groups = []
    for folder in folders:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        if not files:
            raise click.UsageError(f"{folder}: no files in it")
        groups.append(Group(folder.resolve().name, tuple(files)))
    return groups


def key_finder(
    context: Context,
    keys: dict[UUID, bytes],
    cpix: Path | None,
    cpix_key: Path | None,
    cpix_signers: tuple[Path, ...],
    scheme: str,
) -> KeySource:
    """Keys that were named come first, then the document, then the key store."""
    from packager.keys import cpix_keys, no_keys, one_key, stored_key

    if scheme == "none":
        return no_keys
    if keys:
        return one_key(*next(iter(keys.items())))
    if cpix is not None:
        from drm.cpix.files import load

        return cpix_keys(load(cpix, private_key=cpix_key, signers=cpix_signers), scheme)
    return stored_key(context.key_store())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one song; `error` explains a refusal."""

    group: Group
    packed: Package | None = None
    status: str = "failed"
    error: TonearmError | None = None

    def to_dict(self) -> dict[str, Any]:
        if self.packed is None:
            return {"name": self.group.name, "status": self.status, "reason": str(self.error)}
        there = self.packed.presentation
        folder = layout.folder(there.song.song_id, there.version)
        start = there.rendition(there.start_rendition)
        return {
            "name": self.group.name,
            "status": self.status,
            "song_id": there.song.song_id,
            "version": there.version,
            "protection": there.protection.scheme,
            "kids": [str(kid) for kid in there.kids],
            "systems": list(there.protection.systems),
            "samples": there.samples,
            "sample_rate": there.sample_rate,
            "renditions": [
                {"name": each.name, "codec": each.codec, "bandwidth": each.bandwidth}
                for each in there.renditions
            ],
            "segments": len(start.segments),
            "start_rendition": start.name,
            "first_flight": start.init_size + start.segments[0].size,
            "manifests": {kind: folder + path for kind, path in sorted(there.manifests.items())},
        }


async def package_all(
    groups: list[Group], out: str, recipe: Recipe, keys: KeySource, title: str, song_id: str, as_json: bool
) -> list[Outcome]:
    """One song after the other, so that memory holds one at a time. An error of one song stops none of the others."""
    from media.registry import open_store

    store = open_store(out)
    outcomes = []
    try:
        for group in groups:
            outcome = await package_one(group, store, recipe, keys, title, song_id)
            show(outcome, out, as_json)
            outcomes.append(replace(outcome, packed=None))
            del outcome  # and the song with it, before the next one is read
    finally:
        await store.close()
    return outcomes


async def package_one(
    group: Group, store: ObjectStore, recipe: Recipe, keys: KeySource, title: str, song_id: str
) -> Outcome:
    from packager.song import package_files

    try:
        words = words_of(group, title)
        packed = package_files(group.files, recipe=recipe, keys=keys, words=words, song_id=song_id)
        return Outcome(group, packed, await put(store, packed))
    except TonearmError as error:
        return Outcome(group, error=error.with_traceback(None))  # whose frames hold the song


def words_of(group: Group, title: str) -> dict[str, Any]:
    """What a listener sees of the song, out of the first file that has tags; a title comes from the name where none tells one."""
    from ingest.tags import Tags, open_tagged, read_tags

    for path in group.files:
        tags = Tags()
        with suppress(OSError), path.open("rb") as file:  # its own reader will say what is wrong
            container = CONTAINERS.get(file.read(4), "mov")
            tags = read_tags(open_tagged(file, container), {})
        if tags != Tags():
            return asdict(tags) | {"title": title or tags.title or group.name}
    return {"title": title or group.name}


async def put(store: ObjectStore, packed: Package) -> str:
    """Publish, unless the song's pointer names this very version already."""
    from origin.publish import current, publish

    song_id, version = packed.presentation.song.song_id, packed.presentation.version
    pointer = await current(store, song_id)
    if pointer is not None and pointer.version == version:
        return "unchanged"
    await publish(store, song_id=song_id, version=version, objects=packed.objects())
    return "packaged"


def show(outcome: Outcome, out: str, as_json: bool) -> None:
    """A line of JSON on standard output, or one for people on standard error."""
    if as_json:
        click.echo(json.dumps(outcome.to_dict()))  # ASCII: a file name need not be valid UTF-8
        return
    if outcome.packed is None:
        click.echo(one_line(f"tonearm: {outcome.error}"), err=True)
        return
    there = outcome.packed.presentation
    minutes, seconds = divmod(there.samples // there.sample_rate, 60)
    names = ", ".join(rendition.name for rendition in there.renditions)
    folder = f"{out.rstrip('/')}/{layout.folder(there.song.song_id, there.version)}"
    click.echo(
        one_line(
            f"{outcome.status}  {there.song.title}  {minutes}:{seconds:02d}  {names}  {there.protection.scheme}  {folder}"
        ),
        err=True,
    )
