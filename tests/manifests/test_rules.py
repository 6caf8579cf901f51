"""The rules: our own manifests keep them all, and each planted fault is found by the rule that names it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from uuid import UUID

import pytest

from drm.pssh import common_pssh
from manifests import KINDS, dash, hls
from manifests.dash import SWITCHING
from manifests.rules import check_media, check_mpd, check_multivariant, hls_media, hls_multivariant, mpd
from media.findings import Finding
from media.presentation import Presentation

Build = Callable[..., Presentation]


def names(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


@pytest.mark.parametrize("scheme", KINDS)
@pytest.mark.parametrize("durations", [(2_205,), (44_032, 131_752), (44_032, *[176_128] * 900, 1_025)])
def test_our_own_manifests_keep_every_rule(build: Build, scheme: str, durations: tuple[int, ...]) -> None:
    presentation = build(scheme=scheme, durations=durations)
    for kind in KINDS[scheme]:
        if kind == "dash":
            assert check_mpd(dash.mpd(presentation), kind) == []
            continue
        assert check_multivariant(hls.multivariant(presentation, kind), kind) == []
        for rendition in presentation.renditions:
            assert check_media(hls.media(presentation, rendition, kind), kind) == []


KEY = "#EXT-X-KEY:METHOD=SAMPLE-AES,URI="
FIRST = "#EXTINF:1.021678,\n00001.m4s\n"
MEDIA_FAULTS = [
    ("HLS-2", "#EXTM3U\n", ""),
    ("HLS-2", "#EXTM3U\n", "\n#EXTM3U\n"),
    ("HLS-3", "#EXTM3U\n", "\ufeff#EXTM3U\n"),
    ("HLS-3", "00001.m4s", "00001\t.m4s"),
    ("HLS-4", 'URI="init.mp4"', 'URI="init.mp4'),
    ("HLS-4", 'URI="init.mp4"', 'URI="init.mp4",URI="init.mp4"'),
    ("HLS-4", 'URI="init.mp4"', 'URI="init.mp4",'),
    ("HLS-5", 'URI="init.mp4"', "URI=init.mp4"),
    ("HLS-6", "#EXT-X-PLAYLIST-TYPE:VOD\n", "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-PLAYLIST-TYPE:VOD\n"),
    ("HLS-7", "00001.m4s", "00001 .m4s"),
    ("HLS-7", "00001.m4s", "ключ.m4s"),
    ("HLS-7", "init.mp4", "init .mp4"),
    ("HLS-8", "VERSION:6", "VERSION:six"),
    ("HLS-20", FIRST, '#EXT-X-SESSION-DATA:DATA-ID="x",VALUE="y"\n' + FIRST),
    ("HLS-21", "#EXT-X-TARGETDURATION:3\n", ""),
    ("HLS-21", "TARGETDURATION:3", "TARGETDURATION:3.5"),
    ("HLS-21", "TARGETDURATION:3", "TARGETDURATION:0"),
    ("HLS-22", "TARGETDURATION:3", "TARGETDURATION:2"),
    ("HLS-22", "3.018594", "3.500000"),
    ("HLS-23", "#EXTINF:1.021678,\n", ""),
    ("HLS-23", "#EXTINF:1.021678,\n00001.m4s", "#EXTINF:1.021678,"),
    ("HLS-23", "1.021678", "nan"),
    ("HLS-23", "1.021678", "-1"),
    ("HLS-24", "1.021678", "0.000"),
    ("HLS-25", "#EXT-X-VERSION:6\n", ""),
    ("HLS-25", "VERSION:6", "VERSION:5"),
    ("HLS-26", "METHOD=SAMPLE-AES,", ""),
    ("HLS-26", "METHOD=SAMPLE-AES,", "METHOD=ROT-13,"),
    ("HLS-26", "METHOD=SAMPLE-AES,", "METHOD=NONE,"),
    ("HLS-26", KEY, KEY.removesuffix("URI=") + "URL="),
    ("HLS-26", KEY, KEY.removesuffix("URI=") + "IV=16,URI="),
    ("HLS-26", 'KEYFORMATVERSIONS="1"', 'KEYFORMATVERSIONS="one"'),
    ("HLS-27", 'URI="init.mp4"', "BYTES=3"),
    ("HLS-28", '#EXT-X-MAP:URI="init.mp4"\n', ""),
    ("HLS-29", "#EXT-X-MAP", '#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXT-X-MAP'),
    ("HLS-30", "TYPE:VOD", "TYPE:LIVE"),
    ("HLS-31", "#EXT-X-ENDLIST\n", ""),
    ("HLS-31", "#EXT-X-ENDLIST\n", "#EXT-X-ENDLIST\n#EXTINF:1,\n00009.m4s\n"),
    ("HLS-32", "00002.m4s", "00001.m4s"),
    ("HLS-9", "#EXT-X-ENDLIST", "#EXT-X-START:TIME-OFFSET=0,PRECISE=MAYBE\n#EXT-X-ENDLIST"),
    ("HLS-10", "#EXT-X-ENDLIST", "#EXT-X-START:PRECISE=YES\n#EXT-X-ENDLIST"),
    ("HLS-10", "#EXT-X-ENDLIST", "#EXT-X-START:TIME-OFFSET=-99.5\n#EXT-X-ENDLIST"),
    ("HLS-11", "#EXT-X-MAP", '#EXT-X-DEFINE:NAME="a"\n#EXT-X-MAP'),
    ("HLS-11", "#EXT-X-MAP", '#EXT-X-DEFINE:IMPORT="a",VALUE="b"\n#EXT-X-MAP'),
    ("HLS-11", "#EXT-X-MAP", '#EXT-X-DEFINE:NAME="a",IMPORT="a",VALUE="b"\n#EXT-X-MAP'),
    ("HLS-11", "#EXT-X-MAP", '#EXT-X-DEFINE:NAME="a b",VALUE="c"\n#EXT-X-MAP'),
    ("HLS-11", "#EXT-X-MAP", '#EXT-X-DEFINE:NAME="a",VALUE="c"\n#EXT-X-DEFINE:IMPORT="a"\n#EXT-X-MAP'),
    ("HLS-11", "00002.m4s", "{$folder}/00002.m4s"),
    ("HLS-12", "#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-INDEPENDENT-SEGMENT"),
    ("HLS-25", "#EXT-X-MAP", '#EXT-X-DEFINE:NAME="a",VALUE="b"\n#EXT-X-MAP'),
    ("HLS-34", FIRST, "#EXT-X-BYTERANGE:ten\n" + FIRST),
    ("HLS-34", FIRST, "#EXT-X-BYTERANGE:10\n" + FIRST),
    ("HLS-34", 'URI="init.mp4"', 'URI="init.mp4",BYTERANGE="all"'),
    ("HLS-35", FIRST, "#EXT-X-BYTERANGE:10@0\n" + FIRST + "#EXT-X-BYTERANGE:10@9\n" + FIRST),
    ("HLS-36", FIRST, FIRST + "#EXT-X-DISCONTINUITY\n"),
    ("HLS-37", FIRST, FIRST + "#EXT-X-KEY:METHOD=NONE\n"),
    ("HLS-38", "#EXT-X-MAP", "#EXT-X-MEDIA-SEQUENCE:one\n#EXT-X-MAP"),
    ("HLS-38", FIRST, FIRST + "#EXT-X-MEDIA-SEQUENCE:1\n"),
    ("HLS-39", KEY, KEY.removesuffix("URI=") + "IV=0x01,URI="),
    ("HLS-50", FIRST, '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="data:text/plain;base64,AAAA"\n' + FIRST),
    ("HLS-50", FIRST, '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="data:,0123456789abcdef"\n' + FIRST),
    ("HLS-51", FIRST, "#EXTINF:0.99,\n00001.m4s\n"),
    ("HLS-52", "TARGETDURATION:3", "TARGETDURATION:4"),
    ("HLS-33", FIRST, '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="key"\n' + FIRST),
]


@pytest.mark.parametrize(("rule", "old", "new"), MEDIA_FAULTS)
def test_a_fault_in_a_media_playlist(build: Build, rule: str, old: str, new: str) -> None:
    presentation = build(scheme="cbcs")
    text = hls.media(presentation, presentation.renditions[0], "hls")
    assert text.count(old) >= 1
    assert rule in names(check_media(text.replace(old, new, 1), "hls.m3u8"))


AUDIO = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="mono",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1"'
STEERING = "#EXT-X-CONTENT-STEERING:"
VARIANT = 'STABLE-VARIANT-ID="low"\naudio/low/hls.m3u8\n'
MULTIVARIANT_FAULTS = [
    ("HLS-2", "#EXTM3U\n", ""),
    ("HLS-40", "#EXT-X-INDEPENDENT-SEGMENTS\n", "#EXT-X-TARGETDURATION:4\n"),
    ("HLS-41", "audio/low/hls.m3u8\n", ""),
    ("HLS-41", "audio/low/hls.m3u8\n", "# here it comes\naudio/low/hls.m3u8\n"),
    ("HLS-41", "audio/low/hls.m3u8\n", "audio/low/hls.m3u8\naudio/lower/hls.m3u8\n"),
    ("HLS-42", "BANDWIDTH=26400,", ""),
    ("HLS-42", "BANDWIDTH=26400", "BANDWIDTH=0"),
    ("HLS-42", "BANDWIDTH=26400", "BANDWIDTH=23999"),
    ("HLS-42", "BANDWIDTH=26400", "BANDWIDTH=26.4"),
    ("HLS-43", 'CODECS="mp4a.40.2",', ""),
    ("HLS-43", 'CODECS="mp4a.40.2",', 'CODECS="mp4a.40.2,,",'),
    ("HLS-44", VARIANT, VARIANT.replace('"low"', '"lów"')),
    ("HLS-44", VARIANT, VARIANT.replace('"low"', '"normal"')),
    ("HLS-45", "SESSION-KEY:METHOD=SAMPLE-AES", "SESSION-KEY:METHOD=NONE"),
    ("HLS-45", "METHOD=SAMPLE-AES,", ""),
    ("HLS-9", "TYPE=AUDIO", "TYPE=SOUND"),
    ("HLS-9", "DEFAULT=YES", 'DEFAULT="YES"'),
    ("HLS-47", "#EXT-X-VERSION:6\n", '#EXT-X-VERSION:6\n#EXT-X-DEFINE:NAME="a",VALUE="b"\n'),
    ("HLS-47", "#EXT-X-VERSION:6\n", '#EXT-X-VERSION:8\n#EXT-X-DEFINE:QUERYPARAM="a"\n'),
    ("HLS-47", "BANDWIDTH=26400", 'BANDWIDTH=26400,REQ-VIDEO-LAYOUT="CH-STEREO"'),
    ("HLS-48", 'GROUP-ID="mono",', ""),
    ("HLS-48", "TYPE=AUDIO,", ""),
    ("HLS-48", 'NAME="Audio",', ""),
    ("HLS-48", AUDIO, '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="a",NAME="b"\n' + AUDIO),
    ("HLS-48", AUDIO, '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="a",NAME="b",URI="c"\n' + AUDIO),
    ("HLS-49", "AUTOSELECT=YES", "AUTOSELECT=NO"),
    ("HLS-49", "AUTOSELECT=YES", "AUTOSELECT=YES,FORCED=YES"),
    ("HLS-60", AUDIO, f"{AUDIO}\n{AUDIO}"),
    ("HLS-60", AUDIO, AUDIO + "\n" + AUDIO.replace('NAME="Audio"', 'NAME="Other"')),
    ("HLS-61", 'NAME="Audio"', 'NAME="Mono"'),
    ("HLS-62", 'CHANNELS="1"', 'CHANNELS="one"'),
    ("HLS-62", ',CHANNELS="1"', ""),
    ("HLS-63", 'AUDIO="mono"', 'AUDIO="stereophonic"'),
    ("HLS-63", 'AUDIO="mono",', ""),
    ("HLS-64", AUDIO, '#EXT-X-SESSION-DATA:VALUE="a"\n' + AUDIO),
    ("HLS-64", AUDIO, '#EXT-X-SESSION-DATA:DATA-ID="a"\n' + AUDIO),
    ("HLS-64", AUDIO, '#EXT-X-SESSION-DATA:DATA-ID="a",VALUE="b",URI="c"\n' + AUDIO),
    ("HLS-64", AUDIO, '#EXT-X-SESSION-DATA:DATA-ID="a",VALUE="b"\n' * 2 + AUDIO),
    ("HLS-65", AUDIO, f'{STEERING}PATHWAY-ID="."\n{AUDIO}'),
    ("HLS-65", AUDIO, f'{STEERING}SERVER-URI="a",PATHWAY-ID="elsewhere"\n{AUDIO}'),
    ("HLS-65", "BANDWIDTH=26400", 'BANDWIDTH=26400,PATHWAY-ID="a b"'),
    ("HLS-66", ',CHANNELS="1"', ""),
    ("HLS-66", 'AUDIO="mono",', ""),
    ("HLS-46", "audio/low/hls.m3u8\n", "audio/normal/hls.m3u8\n"),
]


@pytest.mark.parametrize(("rule", "old", "new"), MULTIVARIANT_FAULTS)
def test_a_fault_in_a_multivariant_playlist(build: Build, rule: str, old: str, new: str) -> None:
    text = hls.multivariant(build(scheme="cbcs"), "hls")
    assert text.count(old) >= 1
    assert rule in names(check_multivariant(text.replace(old, new, 1), "hls.m3u8"))


def test_the_same_session_key_twice(build: Build) -> None:
    text = hls.multivariant(build(scheme="cbcs"), "hls")
    (line,) = [line for line in text.splitlines() if line.startswith("#EXT-X-SESSION-KEY")]
    assert names(check_multivariant(text.replace(line, f"{line}\n{line}"), "hls.m3u8")) == {"HLS-45"}


STEERED = "<ContentSteering>https://steer.example/</ContentSteering>"
COMMON = b64encode(common_pssh([UUID(int=1)]).to_bytes()).decode()
TIMELINE_END = "        </SegmentTimeline>\n"
MPD_FAULTS = [
    ("DASH-1", "</MPD>", ""),
    ("DASH-1", "<MPD", '<!DOCTYPE MPD [<!ENTITY a "b">]>\n<MPD'),
    ("DASH-1", "Salt Air", "&a;"),
    ("DASH-2", "urn:mpeg:dash:schema:mpd:2011", "urn:another"),
    ("DASH-2", 'type="static"', 'type="dynamic"'),
    ("DASH-2", ' minBufferTime="PT0.998459S"', ""),
    ("DASH-3", ' mediaPresentationDuration="PT10.000000S"', ""),
    ("DASH-3", "PT10.000000S", "10 s"),
    ("DASH-3", "PT10.000000S", "P"),
    ("DASH-4", "AdaptationSet", "OtherSet"),
    ("DASH-5", 'Representation id="low"', 'Representation id="normal"'),
    ("DASH-5", 'Representation id="low"', "Representation"),
    ("DASH-6", ' mimeType="audio/mp4"', ""),
    ("DASH-6", ' codecs="mp4a.40.2"', ""),
    ("DASH-7", 'bandwidth="26400"', 'bandwidth="-1"'),
    ("DASH-7", "$Number%05d$", "segment"),
    ("DASH-7", "$Number%05d$", "$Nummer$"),
    ("DASH-7", "$Number%05d$", "$Number"),
    ("DASH-7", "init.mp4", "$Number$.mp4"),
    ("DASH-7", 'initialization="audio', 'init="audio'),
    ("DASH-7", "SegmentTimeline", "Timeline"),
    ("DASH-7", 'd="133120"', 'd="one"'),
    ("DASH-7", 'd="133120"', 'd="133120" r="-1"'),
    ("DASH-7", 'd="133120"', 'd="133120" r="999999999"'),
    ("DASH-7", 'timescale="44100"', 'timescale="0"'),
    ("DASH-7", "<Period", "<BaseURL>https://[elsewhere/</BaseURL><Period"),
    ("DASH-8", 'd="133120"', 't="44031" d="133120"'),
    ("DASH-8", 'd="133120"', 't="44033" d="133120"'),
    ("DASH-8", 'd="133120"', 'd="0"'),
    ("DASH-10", 'd="133120"', 'd="133119"'),
    ("DASH-10", "PT10.000000S", "PT10.000023S"),
    ("DASH-10", 'timescale="44100"', 'timescale="48000"'),
    ("DASH-11", 'value="cbcs"', 'value="fast"'),
    ("DASH-11", 'default_KID="00112233', 'default_KID="0011223'),
    ("DASH-11", 'schemeIdUri="urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"', ""),
    ("DASH-12", "https://drm.example/", "../../../licence/clearkey"),
    ("DASH-12", "https://drm.example/", ""),
    ("DASH-12", "<dashif:Laurl>", "<cenc:pssh>AAAA</cenc:pssh><dashif:Laurl>"),
    ("DASH-13", "AudioChannelConfiguration", "Channels"),
    ("DASH-16", 'segmentAlignment="true"', ""),
    ("DASH-16", "isoff-live", "isoff-on-demand"),
    ("DASH-17", 'containerProfiles="cmfc"', ""),
    ("DASH-17", 'mimeType="audio/mp4"', 'mimeType="audio/webm"'),
    ("DASH-18", 'segmentAlignment="true"', 'segmentAlignment="true" subsegmentAlignment="true"'),
    ("DASH-19", "<Label>AAC</Label>", "<Label> </Label>"),
    ("DASH-19", "<Label>AAC</Label>", "<Label>AAC</Label><Label>aac</Label>"),
    ("DASH-20", "<Period", "<BaseURL></BaseURL><Period"),
    ("DASH-20", "<Period", '<BaseURL serviceLocation="a">./</BaseURL><BaseURL>./b/</BaseURL><Period'),
    ("DASH-21", "<Period", "<ContentSteering>steer</ContentSteering><Period"),
    ("DASH-21", "<Period", f"{STEERED}{STEERED}<Period"),
    ("DASH-21", "<Period", '<ContentSteering defaultServiceLocation="b">https://a/</ContentSteering><Period'),
    ("DASH-22", "<dashif:Laurl>", "<cenc:pssh>AAA</cenc:pssh><dashif:Laurl>"),
    ("DASH-22", "<dashif:Laurl>", "<cenc:pssh>AAAACGZyZWU=</cenc:pssh><dashif:Laurl>"),
    ("DASH-22", "<dashif:Laurl>", f"<cenc:pssh>{COMMON}</cenc:pssh><dashif:Laurl>"),
    ("DASH-23", "<Label>AAC", f'<SupplementalProperty schemeIdUri="{SWITCHING}" value="7"/><Label>AAC'),
    ("DASH-23", "<Label>AAC", f'<SupplementalProperty schemeIdUri="{SWITCHING}" value="0"/><Label>AAC'),
    ("DASH-24", 'codecs="mp4a.40.2"', 'codecs="opus"'),
    ("DASH-14", 'Representation id="low"', 'Representation audioSamplingRate="22050" id="low"'),
]


@pytest.mark.parametrize(("rule", "old", "new"), MPD_FAULTS)
def test_a_fault_in_an_mpd(build: Build, rule: str, old: str, new: str) -> None:
    text = dash.mpd(build(scheme="cbcs", license_url="https://drm.example/"))
    assert check_mpd(text, "dash.mpd") == []
    assert text.count(old) >= 1
    whole = old in ("AdaptationSet", "AudioChannelConfiguration", "SegmentTimeline")
    assert rule in names(check_mpd(text.replace(old, new, -1 if whole else 1), "dash.mpd"))


ONE_FILE_FAULTS = [
    ("DASH-7", 'indexRange="700-', 'indexRange="700 to '),
    ("DASH-7", 'indexRange="700-', 'indexRange="99999999-'),
    ("DASH-7", 'timescale="44100"', 'timescale="0"'),
    ("DASH-15", 'range="0-699"', 'range="0-700"'),
    ("DASH-16", 'indexRange="700-', 'index="700-'),
    ("DASH-16", 'subsegmentAlignment="true"', ""),
    ("DASH-16", "<BaseURL>audio/low/track.mp4</BaseURL>", ""),
    ("DASH-16", "isoff-on-demand", "isoff-live"),
    ("DASH-18", 'subsegmentAlignment="true"', 'segmentAlignment="true"'),
]


@pytest.mark.parametrize(("rule", "old", "new"), ONE_FILE_FAULTS)
def test_a_fault_in_an_mpd_of_files(
    build: Build, one_file: Callable[[Presentation], Presentation], rule: str, old: str, new: str
) -> None:
    text = dash.mpd(one_file(build()))
    assert check_mpd(text, "dash.mpd") == []
    assert old in text
    assert rule in names(check_mpd(text.replace(old, new, 1), "dash.mpd"))


def test_alignment_that_is_only_claimed(build: Build) -> None:
    own = (
        '<SegmentTemplate timescale="44100" media="$Number$" initialization="i"><SegmentTimeline>'
        '<S t="0" d="220500"/><S d="220500"/></SegmentTimeline></SegmentTemplate></Representation>'
    )
    text = dash.mpd(build()).replace("</Representation>", own, 1)
    assert names(check_mpd(text, "dash.mpd")) == {"DASH-9"}


@pytest.mark.parametrize("check", [check_media, check_multivariant, check_mpd])
def test_what_cannot_be_read_is_one_finding(check: Callable[[bytes, str], list[Finding]]) -> None:
    for hopeless in (b"\xff\xfe\x00", b"#EXTM3U\n" * 100_000):
        (finding,) = check(hopeless, "here")
        assert finding.rule.endswith("-1")
        assert finding.place == "here"


def test_a_finding_names_the_line_and_the_clause(build: Build) -> None:
    presentation = build()
    text = hls.media(presentation, presentation.renditions[0], "hls").replace(
        "TARGETDURATION:3", "TARGETDURATION:2"
    )
    assert [str(finding) for finding in check_media(text, "hls.m3u8")] == [
        f"hls.m3u8 line {line}: {seconds} s rounds to more than the target duration of 2"
        " (RFC 8216bis §4.4.3.1) [HLS-22]"
        for line, seconds in ((10, 3.018594), (12, 2.995374), (14, 2.964354))
    ]


def test_every_rule_has_a_number_of_its_own_a_clause_and_a_fault_above() -> None:
    media = [rule.name for rule in hls_media.rules.rules]
    multivariant = [rule.name for rule in hls_multivariant.rules.rules]
    presentation = [rule.name for rule in mpd.rules.rules]
    assert all(len(set(book)) == len(book) for book in (media, multivariant, presentation))
    assert all(
        rule.says for rule in [*hls_media.rules.rules, *hls_multivariant.rules.rules, *mpd.rules.rules]
    )
    faults = {rule for rule, _, _ in [*MEDIA_FAULTS, *MULTIVARIANT_FAULTS, *MPD_FAULTS, *ONE_FILE_FAULTS]} | {
        "DASH-9"
    }
    assert faults == {*media, *multivariant, *presentation, "DASH-1"}
