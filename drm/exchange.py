"""Content keys on their way out of the key store and into it: CPIX documents, and the JSON object that `keys export` writes."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from drm.cpix import CpixKey, Document, DrmData, UsageRule, label_filter
from drm.cpix.files import parse
from drm.cpix.reader import MAX_DOCUMENT
from drm.key_store import KeyStore
from drm.keys import KEY_SIZE, ContentKey
from drm.secret_files import read_file
from drm.signalling import signal
from drm.systems import DrmSystem
from media.errors import ContentKeyError, FormatError, KeyMissing, SettingsError
from media.text import one_line

_MAX_NAME = 200  # characters of a stranger's content id that a scope takes


def document(
    keys: Sequence[ContentKey],
    *,
    scheme: str,
    systems: Collection[DrmSystem] = (),
    license_urls: Mapping[str, str] | None = None,
    labels: Collection[tuple[UUID, str]] = (),
) -> Document:
    """The CPIX document of `keys`, with the signalling of each for each of `systems`.

    A single key is for everything, and its scope is the content id. Of several each has a usage rule, for without no reader
    could tell them apart: the renditions that `labels` name for it, or its scope. Raises `SettingsError` for what cannot be
    signalled or labelled, `KeyMissing` where there is no key.
    """
    if not keys:
        raise KeyMissing("there is no content key to write")
    return Document(
        content_id=one_line(keys[0].scope) if len(keys) == 1 else "",
        keys=tuple(CpixKey(key.kid, key.key, scheme) for key in keys),
        drm=tuple(_drm(key, system, scheme, license_urls or {}) for key in keys for system in systems),
        rules=_rules(keys, labels),
    )


def _rules(keys: Sequence[ContentKey], labels: Collection[tuple[UUID, str]]) -> tuple[UsageRule, ...]:
    names: dict[UUID, list[str]] = {key.kid: [] for key in keys}
    for kid, label in dict.fromkeys(labels):
        if kid not in names:
            raise KeyMissing(f"label {label!r}: no content key {kid} among those that are written")
        if any(label in each for each in names.values()):
            raise SettingsError(f"label {label!r}: two keys for one rendition")
        names[kid].append(label)
    if len(keys) > 1:
        names = {key.kid: names[key.kid] or [one_line(key.scope)] for key in keys}
    return tuple(UsageRule(kid, tuple(map(label_filter, each))) for kid, each in names.items() if each)


def _drm(key: ContentKey, system: DrmSystem, scheme: str, license_urls: Mapping[str, str]) -> DrmData:
    made = signal(system, key.kid, scheme, license_url=license_urls.get(system.name, ""), key=key.key)
    return DrmData(
        key.kid,
        system.system_id,
        system.title,
        made.pssh or None,
        made.content_protection or None,
        made.media_tag,
        made.multivariant_tag,
    )


@dataclass(frozen=True, slots=True)
class Foreign:
    """A key from elsewhere. `scope` says where it came from."""

    kid: UUID
    key: bytes = field(repr=False)
    scope: str


def read_keys(
    path: Path, *, private_key: Path | None = None, signers: Sequence[Path] = ()
) -> tuple[Foreign, ...]:
    """The keys of a file: a CPIX document, or JSON as `keys export` writes it.

    Raises `FormatError`, `ContentKeyError` and `SettingsError`. A signer is asked for in vain of JSON, which has no signature.
    """
    data = read_file(path, MAX_DOCUMENT)
    if data.lstrip().startswith(b"{"):
        if signers:
            raise ContentKeyError(f"{path}: JSON, which nobody signs; a known signer is required")
        return tuple(Foreign(kid, key, f"json:{path.name}:{kid}") for kid, key in _json(data, path).items())
    read = parse(data, path, private_key=private_key, signers=signers)
    name = read.content_id[:_MAX_NAME] or path.name
    found = []
    for key in read.keys:
        if key.key is None:
            raise FormatError(f"{path}: CPIX ContentKey {key.kid} has no value; this is a question")
        found.append(Foreign(key.kid, key.key, f"cpix:{name}:{key.kid}"))
    return tuple(found)


def _json(data: bytes, path: Path) -> dict[UUID, bytes]:
    keys: dict[UUID, bytes] = {}
    try:
        for kid, key in json.loads(data, object_pairs_hook=list):
            if UUID(kid) in keys:
                raise FormatError(f"{path}: two keys for {UUID(kid)}")
            keys[UUID(kid)] = bytes.fromhex(key)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise FormatError(f"{path}: a JSON object of KIDs and keys in hex is expected") from None
    for kid, secret in keys.items():
        if len(secret) != KEY_SIZE:
            raise FormatError(f"{path}: the key of {kid} has {len(secret)} bytes; {KEY_SIZE} are expected")
    return keys


def take(key_store: KeyStore, keys: Sequence[Foreign]) -> list[tuple[ContentKey, bool]]:
    """Store `keys`: each as it is stored now, and whether it is new. One that is there keeps its scope.

    Raises `ContentKeyError` when the store has another key for one of the KIDs; then it takes none of them.
    """
    known = {}
    for each in keys:
        try:
            known[each.kid] = key_store.get(each.kid)
        except KeyMissing:
            continue
        if known[each.kid].key != each.key:
            raise ContentKeyError(f"another key is stored for {each.kid} already; nothing was imported")
    return [
        (known[each.kid], False)
        if each.kid in known
        else (key_store.add(each.kid, each.key, each.scope), True)
        for each in keys
    ]
