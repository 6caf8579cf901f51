"""Reading XML that strangers wrote: no entities, no network, no document type, and an end to everything.

lxml resolves nothing and expands nothing here: a document type is refused before parsing, so there are no entities to
expand, and libxml2's own limits on depth and size of text stay on. Comments are dropped before anything looks at the
text: a comment inside a value would cut it in two for some readers and not for others.
"""

from __future__ import annotations

from itertools import chain

from lxml import etree

from media.errors import FormatError


def parse(data: bytes, what: str, *, limit: int) -> etree._Element:
    """The root element of a UTF-8 document of at most `limit` bytes.

    Raises `FormatError`, which begins with `what`: not XML, not UTF-8, too long, with a document type or an instruction.
    """
    if len(data) > limit:
        raise FormatError(f"{what}: {len(data)} bytes, at most {limit} are read")
    try:
        data.decode()
    except UnicodeError:
        raise FormatError(f"{what}: not UTF-8") from None
    if b"<!DOCTYPE" in data:
        raise FormatError(f"{what}: a document type is not accepted")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=False,
        strip_cdata=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise FormatError(f"{what}: {' '.join(error.msg.split())}") from None
    # Dropping one silently would change what a signature covers; no document of ours has a use for them.
    inside = root.iter(etree.ProcessingInstruction)
    around = (root.itersiblings(etree.ProcessingInstruction, preceding=side) for side in (True, False))
    if next(chain(inside, *around), None) is not None:
        raise FormatError(f"{what}: a processing instruction is not accepted")
    return root
