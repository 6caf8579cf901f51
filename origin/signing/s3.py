"""Presigned URLs of S3 (Signature Version 4 in the query): one object, straight from the store, for at most seven days.

They are for downloads and for tools that know no tokens. A presentation cannot be opened with one: the signature covers the
path, so each segment would need its own, and what a playlist names next has none. `tonearm edge` or a CDN is for that.

The canonical request (AWS General Reference, "Create a signed request"): method, encoded path, the sorted query without the
signature, ``host`` as the only signed header, and ``UNSIGNED-PAYLOAD``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from media.errors import SettingsError, TokenExpired, TokenInvalid
from media.ports import Signed, SignedRequest, Terms
from origin.signing import query
from origin.signing.paths import is_plain

_ALGORITHM = "AWS4-HMAC-SHA256"
_LONGEST_S = 7 * 24 * 3600
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z", re.ASCII)
_LIFE = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
_NAMES = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Security-Token", "Signature")
PARAMETERS = frozenset(f"X-Amz-{name}" for name in _NAMES)


@dataclass(frozen=True, slots=True)
class S3Signer:
    """`base` is what stands before a key: ``https://music.s3.eu-central-1.amazonaws.com/prod``. `clock` gives Unix ms."""

    base: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    clock: Callable[[], int]
    session_token: str = field(default="", repr=False)

    def sign(self, terms: Terms) -> Signed:
        if len(terms.scopes) != 1 or "*" in terms.scopes[0] or not is_plain(terms.scopes[0]):
            raise SettingsError("s3: a presigned URL opens one object, not a folder")
        if terms.user or terms.client:
            raise SettingsError("s3: a presigned URL has no place for a user or an address")
        begins_s = (terms.not_before_ms or self.clock()) // 1000
        life_s = terms.expires_ms // 1000 - begins_s
        if not 0 < life_s <= _LONGEST_S:
            raise SettingsError(f"s3: a presigned URL lasts from a second to seven days, not {life_s} s")
        date = f"{datetime.fromtimestamp(begins_s, UTC):%Y%m%dT%H%M%SZ}"
        said = {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{self.access_key}/{self._scope(date)}",
            "X-Amz-Date": date,
            "X-Amz-Expires": str(life_s),
            "X-Amz-SignedHeaders": "host",
        }
        if self.session_token:
            said["X-Amz-Security-Token"] = self.session_token
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in said.items())
        return Signed(query=f"{text}&X-Amz-Signature={self._signature(terms.scopes[0], text, date)}")

    def knows(self, request: SignedRequest) -> bool:
        return bool(query.only(request.query, PARAMETERS))

    def verify(self, request: SignedRequest, *, now_ms: int) -> Terms:
        """What the store does with it: for tests, and for whoever wants to know why a URL is refused."""
        said = {name: unquote(value) for name, value in query.values(request.query, PARAMETERS).items()}
        date, life = said.get("X-Amz-Date", ""), said.get("X-Amz-Expires", "")
        if not _DATE.fullmatch(date) or not _LIFE.fullmatch(life) or int(life) > _LONGEST_S:
            raise TokenInvalid("token: a time that is none")
        signed = query.without(request.query, {"X-Amz-Signature"})
        expected = self._signature(request.path, signed, date)
        if not hmac.compare_digest(
            expected, said.get("X-Amz-Signature", "").encode("ascii", "replace").decode()
        ):
            raise TokenInvalid("token: the signature does not hold")
        if said.get("X-Amz-Credential") != f"{self.access_key}/{self._scope(date)}":
            raise TokenInvalid("token: no key of ours signed it")
        if said.get("X-Amz-Algorithm") != _ALGORITHM or said.get("X-Amz-SignedHeaders") != "host":
            raise TokenInvalid("token: another kind of signature")
        begins_ms = int(datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()) * 1000
        expires_ms = begins_ms + int(life) * 1000
        if not begins_ms <= now_ms < expires_ms:
            raise TokenExpired(f"token: valid from {begins_ms} to {expires_ms}, and it is {now_ms}")
        return Terms((unquote(request.path),), expires_ms, begins_ms)

    def carried(self, request: SignedRequest) -> str:
        return ""  # it opens nothing else

    def _scope(self, date: str) -> str:
        return f"{date[:8]}/{self.region}/s3/aws4_request"

    def _signature(self, path: str, text: str, date: str) -> str:
        """`path` is the key, encoded or plain, `text` the query that is signed, as it is sent."""
        parts = urlsplit(self.base)
        target = quote(unquote(f"{parts.path}/{path}"), safe="/-_.~")
        canonical = "\n".join(
            [
                "GET",
                target,
                "&".join(sorted(_pairs(text))),
                f"host:{parts.netloc}",
                "",
                "host",
                "UNSIGNED-PAYLOAD",
            ]
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{self.secret_key}".encode()
        for step in self._scope(date).split("/"):
            key = hmac.digest(key, step.encode(), "sha256")
        return hmac.new(
            key, "\n".join([_ALGORITHM, date, self._scope(date), digest]).encode(), "sha256"
        ).hexdigest()


def _pairs(text: str) -> list[str]:
    return [
        f"{quote(unquote(name), safe='-_.~')}={quote(unquote(value), safe='-_.~')}"
        for name, value in query.split(text)
    ]
