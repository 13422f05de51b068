"""Charts as plain figures: where each point and bar lies in a picture of 360 by 150.

The templates draw them as SVG with attributes only, so that no script and no inline style is
needed; the same numbers stand in a table below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

WIDTH: Final = 360
HEIGHT: Final = 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 8, 10, 22


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where, and what stands beside it."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar; ``kind`` is good, warn, bad or accent."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points; ``dots`` are those that have no neighbour to be joined with."""

    name: str
    kind: str
    parts: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Something to draw over days; ``empty`` where there is nothing to see."""

    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()
    across: tuple[Tick, ...] = ()
    along: tuple[Tick, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.bars and not any(line.parts or line.dots for line in self.lines)


def days_until(last: date, count: int) -> list[date]:
    """The last ``count`` days, oldest first."""
    return [last - timedelta(days=back) for back in reversed(range(count))]


def lines_over_days(
    days: Sequence[date], series: Mapping[str, tuple[str, Mapping[date, float]]]
) -> Chart:
    """Lines by name: each has its kind and its value by day; a day without one is a gap."""
    top = nice(
        max((value for _, values in series.values() for value in values.values()), default=0)
    )
    drawn = []
    for name, (kind, values) in series.items():
        runs: list[list[tuple[float, float]]] = [[]]
        for place, day in enumerate(days):
            if day in values:
                runs[-1].append((_x(place, len(days)), _y(values[day], top)))
            elif runs[-1]:
                runs.append([])
        drawn.append(
            Line(
                name,
                kind,
                tuple(" ".join(f"{x},{y}" for x, y in run) for run in runs if len(run) > 1),
                tuple(run[0] for run in runs if len(run) == 1),
            )
        )
    return Chart(lines=tuple(drawn), across=_across(top), along=_along(days))


def bars_over_days(
    days: Sequence[date], stacks: Mapping[date, Sequence[tuple[str, float]]]
) -> Chart:
    """Stacked bars: for each day (kind, value) from the bottom up."""
    top = nice(max((sum(value for _, value in parts) for parts in stacks.values()), default=0))
    wide = (WIDTH - _LEFT - _RIGHT) / max(len(days), 1)
    bars = []
    for place, day in enumerate(days):
        below = 0.0
        for kind, value in stacks.get(day, ()):
            if value:
                upper, lower = _y(below + value, top), _y(below, top)
                x = round(_LEFT + place * wide + wide * 0.1, 1)
                bars.append(Bar(x, upper, round(wide * 0.8, 1), round(lower - upper, 1), kind))
                below += value
    return Chart(bars=tuple(bars), across=_across(top), along=_along(days))


def share(value: float, most: float) -> float:
    """How long a bar lying on its side is, of 100."""
    return round(100 * value / most, 1) if most > 0 else 0.0


def nice(value: float) -> float:
    """The next number that is easily halved: 1, 2, 4, 6, 10, 20, 40 …"""
    if value <= 0:
        return 1
    power = 1.0
    while power * 10 < value:
        power *= 10
    while power > value:
        power /= 10
    return next(power * step for step in (1, 2, 4, 6, 10) if power * step >= value)


def _across(top: float) -> tuple[Tick, ...]:
    return tuple(Tick(_y(value, top), f"{value:g}") for value in (0, top / 2, top))


def _along(days: Sequence[date]) -> tuple[Tick, ...]:
    shown = {0, len(days) // 2, len(days) - 1} if days else set()
    return tuple(Tick(_x(place, len(days)), f"{days[place]:%m-%d}") for place in sorted(shown))


def _x(place: int, count: int) -> float:
    return round(_LEFT + (place + 0.5) * (WIDTH - _LEFT - _RIGHT) / max(count, 1), 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - _BOTTOM - value / top * (HEIGHT - _TOP - _BOTTOM), 1)
