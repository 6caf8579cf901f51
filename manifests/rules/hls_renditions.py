"""EXT-X-MEDIA and its groups, session data and content steering (RFC 8216bis §4.4.6)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from manifests.attributes import unquoted
from manifests.hls_reader import Playlist, Tag
from manifests.rule_book import RuleBook, Violations
from manifests.rules.hls_playlist import INTEGER, version_of

rules = RuleBook[Playlist]("HLS", "RFC 8216bis")
GROUPS = {"AUDIO": "AUDIO", "VIDEO": "VIDEO", "SUBTITLES": "SUBTITLES", "CLOSED-CAPTIONS": "CLOSED-CAPTIONS"}
# What members of two groups may differ in
_OWN = frozenset(["GROUP-ID", "URI", "CHANNELS", "BIT-DEPTH", "SAMPLE-RATE", "STABLE-RENDITION-ID"])
_PATHWAY = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_DEFAULT_PATHWAY = "."

Group = list[Tag]
Members = frozenset[tuple[tuple[str, str], ...]]


def _media(playlist: Playlist) -> list[Tag]:
    return [tag for tag in playlist.all("EXT-X-MEDIA") if not tag.problem]


def _groups(playlist: Playlist) -> dict[tuple[str, str], Group]:
    """The members of each group, by TYPE and GROUP-ID."""
    groups: dict[tuple[str, str], Group] = defaultdict(list)
    for tag in _media(playlist):
        groups[tag.attributes.get("TYPE", ""), unquoted(tag.attributes.get("GROUP-ID", ""))].append(tag)
    return groups


@rules.rule(47, "8")
def the_version_covers_what_is_used(playlist: Playlist) -> Violations:
    """EXT-X-VERSION of a multivariant playlist is at least what its features ask for."""
    told = version_of(playlist)
    for tag in playlist.tags:
        for needed, why in _needs(tag):
            if told < needed:
                yield tag.line, f"{why} needs version {needed}, the playlist says {told}"
                return


def _needs(tag: Tag) -> Iterator[tuple[int, str]]:
    if tag.name == "EXT-X-DEFINE":
        yield (11 if "QUERYPARAM" in tag.attributes else 8), "EXT-X-DEFINE"
    if tag.name == "EXT-X-MEDIA" and "SERVICE" in tag.attributes.get("INSTREAM-ID", ""):
        yield 7, "INSTREAM-ID of a SERVICE"
    if any(name.startswith("REQ-") for name in tag.attributes):
        yield 12, "an attribute REQ-…"


@rules.rule(48, "4.4.6.1")
def renditions_are_complete(playlist: Playlist) -> Violations:
    """EXT-X-MEDIA has TYPE, GROUP-ID and NAME; subtitles have a URI, closed captions an INSTREAM-ID and no URI."""
    for tag in _media(playlist):
        kind = tag.attributes.get("TYPE", "")
        needed = ["TYPE", "GROUP-ID", "NAME"]
        needed += {"SUBTITLES": ["URI"], "CLOSED-CAPTIONS": ["INSTREAM-ID"]}.get(kind, [])
        for name in needed:
            if name not in tag.attributes:
                yield tag.line, f"EXT-X-MEDIA without {name}"
        if kind == "CLOSED-CAPTIONS" and "URI" in tag.attributes:
            yield tag.line, "closed captions with a URI"


@rules.rule(49, "4.4.6.1")
def defaults_are_selected(playlist: Playlist) -> Violations:
    """DEFAULT=YES does not go with AUTOSELECT=NO, and FORCED is for subtitles."""
    for tag in _media(playlist):
        values = tag.attributes
        if values.get("DEFAULT") == "YES" and values.get("AUTOSELECT", "YES") != "YES":
            yield tag.line, f"DEFAULT=YES with AUTOSELECT={values['AUTOSELECT'][:40]}"
        if "FORCED" in values and values.get("TYPE") != "SUBTITLES":
            yield tag.line, f"FORCED of {values.get('TYPE', 'no type')[:40]}"


@rules.rule(60, "4.4.6.1.1")
def members_of_a_group_can_be_told_apart(playlist: Playlist) -> Violations:
    """In a group NAMEs are unique, and one member at most is the default."""
    for (_, group), members in _groups(playlist).items():
        seen: Counter[str] = Counter()
        defaults = 0
        for tag in members:
            name = tag.attributes.get("NAME", "")
            seen[name] += 1
            defaults += tag.attributes.get("DEFAULT") == "YES"
            if seen[name] > 1:
                yield tag.line, f"group {group[:40]} has the NAME {name[:40]} more than once"
            if tag.attributes.get("DEFAULT") == "YES" and defaults > 1:
                yield tag.line, f"group {group[:40]} has more than one default"


@rules.rule(61, "4.4.6.1.1")
def groups_have_the_same_members(playlist: Playlist) -> Violations:
    """Groups of one TYPE and one pathway have the same members, alike but for address, channels, bit depth and sample rate: a player that changes groups looks for the same one."""
    pathways: dict[tuple[str, str], set[str]] = defaultdict(set)
    for tag in playlist.all("EXT-X-STREAM-INF"):
        for name, kind in GROUPS.items():
            pathways[kind, unquoted(tag.attributes.get(name, ""))].add(tag.attributes.get("PATHWAY-ID", ""))
    first: dict[tuple[str, frozenset[str]], tuple[str, Members]] = {}
    for (kind, group), members in _groups(playlist).items():
        alike = frozenset(
            tuple(sorted((name, value) for name, value in tag.attributes.items() if name not in _OWN))
            for tag in members
        )
        # Another pathway's group may be named otherwise, as in the standard's own example (§9.12).
        name, due = first.setdefault((kind, frozenset(pathways[kind, group])), (group, alike))
        if alike != due:
            yield (
                members[0].line,
                f"groups {group[:40]!r} and {name[:40]!r} of {kind[:40]} differ in their members",
            )


@rules.rule(62, "4.4.6.1")
def channels_are_told(playlist: Playlist) -> Violations:
    """CHANNELS begins with a number of channels, and is there where renditions of one NAME differ in it."""
    told: dict[str, set[str]] = defaultdict(set)
    audio = [tag for tag in _media(playlist) if tag.attributes.get("TYPE") == "AUDIO"]
    for tag in audio:
        channels = unquoted(tag.attributes.get("CHANNELS", ""))
        told[tag.attributes.get("NAME", "")].add(channels)
        count = channels.partition("/")[0]
        if "CHANNELS" in tag.attributes and (not INTEGER.fullmatch(count) or int(count) == 0):
            yield tag.line, f"CHANNELS {channels[:40]!r} does not begin with a number of channels"
    for tag in audio:
        if "CHANNELS" not in tag.attributes and len(told[tag.attributes.get("NAME", "")]) > 1:
            yield tag.line, "EXT-X-MEDIA without CHANNELS, where others of its NAME have them"


@rules.rule(63, "4.4.6.2")
def groups_exist(playlist: Playlist) -> Violations:
    """A group that a variant names exists, with that TYPE, and a group is named by a variant."""
    groups = _groups(playlist)
    named: set[tuple[str, str]] = set()
    for tag in playlist.all("EXT-X-STREAM-INF"):
        for name, kind in GROUPS.items():
            value = tag.attributes.get(name)
            if value is None or value == "NONE":
                continue
            group = kind, unquoted(value)
            named.add(group)
            if group not in groups:
                yield tag.line, f"{name} names the group {value[:40]}, which does not exist"
    for group, members in groups.items():
        if group not in named:
            yield members[0].line, f"no variant names the group {group[1][:40]!r} of {group[0][:40]}"


@rules.rule(64, "4.4.6.4")
def session_data_is_complete(playlist: Playlist) -> Violations:
    """EXT-X-SESSION-DATA has a DATA-ID and one of VALUE and URI, and none stands twice in one language."""
    seen: Counter[tuple[str, str]] = Counter()
    for tag in playlist.all("EXT-X-SESSION-DATA"):
        if tag.problem:
            continue
        name = tag.attributes.get("DATA-ID", "")
        if not unquoted(name):
            yield tag.line, "EXT-X-SESSION-DATA without DATA-ID"
        if ("VALUE" in tag.attributes) == ("URI" in tag.attributes):
            yield tag.line, "EXT-X-SESSION-DATA with one of VALUE and URI expected"
        key = name, tag.attributes.get("LANGUAGE", "")
        seen[key] += 1
        if seen[key] > 1:
            yield tag.line, f"EXT-X-SESSION-DATA {name[:40]} stands more than once in one language"


@rules.rule(65, "4.4.6.6, §7")
def steering_has_somewhere_to_go(playlist: Playlist) -> Violations:
    """EXT-X-CONTENT-STEERING has a SERVER-URI, PATHWAY-IDs have only the characters they may have, and the one to begin with is some variant's."""
    variants = [tag for tag in playlist.all("EXT-X-STREAM-INF") if not tag.problem]
    pathways = {unquoted(tag.attributes.get("PATHWAY-ID", _DEFAULT_PATHWAY)) for tag in variants}
    for tag in (*variants, *playlist.all("EXT-X-CONTENT-STEERING")):
        told = unquoted(tag.attributes.get("PATHWAY-ID", _DEFAULT_PATHWAY))
        if not _PATHWAY.fullmatch(told):
            yield tag.line, f"{tag.name}: PATHWAY-ID {told[:40]!r}"
        if tag.name == "EXT-X-CONTENT-STEERING" and not tag.problem:
            if not unquoted(tag.attributes.get("SERVER-URI", "")):
                yield tag.line, "EXT-X-CONTENT-STEERING without SERVER-URI"
            if "PATHWAY-ID" in tag.attributes and told not in pathways:
                yield tag.line, f"no variant has the PATHWAY-ID {told[:40]!r} to begin with"


@rules.rule(66, "4.4.6.2, §4.4.6.1", "warning")
def channels_of_audio_are_told(playlist: Playlist) -> Violations:
    """Where there are groups of audio, every EXT-X-MEDIA of audio has CHANNELS, and every variant names one."""
    audio = [tag for tag in _media(playlist) if tag.attributes.get("TYPE") == "AUDIO"]
    for tag in audio:
        if "CHANNELS" not in tag.attributes:
            yield tag.line, "EXT-X-MEDIA of audio without CHANNELS"
    for tag in playlist.all("EXT-X-STREAM-INF") if audio else ():
        if "AUDIO" not in tag.attributes:
            yield tag.line, "a variant without AUDIO, where others have it"
