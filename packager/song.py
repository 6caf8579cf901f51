"""Encoded files become one song's presentation: read, named, keyed, packaged.

    packed = package_files(files, recipe=Recipe(), keys=stored_key(key_store), words={"title": "Song"})

A rendition is called as its file is. The order of the files is of no matter: the same files and settings give the same bytes, under a
version that names them all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from media.access_units import Encoded
from media.errors import FormatError
from media.presentation import Loudness
from media.signalling import Signalling
from media.song import Song
from packager.encryption import Encryption, digest_of
from packager.inputs import read_file
from packager.keys import Keys, KeySource
from packager.package import Package, package
from packager.version import FORMAT, digest, fingerprint

_NOT_A_NAME = re.compile(r"[^a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How songs are packaged. `license_urls` are by DRM system, ``clearkey`` among them; addresses left out: the edge's own.

    `systems` are signalled besides ClearKey; `iv` is the first rendition's.
    """

    scheme: str = "cbcs"
    first_ms: int = 1000
    target_ms: int = 4000
    one_file: bool = False
    iv: bytes = b""
    systems: tuple[str, ...] = ()
    license_urls: Mapping[str, str] = field(default_factory=dict)
    key_url: str = ""
    steering_url: str = ""

    def digest_input(self) -> dict[str, Any]:
        return asdict(self) | {"iv": self.iv.hex()}


def package_files(
    files: Sequence[Path],
    *,
    recipe: Recipe,
    keys: KeySource,
    words: Mapping[str, Any],
    song_id: str = "",
) -> Package:
    """`words` are members of `media.song.Song`, a title at least; an empty `song_id` is made of the contents.

    Raises `FormatError` for a file that makes no sense or files that do not fit together; it names the file or rendition."""
    encoded = sorted(read_renditions(files), key=lambda each: (each.bitrate, each.name))
    digests = {each.name: digest_of(each) for each in encoded}
    contents = [(each.name, digests[each.name].hex(), each.priming, each.samples) for each in encoded]
    song = Song(song_id or f"s{digest(contents)}", **words)
    scope = f"{song.song_id}.{digest(FORMAT, contents, asdict(song), recipe.digest_input())}"
    found = keys(encoded, scope)
    ivs = dict(found.ivs)
    if recipe.iv:
        ivs = dict.fromkeys((key.kid for key in found.by_rendition.values()), recipe.iv)
    try:
        encryption = Encryption(
            recipe.scheme,
            found.by_rendition,
            ivs=ivs,
            digests=digests,
            license_url=recipe.license_urls.get("clearkey", ""),
            key_url=recipe.key_url,
            signalling=_signalling(found, recipe),
        )
        return package(
            encoded,
            song=song,
            version=_version(scope, encryption),
            encryption=encryption,
            loudness=Loudness(None, None, None),
            public={},
            master={},
            first_ms=recipe.first_ms,
            target_ms=recipe.target_ms,
            one_file=recipe.one_file,
            steering_url=recipe.steering_url,
        )
    except ValueError as error:
        raise FormatError(f"{song.title}: {error}") from None


def read_renditions(files: Sequence[Path]) -> list[Encoded]:
    """Each file under its own name in small letters, digits, ``_`` and ``-``. Raises `FormatError`."""
    names = [_NOT_A_NAME.sub("-", path.stem.lower()).strip("-_") for path in files]
    for path, name in zip(files, names, strict=True):
        if not name:
            raise FormatError(f"{path}: its name has no letter or digit that a rendition could be called by")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        paths = ", ".join(str(path) for path, name in zip(files, names, strict=True) if name == twice[0])
        raise FormatError(f"{paths}: all of them would be rendition {twice[0]}")
    return [read_file(path, name=name) for path, name in zip(files, names, strict=True)]


def _signalling(found: Keys, recipe: Recipe) -> list[Signalling]:
    """What the source of the keys brings along, and what was asked for and is not among it, key by key."""
    told = list(found.signalling)
    if not recipe.systems:
        return told
    from drm.signalling import signal
    from drm.systems import by_name

    there = {(each.kid, each.system_id) for each in told}
    keys = {key.kid: key.key for key in found.by_rendition.values()}
    for system in map(by_name, recipe.systems):
        url = recipe.license_urls.get(system.name, "")
        for kid, key in keys.items():
            if (kid, system.system_id) not in there:
                told.append(signal(system, kid, recipe.scheme, license_url=url, key=key))
    return told


def _version(scope: str, encryption: Encryption) -> str:
    """16 hex digits that name the presentation; keys take part as hashes."""
    keys = {name: (str(key.kid), fingerprint(key.key)) for name, key in encryption.keys.items()}
    ivs = {str(kid): iv.hex() for kid, iv in encryption.ivs.items()}
    told = [
        asdict(each) | {"kid": str(each.kid), "system_id": str(each.system_id), "pssh": each.pssh.hex()}
        for each in encryption.signalling
    ]
    return digest(scope, keys, ivs, told)
