"""CPIX 2.3, DASH-IF's document in which key servers and packagers exchange content keys and what goes with them.

    document = read(data, recipient=our_private_key, signers=[theirs])
    document.key_for(label="low", channels=2, bitrate=24_000)

`model` is what a document says, `reader` and `writer` its XML, `sealing` the encryption of keys for a recipient,
`signature` the XML signature over the whole document, `certificate` the X.509 around a public key,
`files` all of these out of files.
"""

from drm.cpix.certificate import Certificate
from drm.cpix.model import CpixKey, Document, DrmData, Filter, UsageRule, audio_filter, label_filter
from drm.cpix.reader import read
from drm.cpix.signature import Signer
from drm.cpix.writer import write

__all__ = [
    "Certificate",
    "CpixKey",
    "Document",
    "DrmData",
    "Filter",
    "Signer",
    "UsageRule",
    "audio_filter",
    "label_filter",
    "read",
    "write",
]
