"""Text as search compares it: no case, no diacritics, one script; and the grams that candidates are found by.

    >>> fold("Sigur Rós – Ágætis byrjun")
    'sigur ros agaetis byrjun'
    >>> sorted(grams("Yes"))
    ['_ye', 'es_', 'yes']
    >>> sorted(edges("Rós"))
    ['r', 'ro', 'ros']

Chinese, Japanese and Korean are written without spaces: beside the transliteration they get their characters and
pairs of characters as grams, so that 雨夜 finds 冷雨夜.
"""

from __future__ import annotations

import re
import unicodedata

from anyascii import anyascii

LONGEST_EDGE = 12
_WORD = re.compile(r"[a-z0-9]+")
_APOSTROPHES = re.compile(r"['’‘`]")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_DECORATION = re.compile(r"\s[-–—]\s|[(\[（【]")


def fold(text: str) -> str:
    """Lower-case ASCII words with single spaces; an apostrophe joins (``don't`` is ``dont``)."""
    ascii_text = anyascii(_APOSTROPHES.sub("", unicodedata.normalize("NFKC", text)))
    return " ".join(_WORD.findall(_APOSTROPHES.sub("", ascii_text.lower())))


def plain_title(title: str) -> str:
    """The title without what labels append: ``(feat. …)``, ``[Remix]``, ``- From "…"``."""
    return _DECORATION.split(title, maxsplit=1)[0].strip() or title


def grams(text: str) -> set[str]:
    """The trigrams of each padded word, and the characters and bigrams of CJK runs."""
    found: set[str] = set()
    for word in fold(text).split():
        padded = f"_{word}_"
        found.update(padded[at : at + 3] for at in range(len(padded) - 2))
    for run in _CJK.findall(text):
        found.update(run)
        found.update(run[at : at + 2] for at in range(len(run) - 1))
    return found


def edges(text: str) -> set[str]:
    """Every beginning of every word; of CJK runs, every beginning from every character on, up to three."""
    found: set[str] = set()
    for word in fold(text).split():
        found.update(word[:stop] for stop in range(1, min(len(word), LONGEST_EDGE) + 1))
    for run in _CJK.findall(text):
        found.update(run[at : at + length] for at in range(len(run)) for length in (1, 2, 3))
    return found


def beginnings(query: str) -> set[str]:
    """What `edges` of a text must hold for each word of `query` to begin one of its words."""
    return {word[:LONGEST_EDGE] for word in fold(query).split()} | {run[:3] for run in _CJK.findall(query)}
