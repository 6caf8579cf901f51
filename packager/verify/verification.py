"""The whole of a verification: read, collect, judge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from manifests import KINDS
from manifests.rules import check_media, check_mpd, check_multivariant
from media import layout
from media.errors import ManifestError, ObjectMissing
from media.findings import Finding
from media.presentation import Presentation
from packager.verify.agreement import agreement_rules
from packager.verify.book import Book
from packager.verify.common_encryption import cenc_rules
from packager.verify.decoding import hear_master
from packager.verify.described import file_rules, presentation_rules
from packager.verify.evidence import Evidence
from packager.verify.manifest_files import opened_manifests
from packager.verify.mpd import mpd_rules
from packager.verify.others import collect_others
from packager.verify.ours import collect, read_presentation
from packager.verify.playlists import hls_rules
from packager.verify.protected import drm_rules
from packager.verify.sound import sound_rules
from packager.verify.source import opened
from packager.verify.start import start_rules
from packager.verify.structure import box_rules
from packager.verify.tracks import cmaf_rules

BOOKS: tuple[Book, ...] = (
    presentation_rules,
    file_rules,
    box_rules,
    cmaf_rules,
    cenc_rules,
    drm_rules,
    hls_rules,
    mpd_rules,
    agreement_rules,
    sound_rules,
    start_rules,
)
# What makes everything else meaningless
READABLE = ("PRES-1", "PRES-2", "PRES-3")


@dataclass(frozen=True, slots=True)
class Report:
    """`root` is the version's folder or address; `presentation` is ``None`` when it could not be read, and derived where it is
    not `ours`."""

    root: str
    presentation: Presentation | None
    findings: tuple[Finding, ...]
    ours: bool = True

    @property
    def clean(self) -> bool:
        return not any(finding.severity == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        there = self.presentation
        return {
            "presentation": self.root,
            "song_id": there.song.song_id if there and self.ours else None,
            "version": there.version if there and self.ours else None,
            "protection": there.protection.scheme if there else None,
            "renditions": [each.name for each in there.renditions] if there else [],
            "samples": there.samples if there else None,
            "clean": self.clean,
            "findings": [asdict(finding) for finding in self.findings],
        }


async def verify(
    address: str,
    *,
    find_key: Callable[[UUID], bytes | None],
    master: Path | None = None,
    other: str | None = None,
) -> Report:
    """Judge the presentation at `address`, a folder or a URL; without a presentation.json there, by the manifests at
    `address` and `other`.

    `find_key` is asked once for each content key of a protected presentation. Raises `ObjectMissing` when there is no
    presentation, `StoreUnavailable` when the place does not answer, `MasterRejected` for a master that is no sound.
    """
    collected = None if other else await _ours(address)
    if isinstance(collected, Report):
        return collected
    root, evidence = collected or await _others([address, *([other] if other else [])])
    presentation = evidence.presentation
    kids = dict.fromkeys(evidence.kid_of(rendition) for rendition in presentation.renditions)
    found = {kid: find_key(kid) for kid in kids if kid is not None}
    evidence.keys = {**evidence.keys, **{kid: key for kid, key in found.items() if key is not None}}
    if presentation.samples > 0 and presentation.sample_rate > 0 and master is not None:
        evidence.master = await asyncio.to_thread(
            hear_master, master, sample_rate=presentation.sample_rate, samples=presentation.samples
        )
    return Report(root, presentation, tuple(await asyncio.to_thread(judge, evidence)), evidence.ours)


async def _ours(address: str) -> tuple[str, Evidence] | Report | None:
    """What lies at `address`, or the report of why it cannot be read; ``None`` when it is not there, and others' may be."""
    try:
        async with opened(address) as source:
            try:
                presentation = await read_presentation(source)
            except ManifestError as error:
                finding = Finding("PRES-1", "error", layout.PRESENTATION, f"{error} (media/presentation.py)")
                return Report(source.root, None, (finding,))
            files, missing = await collect(source, presentation)
            return source.root, Evidence(presentation, files, missing)
    except ObjectMissing:
        return None


async def _others(addresses: Sequence[str]) -> tuple[str, Evidence]:
    async with opened_manifests(addresses) as (source, names):
        return source.root, await collect_others(source, names)


def judge(evidence: Evidence) -> list[Finding]:
    """Every rule over the evidence. A presentation.json that makes no sense by itself is not compared with anything."""
    if not evidence.presentation.renditions and not evidence.ours:
        return _manifests(evidence)
    findings = presentation_rules.check(evidence)
    if any(finding.rule in READABLE for finding in findings):
        return findings
    for book in BOOKS[1:]:
        findings += book.check(evidence)
        if book is drm_rules:
            findings += _manifests(evidence)
    return findings


def _manifests(evidence: Evidence) -> list[Finding]:
    """The manifests' own grammar (`manifests.rules`)."""
    presentation, findings = evidence.presentation, []
    due = {kind: layout.MANIFESTS[kind] for kind in KINDS[presentation.protection.scheme]}
    for kind, path in due.items() if evidence.ours else presentation.manifests.items():
        names = (
            []
            if kind == "dash"
            else [evidence.playlist_path(each.name, kind) for each in presentation.renditions]
        )
        body = evidence.body(path)
        if body is not None and path not in names:
            findings += (check_mpd if kind == "dash" else check_multivariant)(body, path)
        for playlist in names:
            text = evidence.body(playlist)
            if text is not None:
                findings += check_media(text, playlist)
    return findings
