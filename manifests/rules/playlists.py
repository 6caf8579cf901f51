"""Checking HLS playlists: which book of rules holds for which playlist, and what cannot even be read."""

from __future__ import annotations

from manifests import hls_reader
from manifests.hls_reader import Playlist
from manifests.rule_book import RuleBook
from manifests.rules import hls_media, hls_multivariant
from media.errors import ManifestError
from media.findings import Finding


def check_media(text: str | bytes, place: str) -> list[Finding]:
    """What a media playlist does against its rules. `place` names it, a path or a URL."""
    return _check(hls_media.rules, text, place)


def check_multivariant(text: str | bytes, place: str) -> list[Finding]:
    """What a multivariant playlist does against its rules."""
    return _check(hls_multivariant.rules, text, place)


def _check(rules: RuleBook[Playlist], text: str | bytes, place: str) -> list[Finding]:
    try:
        playlist = hls_reader.read(text)
    except ManifestError as error:
        return rules.unreadable(error, place)
    return rules.check(playlist, place)
