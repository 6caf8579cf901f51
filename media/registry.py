"""The one registry: a backend is opened by the scheme of a URL that a person wrote.

Never hand it a URL that came out of a manifest or a request (`tests/media/test_registry.py`).

    >>> store = open_store("file:/srv/music")
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib import import_module
from urllib.parse import quote

from media.errors import SettingsError
from media.ports import ObjectStore

# scheme → "module:factory"; the factory takes the whole URL. Imported when first used: boto3 alone costs 1.6 s.
STORES = {
    "file": "origin.stores.file:open_file_store",
    "s3": "origin.stores.s3:open_s3_store",
    "minio": "origin.stores.minio:open_minio_store",
}


_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # urllib would drop some of them in silence


def open_store(url: str) -> ObjectStore:
    """Open the object store that `url` names; a plain path means ``file:``. Raises `SettingsError`."""
    match = _SCHEME.match(url)
    if match is None:  # a path as it stands: no % in it is an escape, no # or ? ends it
        url = f"file:{quote(os.fsencode(url))}"
    scheme = match[1].lower() if match else "file"
    target = STORES.get(scheme)
    if _CONTROL.search(url):
        raise SettingsError(f"store {url!r}: a control character; write it as %0A")
    if target is None:
        raise SettingsError(
            f"store {url!r}: no backend for {scheme!r}; there are {', '.join(sorted(STORES))}"
        )
    module, _, name = target.partition(":")
    factory: Callable[[str], ObjectStore] = getattr(import_module(module), name)
    try:
        return factory(url)
    except ValueError as error:  # urllib's, of an address with half an IPv6 address or a port that is none
        raise SettingsError(f"store {url!r}: {error}") from None
