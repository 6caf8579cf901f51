"""Documents that another implementation signed: Java 17's javax.xml.crypto, with a default namespace on its Signature.

`java-inclusive` is Canonical XML 1.0 throughout with SHA-256, `java-exclusive` exclusive canonicalisation with SHA-512, and
`java-mixed` 1.1 for SignedInfo and exclusive for the document. In the other direction Java verified what we signed; that
was tried by hand, because no JDK is asked of who runs these tests.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from drm.cpix import read
from media.errors import ContentKeyError

DOCUMENTS = sorted((Path(__file__).parent / "data").glob("java-*.xml"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_signature_of_java(path: Path) -> None:
    data = path.read_bytes()
    document = read(data)
    assert document.content_id == "naïve café"
    assert document.keys[0].key == b"sixteen bytes ok"
    for old, new in (("café", "cafe"), ("a &amp; b", "a &lt; b"), ('"2.3">\n', '"2.3">')):
        assert old.encode() in data
        with pytest.raises(ContentKeyError, match="changed after it was signed"):
            read(data.replace(old.encode(), new.encode()))


def test_all_three_are_there() -> None:
    assert len(DOCUMENTS) == 3
