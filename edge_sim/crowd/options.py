"""What the options of ``tonearm crowd`` mean: regions, mixes of networks and of players, moments of a day."""

from __future__ import annotations

import re
from typing import Any

import click

from edge_sim.crowd.settings import Place
from edge_sim.links.network import NETWORKS, Network
from edge_sim.options import HttpUrl

_REGION = re.compile(
    r"([a-z][a-z0-9-]{0,30})(?::([0-9]+(?:\.[0-9]+)?))?(?::([+-]?[0-9]{1,2}))?(?:@([^=]+))?=(.+)", re.ASCII
)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
Networks = tuple[tuple[str, Network, float], ...]


class Mix(click.ParamType["tuple[tuple[str, float], ...]"]):
    """Names with weights: ``wifi``, ``wifi:5,4g:3,lossy``."""

    name = "mix"

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[str, float], ...]:
        if isinstance(value, tuple):
            return value
        found = []
        for text in str(value).split(","):
            name, _, weight = text.strip().partition(":")
            if name not in self.names or not re.fullmatch(
                r"(?:[0-9]*[1-9][0-9]*(?:\.[0-9]+)?)?", weight, re.ASCII
            ):
                self.fail(
                    f"{text!r} is not one of {', '.join(self.names)}, with a weight if you like", param, ctx
                )
            found.append((name, float(weight or 1)))
        return tuple(found)


class Regions(click.ParamType["tuple[Place, ...]"]):
    """``eu-west:3:1@wifi:5,4g=http://127.0.0.1:8081;us-east:2:-5=http://127.0.0.1:8082``: name, share, hours from UTC, network, edge."""

    name = "regions"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Place, ...]:
        if isinstance(value, tuple):
            return value
        found = []
        for text in str(value).split(";"):
            match = _REGION.fullmatch(text.strip())
            if match is None or float(match[2] or 1) == 0 or abs(int(match[3] or 0)) > 14:
                self.fail(
                    f"{text!r} is not a region such as eu-west:3:1@wifi=http://127.0.0.1:8081", param, ctx
                )
            url = HttpUrl().convert(match[5], param, ctx)
            mix = MIX.convert(match[4], param, ctx) if match[4] else ()
            found.append(Place(match[1], url, float(match[2] or 1), int(match[3] or 0), networks(mix)))
        if len({place.name for place in found}) < len(found):
            self.fail(f"{value!r} names a region twice", param, ctx)
        return tuple(found)


class Faults(click.ParamType["tuple[str, ...]"]):
    """One after another, or with ``+`` at the same time: ``store-slow,origin-down+api-down``."""

    name = "faults"

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        found = value if isinstance(value, tuple) else tuple(part.strip() for part in str(value).split(","))
        for name in "+".join(found).split("+"):
            if name not in self.names:
                self.fail(f"{name!r} is not one of {', '.join(self.names)}", param, ctx)
        return found


class Clock(click.ParamType[int]):
    """``07:30``, in minutes of the day."""

    name = "hh:mm"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _CLOCK.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a time of the day such as 07:30", param, ctx)
        return int(match[1]) * 60 + int(match[2])


MIX = Mix(tuple(NETWORKS))


def networks(mix: tuple[tuple[str, float], ...]) -> Networks:
    return tuple((name, NETWORKS[name], weight) for name, weight in mix)
