"""What the options of `drm`'s commands mean, as people write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import click

from media.errors import SettingsError

if TYPE_CHECKING:
    from drm.systems import DrmSystem

FILE = click.Path(dir_okay=False, path_type=Path)
_MAX_TOKEN = 8192  # bytes, of a whole header line in the servers that we know
Command = TypeVar("Command", bound=Callable[..., Any])


def _system(name: str) -> DrmSystem:
    from drm import systems  # brings numpy along, which `keys list` has no use for

    try:
        return systems.by_name(name.strip())
    except SettingsError as error:
        raise click.BadParameter(str(error)) from None


def _systems(context: click.Context, parameter: click.Parameter, value: str) -> tuple[DrmSystem, ...]:
    return tuple(dict.fromkeys(_system(name) for name in value.split(",") if name.strip()))


def _license_urls(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    urls = {}
    for value in values:
        name, separator, url = value.partition("=")
        if not separator or not url:
            raise click.BadParameter("a DRM system, = and an address expected")
        urls[_system(name).name] = url
    return urls


def _labels(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> list[tuple[UUID, str]]:
    labels = []
    for value in values:
        kid, _, label = value.partition("=")
        try:
            labels.append((UUID(kid), label))
        except ValueError:
            label = ""
        if not label or not label.isprintable():
            raise click.BadParameter("a KID, = and the name of a rendition expected")
    return labels


def drm(default: str) -> Callable[[Command], Command]:
    return click.option(
        "--drm",
        default=default,
        show_default=bool(default),
        callback=_systems,
        metavar="SYSTEM,…",
        help="DRM systems to be signalled: widevine, playready, fairplay, clearkey.",
    )


scheme = click.option(
    "--scheme",
    type=click.Choice(["cbcs", "cenc"]),
    default="cbcs",
    show_default=True,
    help="The protection that the keys are for.",
)
license_urls = click.option(
    "--license-url",
    "license_urls",
    metavar="SYSTEM=URL",
    multiple=True,
    callback=_license_urls,
    help="Where players of a DRM system find licences. May be repeated.",
)
labels = click.option(
    "--label",
    "labels",
    metavar="KID=RENDITION",
    multiple=True,
    callback=_labels,
    help="What a key is for, as a usage rule of the CPIX document. May be repeated.",
)
token_file = click.option("--token-file", type=FILE, help="A file of mode 0600 with the bearer token.")
token = click.option(
    "--token", help="The token itself: for its environment variable, because a command line is no secret."
)


def read_token(path: Path | None, given: str | None) -> str:
    """What --token-file or --token says, empty without either. Raises `SettingsError` for what no header can carry."""
    from drm.secret_files import read_secret

    if path is not None and given is not None:
        raise click.UsageError("--token-file and --token are two places for one thing")
    text = read_secret(path, _MAX_TOKEN).decode("ascii", "replace") if path is not None else given or ""
    token = text.strip()
    if (path is not None or given is not None) and not (token and token.isascii() and token.isprintable()):
        raise SettingsError(f"{path or '--token'}: one line of ASCII is expected")
    return token
