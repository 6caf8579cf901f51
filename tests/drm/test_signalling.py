"""What each DRM system is told, read back by readers that share no code with the writer: m3u8, lxml, the box parser."""

from __future__ import annotations

from base64 import b64decode
from uuid import UUID

import m3u8
import pytest
from lxml import etree

from drm import systems
from drm.playready import PlayReadyHeader, PlayReadyKey
from drm.signalling import Signalling, signal
from drm.systems import CLEARKEY, FAIRPLAY, PLAYREADY, SYSTEMS, WIDEVINE, DrmSystem
from drm.widevine import WidevineData
from media import boxes
from media.boxes.pssh import PsshBox
from media.errors import SettingsError

KID = UUID("00112233-4455-6677-8899-aabbccddeeff")
URL = "https://licence.example/get?a=1&b=2"
NAMES = {"cenc": "urn:mpeg:cenc:2013", "dashif": "https://dashif.org/CPS", "mspr": "urn:microsoft:playready"}


def made(system: DrmSystem, scheme: str = "cbcs") -> Signalling:
    return signal(system, KID, scheme, license_url=URL, key=bytes(16))


def inside(signalling: Signalling) -> etree._Element:
    return etree.fromstring(f"<ContentProtection>{signalling.content_protection}</ContentProtection>")


def pssh_data(signalling: Signalling) -> bytes:
    (box,) = boxes.parse(signalling.pssh)
    assert isinstance(box, PsshBox)
    assert box.system_id == signalling.system_id.bytes
    return box.data


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_the_tags_of_both_playlists_say_the_same(system: DrmSystem) -> None:
    signalling = made(system)
    media = m3u8.loads(f"#EXTM3U\n{signalling.media_tag}\n#EXTINF:1,\na.m4s\n").keys[0]
    multivariant = m3u8.loads(f"#EXTM3U\n{signalling.multivariant_tag}\n").session_keys[0]
    for tag in (media, multivariant):
        assert (tag.method, tag.keyformat, tag.keyformatversions) == ("SAMPLE-AES", system.keyformat, "1")
    assert media.uri == multivariant.uri


@pytest.mark.parametrize("system", [WIDEVINE, PLAYREADY, CLEARKEY], ids=lambda system: system.name)
def test_counter_mode_has_its_own_method(system: DrmSystem) -> None:
    assert made(system, "cenc").key_attributes.startswith("METHOD=SAMPLE-AES-CTR,")


def test_widevine() -> None:
    signalling = made(WIDEVINE)
    assert WidevineData.read(pssh_data(signalling)) == WidevineData((KID,), scheme="cbcs")
    box = inside(signalling).findtext("cenc:pssh", None, NAMES)
    assert box is not None
    assert b64decode(box) == signalling.pssh
    assert f'URI="data:text/plain;base64,{box}",KEYID=0x{KID.hex},' in signalling.key_attributes
    assert inside(signalling).findtext("dashif:Laurl", None, NAMES) == URL
    named = signal(WIDEVINE, KID, "cenc", provider="us", content_id=b"song")
    assert WidevineData.read(pssh_data(named)) == WidevineData((KID,), "us", b"song", "cenc")


def test_playready() -> None:
    signalling = made(PLAYREADY)
    header = PlayReadyHeader.read(pssh_data(signalling))
    assert header == PlayReadyHeader((PlayReadyKey(KID, "AESCBC"),), URL)
    pro = inside(signalling).findtext("mspr:pro", None, NAMES)
    assert pro is not None
    assert b64decode(pro) == pssh_data(signalling)
    assert f'URI="data:text/plain;charset=UTF-16;base64,{pro}"' in signalling.key_attributes
    assert len(PlayReadyHeader.read(pssh_data(made(PLAYREADY, "cenc"))).keys[0].checksum) == 8


def test_fairplay_lives_in_the_playlist_alone() -> None:
    signalling = made(FAIRPLAY)
    assert (signalling.pssh, signalling.content_protection) == (b"", "")
    assert f'URI="skd://{KID}"' in signalling.key_attributes
    with pytest.raises(SettingsError, match="FairPlay does not decrypt 'cenc'; cbcs"):
        made(FAIRPLAY, "cenc")


def test_clearkey_as_the_players_take_it() -> None:
    # FACTS: dash.js fails on a pssh inside this element; hls.js hangs without the common box in the file.
    signalling = made(CLEARKEY)
    (box,) = boxes.parse(signalling.pssh)
    assert isinstance(box, PsshBox)
    assert (box.system_id.hex(), box.kids) == ("1077efecc0b24d02ace33c1e52e2fb4b", (KID.bytes,))
    assert [child.tag for child in inside(signalling)] == ["{https://dashif.org/CPS}Laurl"]
    assert f'URI="{URL}"' in signalling.key_attributes
    with pytest.raises(SettingsError, match="licence server"):
        signal(CLEARKEY, KID, "cbcs")


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_no_key_and_no_line_break_gets_in(system: DrmSystem) -> None:
    key = b"sixteen bytes ok"
    signalling = signal(system, KID, "cbcs", license_url=URL, key=key)
    assert key not in signalling.pssh
    assert key.hex() not in repr(signalling)
    with pytest.raises(SettingsError, match="quotation mark or a line break"):
        signal(system, KID, "cbcs", license_url='https://a/"\n#EXTINF:1,')


def test_the_table_answers_by_name_and_by_id() -> None:
    assert [systems.by_name(system.name) for system in SYSTEMS] == list(SYSTEMS)
    assert [systems.by_id(system.system_id) for system in SYSTEMS] == list(SYSTEMS)
    assert systems.by_id(KID) is None
    for system in SYSTEMS:
        found = [
            UUID(bytes=box.system_id) for box in boxes.parse(made(system).pssh) if isinstance(box, PsshBox)
        ]
        assert found == ([system.pssh_id] if system.pssh_id else [])
    assert WIDEVINE.scheme_id_uri == "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"
    with pytest.raises(
        SettingsError, match="no DRM system 'marlin'; there are widevine, playready, fairplay, clearkey"
    ):
        systems.by_name("marlin")
