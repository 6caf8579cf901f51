"""Akamai's EdgeAuth token 2.0, as a query parameter or a cookie of the same name.

    hdnts=ip=192.0.2.7~st=1790000000~exp=1790001200~acl=/songs/abc/*~data=u42~hmac=5f…

The HMAC-SHA256 goes over the fields before it, then ``~url=…`` for a token of one path, which has no ``acl``, then ``~salt=…``;
neither is in the token. Several paths of an access list stand between ``!``. Checked against Akamai's own library
(akamai-edgeauth) in both directions. Tokens have no key id: a key that is exchanged stays in the list, and every key is tried.

With `escape` on, ``ip``, ``id``, ``data`` and ``url`` are percent-encoded in lower case ("Escape token input" in Property Manager).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote_plus, unquote, unquote_plus

from media.errors import SettingsError, TokenExpired, TokenInvalid, TokenOutOfScope
from media.ports import Signed, SignedRequest, Terms
from origin.signing import client, query
from origin.signing.paths import is_plain, is_scope, matches

_LONGEST = 2048
_FIELDS = ("ip", "st", "exp", "acl", "id", "data")  # in the order in which Akamai's library writes them
_TIME = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_HMAC = re.compile(r"[0-9a-f]{64}", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9._@-]{1,64}", re.ASCII)  # nothing that could begin another field
_PATH = re.compile(r"[A-Za-z0-9._/*-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class AkamaiSigner:
    """`keys` are the raw ones, the first signs; `name` is that of the query parameter and of the cookie."""

    keys: Sequence[bytes] = field(repr=False)
    name: str = "hdnts"
    salt: str = field(default="", repr=False)
    escape: bool = False

    def sign(self, terms: Terms) -> Signed:
        fields: dict[str, str] = {}
        if terms.client:
            fields["ip"] = self._escaped(client.spelled(client.packed(terms.client)))
        if terms.not_before_ms:
            fields["st"] = str(-(-terms.not_before_ms // 1000))
        fields["exp"] = str(terms.expires_ms // 1000)
        if not all(is_scope(scope) and _PATH.fullmatch(scope) for scope in terms.scopes) or not terms.scopes:
            raise SettingsError(f"akamai: {', '.join(terms.scopes)!r}: no plain paths")
        if any("*" in scope[:-1] for scope in terms.scopes):
            raise SettingsError("akamai: a * in the middle of a path would open folders below it, too")
        whole = terms.scopes[0] if len(terms.scopes) == 1 and "*" not in terms.scopes[0] else ""
        if not whole:
            fields["acl"] = "!".join(f"/{scope}" for scope in terms.scopes)
        if terms.user:
            if not _USER.fullmatch(terms.user):
                raise SettingsError(f"akamai: user {terms.user!r}: at most 64 of A-Z a-z 0-9 . _ @ -")
            fields["data"] = self._escaped(terms.user)
        text = "~".join(f"{name}={value}" for name, value in fields.items())
        token = f"{text}~hmac={self._hmac(self.keys[0], text, whole)}"
        return Signed(query=f"{self.name}={token}", cookies={self.name: token})

    def knows(self, request: SignedRequest) -> bool:
        return self.name in request.cookies or bool(query.only(request.query, {self.name}))

    def verify(self, request: SignedRequest, *, now_ms: int) -> Terms:
        text, whole = self._authentic(request)
        names = [part.partition("=")[0] for part in text.split("~")]
        fields = dict(part.partition("=")[::2] for part in text.split("~"))
        if sorted(names) != sorted(fields) or not set(names) <= {*_FIELDS} or "exp" not in fields:
            raise TokenInvalid("token: fields that we do not know, or twice")
        terms = self._terms(fields, whole)
        if now_ms >= terms.expires_ms:
            raise TokenExpired(f"token: expired {now_ms - terms.expires_ms} ms ago")
        if now_ms < terms.not_before_ms:
            raise TokenExpired(f"token: not valid for another {terms.not_before_ms - now_ms} ms")
        client.check(terms.client, request.client)
        if not is_plain(request.path) or not any(matches(scope, request.path) for scope in terms.scopes):
            raise TokenOutOfScope(f"token: it does not open {request.path[:200]!r}")
        return terms

    def carried(self, request: SignedRequest) -> str:
        return query.only(request.query, {self.name})

    def _authentic(self, request: SignedRequest) -> tuple[str, str]:
        """The signed text, and the path that it is for when it has no access list. Raises `TokenInvalid`."""
        raw = query.values(request.query, {self.name}).get(self.name) or request.cookies.get(self.name, "")
        # A client may have spelled ``~`` as ``%7E`` (RFC 3986 §2.3); an escaped field looks the same, so both are tried.
        for token in dict.fromkeys((raw, unquote(raw))):
            text, _, mac = token.rpartition("~hmac=")
            if len(token) > _LONGEST or not token.isascii() or not _HMAC.fullmatch(mac):
                continue
            whole = "" if "~acl=" in text or text.startswith("acl=") else request.path
            if any(hmac.compare_digest(mac, self._hmac(key, text, whole)) for key in self.keys):
                return text, whole
        raise TokenInvalid("token: the signature does not hold")

    def _terms(self, fields: dict[str, str], whole: str) -> Terms:
        times = [fields["exp"], fields.get("st", "1")]
        if not all(map(_TIME.fullmatch, times)):
            raise TokenInvalid("token: a time that is none")
        scopes = tuple(entry.removeprefix("/") for entry in fields.get("acl", whole).split("!"))
        user = fields.get("data", fields.get("id", ""))
        ip = fields.get("ip", "")
        if self.escape:
            user, ip = unquote_plus(user), unquote_plus(ip)
        return Terms(scopes, int(times[0]) * 1000, int(fields.get("st", "0")) * 1000, user, ip)

    def _hmac(self, key: bytes, text: str, whole: str) -> str:
        """`whole` is the path that a token without access list is for."""
        source = text + (f"~url={self._escaped('/' + whole)}" if whole else "")
        source += f"~salt={self.salt}" if self.salt else ""
        return hmac.new(key, source.encode(), hashlib.sha256).hexdigest()

    def _escaped(self, text: str) -> str:
        return re.sub("%..", lambda found: found[0].lower(), quote_plus(text)) if self.escape else text
