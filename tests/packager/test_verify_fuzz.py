"""Whatever is in a presentation, verification ends with a report, in bounded time."""

from __future__ import annotations

import asyncio
import json
import random
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from media.access_units import Encoded
from media.errors import ManifestError, ObjectMissing
from packager.package import Package
from packager.verify.verification import verify

ROUNDS = 150
SECONDS = 60.0
NUMBERS = (0, -1, 1, 2**31, 2**63, 10**30)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if items is None:
        return [path]
    return [leaf for name, item in items for leaf in leaves(item, (*path, name))]


def shake(document: Any, chance: random.Random) -> None:
    """Another value of the same type in one or two members of presentation.json."""
    for place in chance.sample(leaves(document), chance.randint(1, 2)):
        target = document
        for name in place[:-1]:
            target = target[name]
        match target[place[-1]]:
            case bool() | None:
                pass
            case int():
                target[place[-1]] = chance.choice(NUMBERS)
            case str() as text:
                target[place[-1]] = chance.choice(("", "..", "/etc/passwd", text[:-1], text + "0"))


def mutate(data: bytes, chance: random.Random) -> bytes:
    broken = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(min(len(broken), 1000))
        if chance.random() < 0.2:
            del broken[place : place + chance.randint(1, 50)]
        else:
            broken[place : place + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", chance.randbytes(4)))
        broken = broken or bytearray(b"x")
    return bytes(broken)


def test_no_presentation_makes_it_fall_over(
    pack: Callable[..., Package],
    blip: tuple[Encoded, ...],
    published: Callable[[Package], Path],
    key: bytes,
) -> None:
    chance = random.Random(20261123)
    started, clean = time.monotonic(), 0
    for number in range(ROUNDS):
        packed = pack(blip[:2], chance.choice(("none", "cbcs", "cenc", "aes-128")))
        folder = published(packed)
        victim, body = chance.choice(list(packed.objects()))
        if victim == "presentation.json" or number % 2:
            document = json.loads(packed.presentation.to_json())
            shake(document, chance)
            (folder / "presentation.json").write_text(json.dumps(document))
        else:
            (folder / victim).write_bytes(mutate(body, chance))
        report = asyncio.run(verify(str(folder), find_key=lambda kid: key))
        clean += report.clean
    # Titles, tags and the like may be anything, and so may a cover: those stay clean.
    assert clean < ROUNDS // 3
    assert time.monotonic() - started < SECONDS


def scramble(text: bytes, chance: random.Random) -> bytes:
    """Another manifest: numbers, lines and quotation marks in other places."""
    lines = text.split(b"\n")
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(lines))
        match chance.randrange(4):
            case 0:
                lines[place] = re.sub(rb"\d+", chance.choice((b"0", b"-1", b"9" * 18, b"x")), lines[place])
            case 1:
                lines.insert(chance.randrange(len(lines)), lines[place])
            case 2:
                del lines[place]
                lines = lines or [b""]
            case _:
                lines[place] = lines[place].replace(chance.choice((b'"', b"=", b",", b"<")), b"", 1)
    return b"\n".join(lines)


@pytest.mark.soak
def test_nor_does_one_of_others(
    pack: Callable[..., Package],
    blip: tuple[Encoded, ...],
    published: Callable[[Package], Path],
    key: bytes,
) -> None:
    chance = random.Random(20261128)
    reports = 0
    for number in range(ROUNDS):
        packed = pack(
            blip[:2], chance.choice(("none", "cbcs", "cenc", "aes-128")), one_file=chance.random() < 0.5
        )
        folder = published(packed)
        (folder / "presentation.json").unlink()
        media = [path for path, _ in packed.objects() if path.startswith("audio/") or "/" not in path]
        victim = folder / chance.choice(media)
        if not victim.exists():  # presentation.json
            continue
        manifest = victim.suffix in (".m3u8", ".mpd")
        change = scramble if manifest and number % 2 else mutate
        victim.write_bytes(change(victim.read_bytes(), chance))
        try:
            report = asyncio.run(verify(str(folder), find_key=lambda kid: key))
        except (ManifestError, ObjectMissing):
            continue  # no manifest any more
        assert not report.ours
        reports += 1
        shutil.rmtree(folder)
    assert reports > ROUNDS // 2
