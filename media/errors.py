"""The error tree: everything that Tonearm raises on purpose.

    TonearmError
    ├── MasterRejected        the master cannot be used; ``reason`` is one of REASONS
    ├── TranscodeFailed       an encoder or decoder process failed on a master that looked sound
    ├── FormatError           bytes that do not follow their format
    │   ├── BoxError          ISO BMFF: names the box and the offset
    │   └── ManifestError     HLS or DASH: names the line or the element
    ├── ContentKeyError             content keys
    │   ├── KeyMissing        no such KID
    │   └── KeyStoreLocked    no master key, or one that does not open the key store
    ├── StoreError            object storage
    │   ├── ObjectMissing     no such key
    │   ├── PreconditionFailed  a conditional write lost its race
    │   ├── BadKey            a key that could leave the store
    │   └── StoreUnavailable  the store did not answer, or answered nonsense
    ├── TokenError            a stream URL's token
    │   ├── TokenInvalid      malformed, or not signed by a key we know
    │   ├── TokenExpired      past its expiry, or before its not-before
    │   └── TokenOutOfScope   sound, but for something else
    ├── UpstreamFailed        the server behind a proxy, or before a client: refused, broke off, answered nonsense
    │   └── UpstreamTimeout   it did not answer in time
    ├── ApiError              the control API refuses; ``status`` says how
    └── SettingsError         an option, environment variable or settings file that makes no sense

The command line prints ``str(error)`` as one line and exits with ``exit_code``; servers answer
``status`` with an ``application/problem+json`` body (RFC 9457) whose ``type`` ends in ``slug``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class TonearmError(Exception):
    """Root of the tree. The message is one line that names the thing, the place and the reason."""

    exit_code: int = 1
    status: int = 500
    slug: str = "internal"

    @property
    def title(self) -> str:
        """A short human name of the kind of error, for problem+json."""
        return self.slug.replace("-", " ").capitalize()


class MasterRejected(TonearmError):
    """This master cannot become a presentation."""

    exit_code = 3
    status = 422
    slug = "master-rejected"

    REASONS: ClassVar[frozenset[str]] = frozenset(
        {
            "empty",  # no bytes at all
            "not-audio",  # no demuxer makes sense of it
            "no-audio-stream",  # a sound file of another kind: video only, pictures only
            "no-samples",  # a header and nothing behind it
            "header-lies",  # the header promises what the file does not hold
            "truncated",  # it breaks off before its end
            "corrupt",  # frames inside do not decode
            "silent",  # every sample is zero
            "unreadable",  # the operating system says no
            "too-large",  # longer than the settings allow
        }
    )

    def __init__(self, reason: str, message: str) -> None:
        assert reason in self.REASONS, reason
        super().__init__(message)
        self.reason = reason


class TranscodeFailed(TonearmError):
    exit_code = 4
    slug = "transcode-failed"


class FormatError(TonearmError):
    exit_code = 5
    status = 422
    slug = "bad-format"


class BoxError(FormatError):
    """An ISO BMFF box that does not parse; ``path`` is like ``moov/trak/mdia``, ``offset`` in bytes."""

    slug = "bad-box"

    def __init__(self, path: str, offset: int, reason: str) -> None:
        super().__init__(f"{path} at byte {offset}: {reason}")
        self.path = path
        self.offset = offset
        self.reason = reason


class ManifestError(FormatError):
    slug = "bad-manifest"


class ContentKeyError(TonearmError):
    exit_code = 6
    slug = "key-error"


class KeyMissing(ContentKeyError):
    status = 404
    slug = "key-missing"


class KeyStoreLocked(ContentKeyError):
    status = 503
    slug = "key-store-locked"


class StoreError(TonearmError):
    exit_code = 7
    status = 502
    slug = "store-error"


class ObjectMissing(StoreError):
    status = 404
    slug = "not-found"


class PreconditionFailed(StoreError):
    status = 412
    slug = "precondition-failed"


class BadKey(StoreError):
    status = 400
    slug = "bad-path"


class StoreUnavailable(StoreError):
    status = 503
    slug = "store-unavailable"


class TokenError(TonearmError):
    exit_code = 8
    status = 403
    slug = "token-invalid"


class TokenInvalid(TokenError):
    pass


class TokenExpired(TokenError):
    status = 403
    slug = "token-expired"


class TokenOutOfScope(TokenError):
    slug = "token-out-of-scope"


class UpstreamFailed(TonearmError):
    exit_code = 11
    status = 502
    slug = "upstream-failed"


class UpstreamTimeout(UpstreamFailed):
    status = 504
    slug = "upstream-timeout"


class ApiError(TonearmError):
    """An API refusal with its own status, slug and message.

    `members` extend the problem document (RFC 9457 §3.2), `headers` the answer: ``Retry-After``, ``WWW-Authenticate``.
    """

    exit_code = 9

    def __init__(
        self,
        status: int,
        slug: str,
        message: str,
        *,
        members: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.slug = slug
        self.members = members or {}
        self.headers = headers or {}


class SettingsError(TonearmError):
    exit_code = 2
    status = 500
    slug = "bad-settings"
