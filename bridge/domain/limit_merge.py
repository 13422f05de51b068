"""One step of the plugin's composition: a limits row merged into what is accumulated so far.

Two ways (``domain/limits.md`` §3.1, §3.2): ``add`` for products, where numbers are summed
and the better permission wins, and ``override`` for membership and site rows, where every
value of the row replaces the inherited one. The rules follow the plugin's own treatment of
PHP values, oddities included, and know no module by name beyond the two tables below, so
modules of add-on plugins pass through untouched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from bridge.domain.php_values import add_numbers, as_map, is_map, is_numeric, to_int, truthy

T = TypeVar("T")

LimitsRow: TypeAlias = Mapping[str, Any]
"""A stored limits row: module id to ``{"enabled", "limit", …}``. Unknown keys are kept."""

EffectiveLimits: TypeAlias = dict[str, Any]
"""Composed limits, the same shape as a row; plain JSON data that the caller owns."""

BEHAVIOR_PRIORITIES: Mapping[str, Mapping[str, int]] = {
    "plugins": {
        "default": 10,
        "force_inactive_locked": 20,
        "force_inactive": 30,
        "force_active_locked": 40,
        "force_active": 50,
    },
    "themes": {"not_available": 10, "available": 20, "force_active": 30},
    "site": {"not_available": 10, "available": 20, "pre_selected": 30},
}
"""Which ``behavior`` wins, by the value of the module's ``id`` key (§3.1).

Rows saved since 2.4.4 carry no ``id``, so nothing wins there. The table of site templates
applies only to rows whose ``id`` is ``site``, not ``site_templates``.
"""

_FORCED_ENABLED = frozenset({"plugins", "themes"})


class Release(StrEnum):
    """The composition rules of a plugin release, named by the release that brought them.

    The only known difference: up to 2.4.12 a visible plugin or theme wins over a hidden one,
    since 2.4.13 hidden wins (``domain/live-findings.md`` §2.1).
    """

    V2_4_12 = "2.4.12"
    V2_4_13 = "2.4.13"

    @property
    def visibility_priorities(self) -> Mapping[str, int]:
        """Which ``visibility`` wins over the other in this release."""
        return _HIDDEN_WINS if self is Release.V2_4_13 else _VISIBLE_WINS


_VISIBLE_WINS: Mapping[str, int] = {"hidden": 0, "visible": 1}
_HIDDEN_WINS: Mapping[str, int] = {"hidden": 1, "visible": 0}


def add(into: EffectiveLimits, row: LimitsRow, release: Release) -> None:
    """Add a product's row to the accumulated limits, in place (``domain/limits.md`` §3.1).

    ``into`` must be owned by the caller; ``row`` is left as it is and shares nothing with it.
    """
    _merge(into, _entries(row), "", release.visibility_priorities)


def override(into: EffectiveLimits, row: LimitsRow) -> None:
    """Let a membership's or site's row replace what it names, in place (§3.2).

    ``into`` must be owned by the caller; ``row`` is left as it is and shares nothing with it.
    """
    _merge(into, _entries(row), "", None)


def in_fold_order(plan: T, addons: Sequence[tuple[T, int]]) -> Iterator[T]:
    """What the plugin merges first to last: add-ons × quantity, plan, then the first again.

    The plugin passes its list so that the first element is merged last: A1, A2, P becomes
    A2, P, A1 (§3, 3).
    """
    listed = [addon for addon, quantity in addons for _ in range(quantity)]
    listed.append(plan)
    yield from listed[1:]
    yield listed[0]


def owned(value: Any) -> Any:
    """A deep copy of plain JSON data."""
    if not is_map(value):
        return value
    if isinstance(value, list | tuple):
        return [owned(item) for item in value]
    return {key: owned(item) for key, item in value.items()}


def _merge(
    into: dict[str, Any], row: Mapping[str, Any], module: str, visibility: Mapping[str, int] | None
) -> None:
    """Merge one level. ``visibility`` None means override; ``module`` is the nearest ``id``."""
    adds = visibility is not None
    into_off, row_off = _is_off(into), _is_off(row)
    if (into_off or row_off) and module in _FORCED_ENABLED:
        into["enabled"] = True
        row = {**row, "enabled": True}
    else:
        if into_off:
            into.clear()
            into["enabled"] = False
        if row_off and adds:
            return
    for key, value in row.items():
        present = into.get(key)
        if present is not None and is_map(value) and is_map(present):
            inner = present if isinstance(present, dict) else as_map(present)
            addition = _entries(value)
            into[key] = inner
            _merge(inner, addition, _module_id(inner, addition, module), visibility)
        elif visibility is None:
            into[key] = owned(value)
        elif value is not None:
            into[key] = _sum(present, value, key, module, visibility)


def _entries(value: Any) -> Mapping[str, Any]:
    # The wire shows an empty map as []. What is no array at all, the plugin skips.
    return value if isinstance(value, dict | Mapping) else as_map(value)


def _is_off(level: Mapping[str, Any]) -> bool:
    enabled = level.get("enabled")
    return enabled is not None and enabled is not True and not truthy(enabled)


def _module_id(into: Mapping[str, Any], row: Mapping[str, Any], inherited: str) -> str:
    for level in (row, into):
        found = level.get("id")
        if found is not None:
            return str(found)
    return inherited


def _sum(present: Any, value: Any, key: str, module: str, visibility: Mapping[str, int]) -> Any:
    """The value of a key that both, or only the added row, may have."""
    if present is None:
        return owned(value)
    if present == "" or (present == 0 and type(present) is int):
        return present
    if is_numeric(present) and is_numeric(value) and to_int(value) != 0:
        return add_numbers(present, value)
    if key == "visibility":
        return _stronger(present, value, visibility)
    if key == "behavior":
        return _stronger(present, value, BEHAVIOR_PRIORITIES.get(module, {}))
    return True if present is True else owned(value)


def _stronger(present: Any, value: Any, priorities: Mapping[str, int]) -> Any:
    ours, theirs = _priority(present, priorities), _priority(value, priorities)
    if ours is None or theirs is None:
        # PHP compares with null as booleans.
        return value if bool(theirs) > bool(ours) else present
    return value if theirs > ours else present


def _priority(value: Any, priorities: Mapping[str, int]) -> int | None:
    return priorities.get(value) if isinstance(value, str) else None
