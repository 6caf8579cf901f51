"""Namespaces and algorithm identifiers of a CPIX document (CPIX 2.3 §6.1.4, "Mandatory Algorithms")."""

CPIX = "urn:dashif:org:cpix"
PSKC = "urn:ietf:params:xml:ns:keyprov:pskc"
DS = "http://www.w3.org/2000/09/xmldsig#"
ENC = "http://www.w3.org/2001/04/xmlenc#"
NAMES = {"cpix": CPIX, "pskc": PSKC, "ds": DS, "enc": ENC}

AES256_CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
RSA_OAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"  # SHA-1 inside, which OAEP survives
SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"
HMAC_SHA512 = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
RSA_SHA512 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
C14N_10 = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_11 = "http://www.w3.org/2006/12/xml-c14n11"
C14N_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"


def cpix(name: str) -> str:
    """The tag of a CPIX element, as lxml spells it."""
    return f"{{{CPIX}}}{name}"


def pskc(name: str) -> str:
    return f"{{{PSKC}}}{name}"


def ds(name: str) -> str:
    return f"{{{DS}}}{name}"


def enc(name: str) -> str:
    return f"{{{ENC}}}{name}"
