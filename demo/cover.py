"""The cover: a record in the small hours, its grooves drawn from the music itself, the tonearm's pivot for a moon.

Everything is a distance field over an 800 × 800 grid; an edge is soft over one pixel, so nothing is jagged.
"""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from demo.album import ARTIST, TITLE, Pcm

SIZE = 800
Plane = npt.NDArray[np.float64]
Picture = npt.NDArray[np.float64]  # (SIZE, SIZE, 3), 0…1

_DISC = (318.0, 486.0)
_RADIUS, _LABEL = 408.0, 128.0
_PIVOT = (664.0, 138.0)


def cover(pieces: list[Pcm]) -> bytes:
    """A JPEG. `pieces` in playing order, outermost first; a shiny band separates what is not played through."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)
    picture = _night(x, y)
    picture = _record(picture, x, y, _envelope(pieces))
    picture = _arm(picture, x, y)
    rng = np.random.default_rng(33)
    picture += rng.normal(0, 0.008, (SIZE, SIZE, 1))  # grain: gradients would show steps
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8))
    _letters(image)
    out = BytesIO()
    image.save(out, "JPEG", quality=90, subsampling=0)
    return out.getvalue()


def _envelope(pieces: list[Pcm]) -> Plane:
    """Loudness along the side, 0…1, one value a ring; -1 where the groove has a pause (before the last piece)."""
    rings = 520
    total = sum(piece.shape[1] for piece in pieces)
    parts: list[Plane] = []
    for place, piece in enumerate(pieces):
        count = round(rings * piece.shape[1] / total)
        blocks = np.array_split(np.abs(piece.astype(np.float64)).max(axis=0), count)
        if place and place == len(pieces) - 1:
            parts.append(np.full(9, -1.0))
        parts.append(np.array([np.sqrt((block**2).mean()) for block in blocks]))
    level = np.concatenate(parts)
    return np.where(level < 0, -1, np.clip(level / np.percentile(level, 97), 0, 1))


def _mix(below: Picture, colour: tuple[float, float, float] | Picture, cover: Plane) -> Picture:
    return below + (np.asarray(colour) - below) * np.clip(cover, 0, 1)[..., None]


def _edge(distance: Plane, soft: float = 1.0) -> Plane:
    """1 inside (negative distance), 0 outside, soft over a pixel."""
    return np.clip(0.5 - distance / soft, 0, 1)


def _night(x: Plane, y: Plane) -> Picture:
    """From deep blue above to a last glow of plum and amber below."""
    height = y / SIZE
    stops = np.array([0.0, 0.45, 0.8, 1.0])
    colours = np.array([[0.035, 0.05, 0.13], [0.10, 0.09, 0.24], [0.33, 0.14, 0.30], [0.62, 0.28, 0.27]])
    picture = np.stack([np.interp(height, stops, colours[:, channel]) for channel in range(3)], axis=-1)
    rng = np.random.default_rng(45)
    for _ in range(70):
        at_x, at_y = int(rng.uniform(6, SIZE - 6)), int(rng.uniform(6, SIZE) ** 1.25 * 0.06 + 6)
        near = np.s_[at_y - 6 : at_y + 7, at_x - 6 : at_x + 7]
        spread = (x[near] - at_x) ** 2 + (y[near] - at_y) ** 2
        light = rng.uniform(0.15, 0.8) ** 2 * np.exp(-spread / rng.uniform(0.6, 2.2))
        picture[near] += light[..., None] * np.array([0.95, 0.95, 1.0])
    glow = np.hypot(x - _PIVOT[0], y - _PIVOT[1])
    halo: Picture = picture + (0.34 * np.exp(-glow / 90) + 0.10 * np.exp(-glow / 260))[..., None] * np.array(
        [0.95, 0.86, 0.72]
    )
    return halo


def _record(below: Picture, x: Plane, y: Plane, level: Plane) -> Picture:
    dx, dy = x - _DISC[0], y - _DISC[1]
    radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    picture = _mix(
        below, (0.01, 0.01, 0.03), 0.55 * np.exp(-np.maximum(np.hypot(dx - 10, dy - 16) - _RADIUS, 0) / 16)
    )

    # Where on the side is this ring? The groove runs from the rim inwards and leaves a run-out before the label.
    along = (_RADIUS - 14 - radius) / (_RADIUS - 14 - _LABEL - 26)
    ring = np.interp(along, np.linspace(0, 1, len(level)), level, left=-1, right=-1)
    pause = ring < 0
    cut = np.sin(radius * 2.1) * 0.5 + 0.5
    groove = np.where(pause, 0.10, 0.04 + 0.15 * np.abs(ring) ** 1.3 * (0.45 + 0.55 * cut))
    # Light on turned lacquer: two pairs of narrow fans, warm from the horizon, cool from the moon.
    cool = np.abs(np.cos(angle - np.arctan2(_PIVOT[1] - _DISC[1], _PIVOT[0] - _DISC[0]))) ** 22
    warm = np.abs(np.cos(angle - 1.95)) ** 14
    shine = (0.12 + 1.9 * cool)[..., None] * np.array([0.62, 0.74, 1.0]) + (0.15 + 1.7 * warm)[
        ..., None
    ] * np.array([1.0, 0.58, 0.36])
    vinyl = np.array([0.016, 0.015, 0.028]) + groove[..., None] * shine
    picture = _mix(picture, vinyl, _edge(radius - _RADIUS))
    picture = _mix(
        picture,
        (0.55, 0.45, 0.52),
        0.5 * np.exp(-((radius - _RADIUS + 1.5) ** 2) / 1.6) * (0.25 + cool + warm),
    )

    # The label is a sunset of its own: rings that narrow towards the spindle.
    hue = np.clip((dy / _LABEL + 1) / 2, 0, 1)[..., None]
    label = (1 - hue) * np.array([0.99, 0.80, 0.52]) + hue * np.array([0.80, 0.27, 0.30])
    bands = _edge(np.sin(np.sqrt(np.maximum(radius, 0) / _LABEL) * 26) * 3, 3)
    label = label * (0.90 + 0.10 * bands)[..., None]
    picture = _mix(picture, label, _edge(radius - _LABEL))
    picture = _mix(picture, (0.99, 0.9, 0.75), 0.7 * _edge(np.abs(radius - _LABEL + 5) - 0.7))
    return _mix(picture, (0.02, 0.02, 0.04), _edge(radius - 7))


def _arm(below: Picture, x: Plane, y: Plane) -> Picture:
    """Counterweight, moon, a slender curve, and a headshell that rests in the music."""
    tip = np.array([_DISC[0] + 208, _DISC[1] + 62])
    start, bend = np.array(_PIVOT), np.array([_PIVOT[0] + 10, _PIVOT[1] + 250])
    t = np.linspace(0, 1, 30)[:, None]
    path = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * tip
    distance, side = _along(path, x, y)
    shadow = np.roll(distance, (15, 9), axis=(0, 1))
    picture = _mix(below, (0.0, 0.0, 0.02), 0.55 * np.exp(-((np.maximum(shadow - 3, 0) / 7) ** 2)))
    arm = _metal(side, 5.2, (0.93, 0.90, 0.88))

    back = (start - bend) / np.linalg.norm(start - bend)
    rod, _ = _along(np.array([start, start + back * 92]), x, y)
    picture = _mix(picture, (0.72, 0.69, 0.70), _edge(rod - 4))
    weight, side = _along(np.array([start + back * 58, start + back * 86]), x, y)
    picture = _mix(picture, _metal(side, 19, (0.34, 0.33, 0.40)), _edge(weight - 19))

    moon = np.hypot(x - start[0], y - start[1])
    face = 0.95 - 0.16 * np.clip((x - start[0] + y - start[1]) / 90, -0.5, 1)
    picture = _mix(picture, face[..., None] * np.array([1.0, 0.94, 0.82]), _edge(moon - 45))
    picture = _mix(picture, (0.80, 0.72, 0.62), 0.8 * _edge(np.abs(moon - 33) - 0.8))

    picture = _mix(picture, arm, _edge(distance - 5.2))
    picture = _mix(picture, (0.55, 0.50, 0.50), _edge(moon - 11))

    aim = (path[-1] - path[-3]) / np.linalg.norm(path[-1] - path[-3])
    shell, side = _along(np.array([tip - aim * 6, tip + aim * 34]), x, y)
    picture = _mix(picture, _metal(side, 12, (0.96, 0.62, 0.36)), _edge(shell - 12))
    spark = np.hypot(x - (tip + aim * 44)[0], y - (tip + aim * 44)[1])
    glow = 0.85 * np.exp(-spark / 5) + 0.22 * np.exp(-spark / 26)
    picture += glow[..., None] * np.array([1.0, 0.78, 0.5])
    return picture


def _along(path: Plane, x: Plane, y: Plane) -> tuple[Plane, Plane]:
    """The distance to a polyline, and on which side of it (signed distance across)."""
    best, across = np.full_like(x, np.inf), np.zeros_like(x)
    for (ax, ay), (bx, by) in pairwise(path):
        ux, uy = bx - ax, by - ay
        t = np.clip(((x - ax) * ux + (y - ay) * uy) / (ux * ux + uy * uy), 0, 1)
        px, py = x - ax - t * ux, y - ay - t * uy
        distance = np.hypot(px, py)
        nearer = distance < best
        best = np.where(nearer, distance, best)
        across = np.where(nearer, (px * uy - py * ux) / np.hypot(ux, uy), across)
    return best, across


def _metal(side: Plane, width: float, colour: tuple[float, float, float]) -> Picture:
    """A cylinder: a bright line off the middle, darker edges."""
    place = np.clip(side / width, -1, 1)
    light = (
        0.45 + 0.55 * np.sqrt(np.maximum(0, 1 - place**2)) + 0.35 * np.exp(-(((place - 0.35) / 0.22) ** 2))
    )
    metal: Picture = light[..., None] * np.array(colour)
    return metal


def _letters(image: Image.Image) -> None:
    draw = ImageDraw.Draw(image, "RGBA")
    for text, size, bottom, alpha in ((TITLE, 40, 58, 235), (ARTIST, 19, 32, 190)):
        font = ImageFont.load_default(size)
        draw.text((SIZE - 36, SIZE - bottom), text, font=font, fill=(255, 240, 222, alpha), anchor="rs")
