"""The MPD, read back by lxml and by the rules of the standard's own arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from urllib.parse import urljoin
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from manifests import dash
from media.errors import ManifestError
from media.layout import folder
from media.presentation import Presentation
from media.signalling import Signalling

Build = Callable[..., Presentation]

NAMES = {"m": dash.MPD, "cenc": dash.CENC, "dashif": dash.DASHIF}


def parsed(presentation: Presentation) -> etree._Element:
    return etree.fromstring(dash.mpd(presentation).encode())


def seconds(text: str) -> Fraction:
    return Fraction(Decimal(text.removeprefix("PT").removesuffix("S")))


def test_a_clear_presentation_to_the_letter(build: Build) -> None:
    presentation = build(names=("low", "normal"), durations=(44_032, 132_096, 132_096, 1_001))
    assert dash.mpd(presentation) == (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"'
        ' profiles="urn:mpeg:dash:profile:cmaf:2019,urn:mpeg:dash:profile:isoff-live:2011" type="static"'
        ' mediaPresentationDuration="PT7.011905S" minBufferTime="PT0.998459S">\n'
        "  <ProgramInformation>\n    <Title>Salt Air</Title>\n  </ProgramInformation>\n"
        '  <Period id="0" start="PT0S">\n'
        '    <AdaptationSet id="0" contentType="audio" mimeType="audio/mp4" containerProfiles="cmfc"'
        ' audioSamplingRate="44100" segmentAlignment="true" startWithSAP="1">\n'
        "      <Label>AAC</Label>\n"
        '      <SegmentTemplate timescale="44100" initialization="audio/$RepresentationID$/init.mp4"'
        ' media="audio/$RepresentationID$/$Number%05d$.m4s" startNumber="1">\n'
        "        <SegmentTimeline>\n"
        '          <S t="0" d="44032"/>\n          <S d="132096" r="1"/>\n          <S d="1001"/>\n'
        "        </SegmentTimeline>\n"
        "      </SegmentTemplate>\n"
        '      <Representation id="low" codecs="mp4a.40.2" bandwidth="26400">\n'
        '        <AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration" value="1"/>\n'
        "        <Label>low</Label>\n"
        "      </Representation>\n"
        '      <Representation id="normal" codecs="mp4a.40.2" bandwidth="105600">\n'
        '        <AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration" value="2"/>\n'
        "        <Label>normal</Label>\n"
        "      </Representation>\n"
        "    </AdaptationSet>\n"
        "  </Period>\n"
        "</MPD>\n"
    )


@pytest.mark.parametrize("scheme", ["cenc", "cbcs"])
def test_the_clearkey_recipe(build: Build, scheme: str) -> None:
    presentation = build(scheme=scheme)
    common, clearkey = parsed(presentation).findall(".//m:ContentProtection", NAMES)
    assert dict(common.attrib) == {
        "schemeIdUri": "urn:mpeg:dash:mp4protection:2011",
        "value": scheme,
        "{urn:mpeg:cenc:2013}default_KID": "00112233-4455-4677-8899-aabbccddeeff",
    }
    assert dict(clearkey.attrib) == {
        "schemeIdUri": "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e",
        "value": "ClearKey1.0",
    }
    assert len(clearkey) == 0  # no cenc:pssh, with which dash.js fails; no address that nobody would resolve
    (laurl,) = common
    assert laurl.tag == "{https://dashif.org/CPS}Laurl"
    here = f"https://edge.example/t/TOKEN/{folder('salt-air', presentation.version)}dash.mpd"
    assert urljoin(here, laurl.text) == "https://edge.example/t/TOKEN/licence/clearkey"


@pytest.mark.parametrize("address", ["https://drm.example/?a=1&b=2", "/licence"])
def test_a_licence_server_of_the_publisher(build: Build, address: str) -> None:
    presentation = build(scheme="cbcs", license_url=address)
    common, clearkey = parsed(presentation).findall(".//m:ContentProtection", NAMES)
    assert len(common) == 0
    assert [(child.tag, child.text) for child in clearkey] == [("{https://dashif.org/CPS}Laurl", address)]


@given(st.lists(st.integers(1, 500_000), min_size=1, max_size=60), st.sampled_from([8_000, 44_100, 48_000]))
def test_the_timeline_is_exact_and_the_duration_loses_nothing(
    build: Build, durations: list[int], sample_rate: int
) -> None:
    root = parsed(build(durations=durations, sample_rate=sample_rate))
    (template,) = root.findall(".//m:SegmentTemplate", NAMES)
    assert template.get("timescale") == str(sample_rate)
    told: list[int] = []
    for entry in template.iterfind("m:SegmentTimeline/m:S", NAMES):
        told += [int(entry.get("d", ""))] * (int(entry.get("r", "0")) + 1)
    assert list(accumulate(told)) == list(accumulate(durations))
    exact = Fraction(sum(durations), sample_rate)
    assert 0 <= seconds(root.get("mediaPresentationDuration", "")) - exact < Fraction(1, 1_000_000)


def sayable(character: str) -> bool:
    """XML 1.0 §2.2, Char."""
    code = ord(character)
    return character in "\t\n\r" or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code > 0xFFFF


@given(st.text(st.characters(), max_size=200))
@example("</Title><Period/>&amp;<![CDATA[ ]]> \x00\x1b\ud800\ufffe")
def test_any_title_is_text_and_nothing_else(build: Build, title: str) -> None:
    root = parsed(build(title=title))
    told = root.findtext("m:ProgramInformation/m:Title", namespaces=NAMES) or ""
    assert told == "".join(character if sayable(character) else "\ufffd" for character in title)
    assert len(list(root.iter())) == len(list(parsed(build()).iter()))


def test_renditions_that_cut_differently_have_no_common_timeline(build: Build) -> None:
    presentation, other = build(), build(durations=(44_032, 396_968))
    mixed = replace(presentation, renditions=(presentation.renditions[0], other.renditions[1]))
    with pytest.raises(ManifestError, match="same samples"):
        dash.mpd(mixed)


def test_what_the_template_cannot_say(build: Build) -> None:
    presentation = build()
    (first, *others) = presentation.renditions
    moved = replace(first, init="audio/low/first.mp4")
    with pytest.raises(ManifestError, match="template"):
        dash.mpd(replace(presentation, renditions=(moved, *others)))
    with pytest.raises(ManifestError, match="9 channels"):
        dash.mpd(replace(presentation, renditions=(replace(first, channels=9), *others)))
    with pytest.raises(ManifestError, match="aes-128"):
        dash.mpd(build(scheme="aes-128"))


def test_a_rendition_of_one_file_is_told_by_its_index(
    build: Build, one_file: Callable[[Presentation], Presentation]
) -> None:
    root = parsed(one_file(build(names=("low", "normal"))))
    assert root.get("profiles") == (
        "urn:mpeg:dash:profile:cmaf:2019,urn:mpeg:dash:profile:isoff-on-demand:2011"
    )
    assert root.find(".//m:SegmentTemplate", NAMES) is None
    (adaptation,) = root.findall(".//m:AdaptationSet", NAMES)
    assert (adaptation.get("subsegmentAlignment"), adaptation.get("segmentAlignment")) == ("true", None)
    for representation in adaptation.iterfind("m:Representation", NAMES):
        assert (
            representation.findtext("m:BaseURL", None, NAMES) == f"audio/{representation.get('id')}/track.mp4"
        )
        base = representation.find("m:SegmentBase", NAMES)
        assert base is not None
        assert base.get("indexRange") == "700-791"
        assert [each.get("range") for each in base] == ["0-699"]


def test_drm_systems_stand_before_clearkey(build: Build, signalling: tuple[Signalling, ...]) -> None:
    root = etree.fromstring(dash.mpd(build(scheme="cbcs"), signalling).encode())
    common, first, second, clearkey = root.findall(".//m:ContentProtection", NAMES)
    assert (common.get("value"), clearkey.get("value")) == ("cbcs", "ClearKey1.0")
    assert first.get("schemeIdUri") == f"urn:uuid:{signalling[0].system_id}"
    assert first.findtext("cenc:pssh", None, NAMES) == "AAAA"
    assert [child.tag for child in first] == ["{urn:mpeg:cenc:2013}pssh", "{urn:x}o"]
    assert (second.get("value"), len(second)) == ("second", 0)


@pytest.mark.parametrize(
    "hostile", ["</ContentProtection><Period/><ContentProtection>", "<a>", "<!DOCTYPE a>", "<?x y?>", "&a;"]
)
def test_protection_of_anothers_making_cannot_break_out(
    build: Build, signalling: tuple[Signalling, ...], hostile: str
) -> None:
    with pytest.raises(ManifestError, match="ContentProtection of first"):
        dash.mpd(build(scheme="cbcs"), [replace(signalling[0], content_protection=hostile)])


def test_each_key_has_a_set_of_its_own(build: Build, signalling: tuple[Signalling, ...]) -> None:
    other = UUID(int=7)
    presentation = build(scheme="cbcs", names=("low", "normal"))
    first, second = presentation.renditions
    mixed = replace(presentation, renditions=(replace(first, kid=str(other)), second))
    root = etree.fromstring(dash.mpd(mixed, signalling).encode())
    found = {
        each.find("m:Representation", NAMES).get("id"): (
            each.find("m:ContentProtection", NAMES).get(f"{{{dash.CENC}}}default_KID"),
            len(each.findall("m:ContentProtection", NAMES)),
            each.find("m:SupplementalProperty", NAMES).get("value"),
        )
        for each in root.iterfind(".//m:AdaptationSet", NAMES)
    }
    # Signalling is of one key: only its set has it.
    kid = str(presentation.protection.kid)
    assert found == {"low": (str(other), 2, "1"), "normal": (kid, 4, "0")}


def test_each_codec_has_a_set_of_its_own(build: Build) -> None:
    presentation = build(names=("low", "normal"))
    first, second = presentation.renditions
    mixed = replace(presentation, renditions=(first, replace(second, codec="fLaC")))
    low, lossless = parsed(mixed).findall(".//m:AdaptationSet", NAMES)
    for one, other, label in ((low, lossless, "AAC"), (lossless, low, "FLAC")):
        assert one.findtext("m:Label", None, NAMES) == label
        (switching,) = one.findall("m:SupplementalProperty", NAMES)
        assert (switching.get("schemeIdUri"), switching.get("value")) == (dash.SWITCHING, other.get("id"))


def test_a_steering_server_and_the_location_that_it_steers(build: Build) -> None:
    root = parsed(replace(build(), steering_url="https://steer.example/dash"))
    (base,) = root.findall("m:BaseURL", NAMES)
    assert (base.get("serviceLocation"), base.text) == ("default", "./")
    (steering,) = root.findall("m:ContentSteering", NAMES)
    assert (steering.get("defaultServiceLocation"), steering.text) == (
        "default",
        "https://steer.example/dash",
    )
