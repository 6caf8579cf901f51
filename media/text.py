"""Text from strangers on its way to a person's terminal."""

from __future__ import annotations


def one_line(text: str) -> str:
    """`text` on one line: line breaks, terminal controls, undecodable bytes and writing turned round become escapes.

    >>> one_line("a\\nb\\x1b[2J")
    'a\\\\nb\\\\x1b[2J'
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
