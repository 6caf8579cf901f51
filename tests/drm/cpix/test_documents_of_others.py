"""Documents that other implementations made, in the shapes that theirs have and ours does not.

- `aws-reference-server`: what awslabs/speke-reference-server answered to a question of our client, its keys encrypted for a
  throw-away certificate whose private key is beside it. The MAC key is in `cpix:Key/pskc:EncryptedValue`.
- `pycpix`: the cpix package of Unified Streaming: a default namespace, `xsi:schemaLocation`, indentation.
- `parts-java`: signed with Java 17's javax.xml.crypto as Axinom's library and DASH-IF's example of a signed document do it: a
  signature each over ContentKeyList and DRMSystemList, none over the whole. `parts-and-whole-java` has one over it all, too.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from Crypto.PublicKey import RSA

from drm.cpix import Certificate, CpixKey, Document, UsageRule, audio_filter, read, write
from media.errors import ContentKeyError

DATA = Path(__file__).parent / "data"
STEREO, SURROUND = UUID(int=1), UUID(int=2)


def test_the_answer_of_awss_reference_server() -> None:
    recipient = RSA.import_key((DATA / "aws-recipient.pem").read_bytes())
    document = read((DATA / "aws-reference-server.xml").read_bytes(), recipient=recipient)
    # The server was run with a key generator of ours in place of its database: a hash of content id and KID.
    assert {key.kid: key.key for key in document.keys} == {
        kid: hashlib.sha256(f"song{kid}".encode()).digest()[:16] for kid in (STEREO, SURROUND)
    }
    assert document.rules == (
        UsageRule(STEREO, (audio_filter(1, 2),), "STEREO_AUDIO"),
        UsageRule(SURROUND, (audio_filter(3),), "MULTICHANNEL_AUDIO"),
    )


def test_the_mac_key_where_axinoms_library_has_it(packager: Any) -> None:
    document = Document("song", (CpixKey(STEREO, b"sixteen bytes ok", "cbcs"),))
    data = write(document, recipients=[packager.certificate])
    theirs = data.replace(b"pskc:MACKey>", b"cpix:Key>")
    assert theirs.count(b"cpix:Key>") == 2
    assert read(theirs, recipient=packager.key).keys == document.keys


def test_a_document_of_pycpix() -> None:
    document = read((DATA / "pycpix.xml").read_bytes())
    stereo, surround = document.keys
    assert (stereo.key, surround.key) == (b"sixteen bytes ok", b"ko setyb neetxis")
    assert document.key_for(label="low", channels=2, bitrate=24_000) == stereo
    assert document.key_for(label="low", channels=6, bitrate=64_000) == surround
    assert document.key_for(label="low", channels=6, bitrate=63_999) is None


@pytest.mark.parametrize("name", ["parts-java", "parts-and-whole-java"])
def test_signatures_over_parts(name: str) -> None:
    data = (DATA / f"{name}.xml").read_bytes()
    assert read(data).keys == (CpixKey(STEREO, b"sixteen bytes ok", "cbcs"),)
    for old, new in ((b"I0VYVC1YLUtFWTo=", b"I0VYVC1YLUtFWTs="), (b'"keys">\n', b'"keys">')):
        assert old in data
        with pytest.raises(ContentKeyError, match="changed after it was signed"):
            read(data.replace(old, new))


def test_a_known_signer_is_one_over_the_whole() -> None:
    signer = Certificate.load((DATA / "signer.der").read_bytes())
    assert read((DATA / "parts-and-whole-java.xml").read_bytes(), signers=[signer]).content_id == "naïve café"
    with pytest.raises(ContentKeyError, match="over parts only"):
        read((DATA / "parts-java.xml").read_bytes(), signers=[signer])
