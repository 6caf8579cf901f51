"""The one registry: a backend is opened by the scheme of a URL that a person wrote.

Never hand it a URL that came out of a manifest or a request (`tests/media/test_registry.py`).

    >>> store = open_store("file:/srv/music")
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from urllib.parse import urlsplit

from media.errors import SettingsError
from media.ports import ObjectStore

# scheme → "module:factory"; the factory takes the whole URL. Imported when first used: boto3 alone costs 1.6 s.
STORES = {
    "file": "origin.stores.file:open_file_store",
    "s3": "origin.stores.s3:open_s3_store",
    "minio": "origin.stores.minio:open_minio_store",
}


def open_store(url: str) -> ObjectStore:
    """Open the object store that `url` names; a plain path means ``file:``. Raises `SettingsError`."""
    scheme = urlsplit(url).scheme
    if not scheme:
        scheme, url = "file", f"file:{url}"
    target = STORES.get(scheme)
    if target is None:
        raise SettingsError(
            f"store {url!r}: no backend for {scheme!r}; there are {', '.join(sorted(STORES))}"
        )
    module, _, name = target.partition(":")
    factory: Callable[[str], ObjectStore] = getattr(import_module(module), name)
    return factory(url)
