"""Which keys a song needs, put to a key server: one for all of it, or one for each rendition.

SPEKE knows tracks by filters on audio and video and by a name, `intendedTrackType`; what CPIX has for names of renditions, the
LabelFilter, it has not. So the question names the renditions as track types, and the document that comes back gets the
labels, by which a packager finds the key of each.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID, uuid5

from drm.cpix import Document, Signer, UsageRule, audio_filter, label_filter
from drm.speke.client import KeyServer, fetch, request
from drm.systems import DrmSystem
from media.errors import SettingsError

# Version 5 UUIDs (RFC 9562 §5.5) of this: whoever asks again for the same names the same KIDs.
NAMESPACE = UUID("419618f5-8942-45ed-99d3-59a872e0d601")
ALL = "AUDIO"


def kid_for(content_id: str, scheme: str, rendition: str) -> UUID:
    """Schemes have KIDs, and so keys, of their own: one key under two ciphers is one too few."""
    return uuid5(NAMESPACE, f"{content_id}\0{scheme}\0{rendition}")


async def ask(
    server: KeyServer,
    content_id: str,
    *,
    systems: Collection[DrmSystem],
    scheme: str,
    renditions: Sequence[str] = (),
    recipient: Signer | None = None,
) -> Document:
    """The keys of `content_id`: one that is for everything, or one for each of `renditions`.

    Raises `SettingsError` for names or systems that make no sense, and what `drm.speke.client.fetch` does.
    """
    for system in systems:
        if scheme not in system.schemes:
            raise SettingsError(f"{system.title} does not decrypt {scheme!r}")
    for name in (content_id, *renditions):
        if not name or not name.isprintable():
            raise SettingsError(f"{name!r} is no name that a key server could be asked for")
    if len(set(renditions)) < len(renditions) or any("+" in name for name in renditions):
        raise SettingsError("renditions: each is named once, and none with a +, which SPEKE joins names by")
    kids = {kid_for(content_id, scheme, name): name for name in renditions or [ALL]}
    rules = {kid: UsageRule(kid, (audio_filter(),), name) for kid, name in kids.items()}
    answer = await fetch(
        server, request(content_id, rules, scheme=scheme, systems=systems), recipient=recipient
    )
    if not renditions:
        return answer
    labelled = tuple(UsageRule(kid, (label_filter(name),), name) for kid, name in kids.items())
    return replace(answer, rules=labelled)
