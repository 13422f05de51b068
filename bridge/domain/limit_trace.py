"""Where each limit comes from: which product, how often, or which override.

The trace watches the composition itself, step by step, so it cannot disagree with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

from bridge.domain.limit_merge import (
    EffectiveLimits,
    LimitsRow,
    Release,
    add,
    in_fold_order,
    override,
)
from bridge.domain.php_values import add_numbers, as_map, is_map, is_numeric

MEMBERSHIP = "the override of the membership"
SITE = "the override of the site"

_Path: TypeAlias = tuple[str, ...]
_Leaves: TypeAlias = dict[_Path, Any]


class Effect(StrEnum):
    """What a row did to a limit."""

    SETS = "sets"
    ADDS = "adds"
    REPLACES = "replaces it with"
    AGREES = "agrees with"
    IGNORED = "is ignored with"
    OVERRIDES = "puts"
    DROPS = "drops it"


@dataclass(frozen=True, slots=True)
class Source:
    """A product's row, how often the membership has it, and what to call it."""

    name: str
    row: LimitsRow
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one source did to one limit, ``times`` over; ``offered`` is its own value."""

    source: str
    effect: Effect
    offered: Any
    times: int = 1


@dataclass(frozen=True, slots=True)
class LimitOrigin:
    """One leaf of the effective limits and everything that had a say in it, in order.

    ``path`` leads to the leaf inside the module, such as ``("limit", "post", "number")``.
    """

    module: str
    path: tuple[str, ...]
    value: Any
    contributions: tuple[Contribution, ...]

    @property
    def sentence(self) -> str:
        """For a person: "500 × 2 from Extra visits + 1000 from Basic"."""
        if any(one.effect is Effect.ADDS for one in self.contributions) and all(
            one.effect in (Effect.SETS, Effect.ADDS) for one in self.contributions
        ):
            return " + ".join(_summands(self.contributions))
        return ", ".join(map(_words, self.contributions))


@dataclass(slots=True)
class _Trace:
    limits: EffectiveLimits = field(default_factory=dict)
    history: dict[_Path, list[Contribution]] = field(default_factory=dict)

    def step(self, source: str, row: LimitsRow, release: Release | None) -> None:
        """Merge one row; ``release`` None means that it overrides."""
        before = _leaves(self.limits)
        if release is None:
            override(self.limits, row)
        else:
            add(self.limits, row, release)
        after, offered = _leaves(self.limits), _leaves(row)
        for path in dict.fromkeys((*before, *after)):
            effect = _effect(path, before, after, offered, overrides=release is None)
            if effect is not None:
                self._record(path, Contribution(source, effect, offered.get(path)))

    def _record(self, path: _Path, contribution: Contribution) -> None:
        said = self.history.setdefault(path, [])
        for index, earlier in enumerate(said):
            if replace(earlier, times=1) == contribution and _same_kind(earlier, contribution):
                said[index] = replace(earlier, times=earlier.times + 1)
                return
        said.append(contribution)


def explain(
    *,
    plan: Source | None,
    addons: Sequence[Source] = (),
    membership: LimitsRow | None = None,
    site: LimitsRow | None = None,
    release: Release = Release.V2_4_13,
) -> tuple[LimitOrigin, ...]:
    """For every leaf of ``compose`` of the same rows, where it comes from.

    Sources are listed in the order in which the plugin merges them, which is not that of
    the membership: the first product comes last (``domain/limits.md`` §3, 3).
    """
    trace = _Trace()
    listed = [(source, source.quantity) for source in addons]
    for source in in_fold_order(plan or Source("no plan", {}), listed):
        trace.step(source.name, source.row, release)
    for name, row in ((MEMBERSHIP, membership), (SITE, site)):
        if row:
            trace.step(name, row, None)
    return tuple(
        LimitOrigin(path[0], path[1:], value, tuple(trace.history.get(path, ())))
        for path, value in _leaves(trace.limits).items()
    )


def _leaves(row: object) -> _Leaves:
    return dict(_walk((), as_map(row).items()))


def _walk(path: _Path, entries: Iterable[tuple[str, Any]]) -> Iterator[tuple[_Path, Any]]:
    for key, value in entries:
        inner = as_map(value)
        if inner:
            yield from _walk((*path, key), inner.items())
        else:
            yield (*path, key), {} if is_map(value) else value


def _effect(
    path: _Path, before: _Leaves, after: _Leaves, offered: _Leaves, *, overrides: bool
) -> Effect | None:
    if path not in after:
        return Effect.DROPS
    if path not in offered:
        # Another leaf of the row changed this one, as a forced `enabled` does.
        return None if before.get(path) == after[path] else Effect.REPLACES
    if overrides:
        return Effect.OVERRIDES
    if path not in before:
        return Effect.SETS
    return _added(before[path], after[path], offered[path])


def _added(before: Any, after: Any, offered: Any) -> Effect:
    if before == after:
        return Effect.AGREES if offered == after else Effect.IGNORED
    summed = is_numeric(before) and is_numeric(offered)
    if summed and after == add_numbers(before, offered):
        return Effect.ADDS
    return Effect.REPLACES


def _same_kind(left: Contribution, right: Contribution) -> bool:
    return type(left.offered) is type(right.offered)


def _summands(contributions: Iterable[Contribution]) -> Iterator[str]:
    counts: dict[tuple[str, str], int] = {}
    for one in contributions:
        key = one.source, str(one.offered)
        counts[key] = counts.get(key, 0) + one.times
    for (source, offered), count in counts.items():
        yield f"{offered} × {count} from {source}" if count > 1 else f"{offered} from {source}"


def _words(contribution: Contribution) -> str:
    if contribution.effect is Effect.DROPS:
        return f"{contribution.source} {contribution.effect}"
    times = f" ({contribution.times} times)" if contribution.times > 1 else ""
    return f"{contribution.source} {contribution.effect} {contribution.offered!r}{times}"
