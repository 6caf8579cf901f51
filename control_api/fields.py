"""The text and number types that requests are made of, each with its limits.

Nothing here escapes or strips markup: text is stored as it was written, bound as a parameter to SQL and answered as
JSON. What is refused is what no title or name needs: control characters, and lengths without an end.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

PLAYLIST_ID = r"^[0-9a-f]{32}$"
SHARE_ID = r"^[A-Za-z0-9_-]{22}$"
# One @ between something and a domain with a dot; whether it receives mail, only mail can tell.
_LONGEST_EMAIL = 254
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


def _printable(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("control characters are not allowed")
    return text


def folded_email(text: str) -> str:
    """The one spelling under which an address is kept and looked for."""
    return unicodedata.normalize("NFKC", text.strip()).casefold()


def _email(text: str) -> str:
    folded = folded_email(text)  # first: it may make one character into a space, an @ or eighteen letters
    if len(folded) > _LONGEST_EMAIL or not _EMAIL.fullmatch(folded):
        raise ValueError("not an e-mail address")
    return folded


SongId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{2,63}$")]
Region = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{2}$"), Field(description="ISO 3166-1 alpha-2", examples=["NO"])
]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=_LONGEST_EMAIL),
    AfterValidator(_printable),
    AfterValidator(_email),
]
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_printable),
]
Description = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_printable)
]
Query = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_printable),
]
Cursor = Annotated[
    str, StringConstraints(max_length=2000), Field(description="next_cursor of the page before; opaque")
]
Limit = Annotated[int, Field(ge=1, le=100)]


class Parameters(BaseModel):
    """Path or query parameters: text that becomes what the field says; unknown ones are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Body(BaseModel):
    """A JSON request body: types must match exactly, unknown members are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class View(BaseModel):
    """A JSON answer."""

    model_config = ConfigDict(frozen=True)
