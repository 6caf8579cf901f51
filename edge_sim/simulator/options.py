"""What the options of ``tonearm simulate`` mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edge_sim.simulator.listeners import Region

MODELS = ("bundle", "presentation", "walk")  # of a start: `edge_sim.simulator.start_time`
_REGION = re.compile(r"([a-z][a-z0-9-]{0,30})(?::([0-9]+(?:\.[0-9]+)?))?(?::([+-]?[0-9]{1,2}))?", re.ASCII)


class Count(click.ParamType[int]):
    """A number of things: ``100000000`` or ``1e8``."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = float(value)
            if number != int(number) or not 1 <= number <= 1e12:
                raise ValueError
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a count such as 100000000 or 1e8", param, ctx)
        return int(number)


class OneOf(click.ParamType[int]):
    """A rate of sampling: ``1:1000``."""

    name = "1:n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(?:1\s*:\s*)?([1-9][0-9]{0,6})", str(value).strip(), re.ASCII)
        if match is None:
            self.fail(f"{value!r} is not a rate such as 1:1000", param, ctx)
        return int(match[1])


class TierTimes(click.ParamType["tuple[float, float, float, float]"]):
    """What each tier adds to an answer, in ms: ``0.1,2,40,150``."""

    name = "memory,disk,shield,origin"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float, float]:
        if isinstance(value, tuple):
            return value
        try:
            memory, disk, shield, origin = (float(part) for part in str(value).split(","))
            if not all(0 <= each < 1e6 for each in (memory, disk, shield, origin)):
                raise ValueError
        except ValueError:
            self.fail(f"{value!r} is not four times in ms such as 0.1,2,40,150", param, ctx)
        return memory, disk, shield, origin


class Regions(click.ParamType["tuple[Region, ...]"]):
    """Names with shares of the listeners and offsets from UTC in hours: ``eu-west:3:1,us-east:2:-5,ap-south``."""

    name = "regions"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Region, ...]:
        from edge_sim.simulator.listeners import Region

        if isinstance(value, tuple):
            return value
        found = []
        for text in str(value).split(","):
            match = _REGION.fullmatch(text.strip())
            if match is None or float(match[2] or 1) == 0 or abs(int(match[3] or 0)) > 14:
                self.fail(
                    f"{text!r} is not a region such as eu-west:3:1 (name, share, hours from UTC)", param, ctx
                )
            found.append(Region(match[1], float(match[2] or 1), int(match[3] or 0)))
        if len({region.name for region in found}) < len(found):
            self.fail(f"{value!r} names a region twice", param, ctx)
        return tuple(found)
