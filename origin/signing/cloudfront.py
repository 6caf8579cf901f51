"""CloudFront's signed URLs and signed cookies: RSASSA-PKCS1-v1_5 with SHA-1, as CloudFront asks for.

A *canned* policy is for one URL and one date, and is not sent; a *custom* one is sent, and may have a ``*``, a first date and an
address. A folder, and so a presentation, needs a custom one. Base64 has ``-_~`` in the place of ``+=/``. CloudFront takes its own
parameters out of the URL before it compares and before it asks the origin, so they are part of no cache key.

Checked against botocore's `CloudFrontSigner` in both directions. Only the canonical text of policy and signature is accepted:
base64 ends in bits that decoders ignore.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import unquote

from Crypto.Hash import SHA1
from Crypto.PublicKey.RSA import RsaKey
from Crypto.Signature import pkcs1_15

from media.errors import SettingsError, TokenExpired, TokenInvalid, TokenOutOfScope
from media.ports import Signed, SignedRequest, Terms
from origin.signing import client, query
from origin.signing.paths import is_plain, is_scope, matches

PARAMETERS = frozenset({"Expires", "Policy", "Signature", "Key-Pair-Id"})
_COOKIE = "CloudFront-"
_LONGEST = 4096  # bytes of a policy
_PATH = re.compile(r"[A-Za-z0-9._/-]+\*?", re.ASCII)
_TO, _FROM = str.maketrans("+=/", "-_~"), str.maketrans("-_~", "+=/")


@dataclass(frozen=True, slots=True)
class CloudFrontSigner:
    """`base` is the distribution's address, ``https://d111111abcdef8.cloudfront.net``; `key_id` that of `private_key`.

    `public_keys` verify, by their ids: those of the distribution's key group.
    """

    base: str
    key_id: str = ""
    private_key: RsaKey | None = field(default=None, repr=False)
    public_keys: Mapping[str, RsaKey] = field(default_factory=dict, repr=False)

    def sign(self, terms: Terms) -> Signed:
        if self.private_key is None:
            raise SettingsError("cloudfront: no private key to sign with")
        if len(terms.scopes) != 1 or not _PATH.fullmatch(terms.scopes[0]) or not is_scope(terms.scopes[0]):
            raise SettingsError("cloudfront: a policy has one plain path; a * is its last part")
        if terms.user:
            raise SettingsError("cloudfront: a policy has no place for a user")
        resource = f"{self.base}/{terms.scopes[0]}"
        if "*" in terms.scopes[0] or terms.not_before_ms or terms.client:
            policy = _custom(resource, terms)
            said = {"Policy": _encoded(policy)}
        else:
            policy = _canned(resource, terms.expires_ms // 1000)
            said = {"Expires": str(terms.expires_ms // 1000)}
        said["Signature"] = _encoded(pkcs1_15.new(self.private_key).sign(SHA1.new(policy)))
        said["Key-Pair-Id"] = self.key_id
        return Signed(
            query="&".join(f"{name}={value}" for name, value in said.items()),
            cookies={_COOKIE + name: value for name, value in said.items()},
        )

    def knows(self, request: SignedRequest) -> bool:
        return bool(_said(request))

    def verify(self, request: SignedRequest, *, now_ms: int) -> Terms:
        said = _said(request)
        key = self.public_keys.get(said.get("Key-Pair-Id", ""))
        if key is None:
            raise TokenInvalid("token: no key of ours signed it")
        rest = query.without(request.query, PARAMETERS)
        url = f"{self.base}/{request.path}{'?' + rest if rest else ''}"
        if "Policy" in said:
            policy = _decoded(said["Policy"])
        else:
            expires = said.get("Expires", "")
            if not (expires.isascii() and expires.isdigit()) or len(expires) > 12:
                raise TokenInvalid("token: a time that is none")
            policy = (
                b'{"Statement":[{"Resource":"%b","Condition":{"DateLessThan":{"AWS:EpochTime":%b}}}]}'
                % (
                    url.encode(),
                    expires.encode(),
                )
            )
        try:
            pkcs1_15.new(key).verify(SHA1.new(policy), _decoded(said.get("Signature", "")))
        except ValueError:
            raise TokenInvalid("token: the signature does not hold") from None
        resource, terms, network = self._read(policy)
        if now_ms >= terms.expires_ms:
            raise TokenExpired(f"token: expired {now_ms - terms.expires_ms} ms ago")
        if now_ms < terms.not_before_ms:
            raise TokenExpired(f"token: not valid for another {terms.not_before_ms - now_ms} ms")
        if network and not _within(request.client, network):
            raise TokenOutOfScope("token: it is for another address")
        if not is_plain(request.path) or not (
            matches(resource, url) if "Policy" in said else resource == url
        ):
            raise TokenOutOfScope(f"token: it does not open {request.path[:200]!r}")
        return terms

    def carried(self, request: SignedRequest) -> str:
        return query.only(request.query, PARAMETERS)

    def _read(self, policy: bytes) -> tuple[str, Terms, str]:
        """The resource, the terms and the network of a policy that a holder of the key wrote. Raises `TokenInvalid`."""
        try:
            (statement,) = json.loads(policy)["Statement"]
            resource, condition = statement["Resource"], statement["Condition"]
            network = condition.get("IpAddress", {}).get("AWS:SourceIp", "")
            expires = int(condition["DateLessThan"]["AWS:EpochTime"])
            begins = int(condition.get("DateGreaterThan", {}).get("AWS:EpochTime", 0))
            ip_network(network or "0.0.0.0/0", strict=False)
            scope = resource.removeprefix(f"{self.base}/")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise TokenInvalid("token: a policy that is none") from None
        return (
            resource,
            Terms((scope,), expires * 1000, begins * 1000, "", network.partition("/")[0]),
            network,
        )


def _canned(resource: str, expires: int) -> bytes:
    return f'{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'.encode()


def _custom(resource: str, terms: Terms) -> bytes:
    condition: dict[str, Any] = {"DateLessThan": {"AWS:EpochTime": terms.expires_ms // 1000}}
    if terms.not_before_ms:
        condition["DateGreaterThan"] = {"AWS:EpochTime": -(-terms.not_before_ms // 1000)}
    if terms.client:
        packed = client.packed(terms.client)
        condition["IpAddress"] = {"AWS:SourceIp": f"{client.spelled(packed)}/{8 * len(packed)}"}
    return json.dumps(
        {"Statement": [{"Resource": resource, "Condition": condition}]}, separators=(",", ":")
    ).encode()


def _said(request: SignedRequest) -> dict[str, str]:
    """What the query says, in whose values a client may have spelled ``~`` as ``%7E``; when nothing, what the cookies say."""
    if said := query.values(request.query, PARAMETERS):
        return {name: unquote(value) for name, value in said.items()}
    return {name: request.cookies[_COOKIE + name] for name in PARAMETERS if _COOKIE + name in request.cookies}


def _within(address: str, network: str) -> bool:
    try:
        return ip_address(client.spelled(client.packed(address))) in ip_network(network, strict=False)
    except SettingsError:
        return False


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode().translate(_TO)


def _decoded(text: str) -> bytes:
    """Raises `TokenInvalid` for all but what `_encoded` writes."""
    try:
        data = base64.b64decode(text.translate(_FROM), validate=True) if len(text) <= 2 * _LONGEST else b""
    except (binascii.Error, ValueError):
        data = b""
    if not data or _encoded(data) != text:
        raise TokenInvalid("token: not in canonical form")
    return data
