"""Golden cases of limits: the plugin's own compositions, and where ours is not the same.

The format is that of ``golden/README.md``: ``plan``, ``addons`` (``quantity``,
``limitations``), ``membership``, ``site``, ``membership_effective``, ``site_effective``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.domain.limits import EffectiveLimits, Release, compose
from bridge.domain.php_values import as_map, is_map
from bridge.errors import InvalidInput

_ABSENT = object()


class InvalidCase(InvalidInput):
    """This is not a case of limits: {why}."""


def mismatches(case: Mapping[str, Any], release: Release) -> list[str]:
    """Each value in which our composition is not exactly the plugin's, as a line of text.

    Exactly: ``5`` is not ``"5"``. Only an empty map may be ``[]`` or ``{}``.

    Raises:
        InvalidCase: a part is missing or of another kind.
    """
    found: list[str] = []
    for level, ours in _compositions(case, release):
        theirs = as_map(_part(case, f"{level}_effective"))
        found.extend(f"{level}_effective{line}" for line in _unequal(theirs, ours))
    return found


def _compositions(
    case: Mapping[str, Any], release: Release
) -> Iterator[tuple[str, EffectiveLimits]]:
    plan, membership, site = (_part(case, name) for name in ("plan", "membership", "site"))
    addons = _addons(case)
    yield (
        "membership",
        compose(plan=plan, addons=addons, membership=membership, release=release),
    )
    yield (
        "site",
        compose(plan=plan, addons=addons, membership=membership, site=site, release=release),
    )


def _part(case: Mapping[str, Any], name: str) -> dict[str, Any]:
    if not is_map(case.get(name)):
        raise InvalidCase(why=f"{name} is missing or no object")
    return as_map(case[name])


def _addons(case: Mapping[str, Any]) -> list[tuple[dict[str, Any], int]]:
    listed = case.get("addons")
    if not isinstance(listed, list):
        raise InvalidCase(why="addons is missing or no list")
    addons: list[tuple[dict[str, Any], int]] = []
    for addon in listed:
        quantity = addon.get("quantity") if isinstance(addon, Mapping) else None
        if not isinstance(quantity, int):
            raise InvalidCase(why="an add-on has no quantity")
        addons.append((_part(addon, "limitations"), quantity))
    return addons


def _unequal(theirs: object, ours: object, path: str = "") -> Iterator[str]:
    if is_map(theirs) and is_map(ours):
        left, right = as_map(theirs), as_map(ours)
        for key in dict.fromkeys((*left, *right)):
            yield from _unequal(left.get(key, _ABSENT), right.get(key, _ABSENT), f"{path}.{key}")
    elif not _identical(theirs, ours):
        yield f"{path}: the plugin has {_shown(theirs)}, planbridge {_shown(ours)}"


def _identical(theirs: object, ours: object) -> bool:
    numbers = isinstance(theirs, int | float) and isinstance(ours, int | float)
    same_kind = isinstance(theirs, bool) == isinstance(ours, bool)
    return theirs == ours and same_kind and (numbers or type(theirs) is type(ours))


def _shown(value: object) -> str:
    return "nothing" if value is _ABSENT else repr(value)
