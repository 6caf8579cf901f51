"""What a CPIX document says: keys, what DRM systems are told about them, and which key is for which rendition.

In a request a blank is to be filled in: a key whose `key` is ``None``, a signalling member that is empty. A signalling
member that is ``None`` is not asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from media.errors import FormatError


@dataclass(frozen=True, slots=True)
class CpixKey:
    """`key` has 16 bytes, or is ``None`` where the document does not tell it to us. `scheme` is ``cenc``, ``cbcs``, …"""

    kid: UUID
    key: bytes | None = field(default=None, repr=False)
    scheme: str = ""
    explicit_iv: bytes = b""


@dataclass(frozen=True, slots=True)
class DrmData:
    """What one DRM system is told about one key.

    `pssh` is a whole box, `content_protection` the XML inside the MPD's ContentProtection, the others lines of playlists.
    """

    kid: UUID
    system_id: UUID
    name: str = ""
    pssh: bytes | None = None
    content_protection: str | None = None
    hls_media: str | None = None
    hls_multivariant: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of a usage rule: the element's name and its attributes as they stand.

    An element of another namespace has its name in lxml's spelling, ``{namespace}name``.
    """

    kind: str
    attributes: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str | None:
        return dict(self.attributes).get(name)

    def within(self, value: int, least: str, most: str) -> bool:
        """Whether `value` is between the attributes `least` and `most`, both inclusive, each optional."""
        low, high = self.get(least), self.get(most)
        return (low is None or int(low) <= value) and (high is None or value <= int(high))


def label_filter(label: str) -> Filter:
    """Matches the rendition of that name."""
    return Filter("LabelFilter", (("label", label),))


def audio_filter(min_channels: int | None = None, max_channels: int | None = None) -> Filter:
    """Matches audio, with that many channels where limits are given."""
    limits = {"minChannels": min_channels, "maxChannels": max_channels}
    return Filter(
        "AudioFilter", tuple((name, str(value)) for name, value in limits.items() if value is not None)
    )


@dataclass(frozen=True, slots=True)
class UsageRule:
    """Filters of one kind are alternatives, filters of different kinds must all match (§5.3.13.1)."""

    kid: UUID
    filters: tuple[Filter, ...] = ()
    intended_track_type: str = ""

    def matches(self, label: str, channels: int, bitrate: int) -> bool:
        """Whether an audio rendition is meant. Raises `FormatError` for a filter that we cannot judge.

        SPEKE's rule for everything has an audio and a video filter, which by the letter matches nothing; there the
        video filter is passed over.
        """
        judged: dict[str, bool] = {}
        for each in self.filters:
            if each.kind == "LabelFilter":
                matched = each.get("label") == label
            elif each.kind == "AudioFilter":
                matched = each.within(channels, "minChannels", "maxChannels")
            elif each.kind == "BitrateFilter":
                matched = each.within(bitrate, "minBitrate", "maxBitrate")
            elif each.kind == "VideoFilter":
                matched = any(other.kind == "AudioFilter" for other in self.filters)
            else:
                raise FormatError(f"CPIX ContentKeyUsageRule of {self.kid}: cannot judge a {each.kind}")
            judged[each.kind] = judged.get(each.kind, False) or matched
        return all(judged.values())


@dataclass(frozen=True, slots=True)
class Document:
    """`recipients` are the certificates (DER) that a document that was read is addressed to."""

    content_id: str = ""
    keys: tuple[CpixKey, ...] = ()
    drm: tuple[DrmData, ...] = ()
    rules: tuple[UsageRule, ...] = ()
    version: str = "2.3"
    recipients: tuple[bytes, ...] = field(default=(), repr=False)

    def key_for(self, *, label: str, channels: int, bitrate: int) -> CpixKey | None:
        """The key of a rendition (its name, channels, bit/s), or ``None`` when it is to stay in the clear.

        Without rules a single key is for everything. Raises `FormatError` when rules contradict each other or cannot
        be judged: §5.3.13.1 forbids to map any key then.
        """
        by_kid = {key.kid: key for key in self.keys}
        if not self.rules and len(by_kid) > 1:
            raise FormatError(f"CPIX: {len(by_kid)} keys and no ContentKeyUsageRule that tells them apart")
        if not self.rules:
            return next(iter(by_kid.values()), None)
        kids = sorted({rule.kid for rule in self.rules if rule.matches(label, channels, bitrate)})
        if len(kids) > 1:
            raise FormatError(
                f"CPIX ContentKeyUsageRuleList: {label} has {len(kids)} keys, {kids[0]} and {kids[1]}"
            )
        return by_kid[kids[0]] if kids else None
