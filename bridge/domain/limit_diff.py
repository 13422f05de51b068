"""Where two sets of effective limits differ in what they come to.

Used for proof: our composition against what the network shows for a site. Representation
does not count (``[]`` or ``{}``, ``"5"`` or 5, an ``id`` key, a module left out or given in
its default state); meaning does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.domain.limit_modules import Path, lessens, meaning, module_of, unlisted
from bridge.domain.limit_words import counted, leaf_words
from bridge.domain.php_values import as_map


@dataclass(frozen=True, slots=True)
class LimitDifference:
    """One leaf that differs. ``expected`` and ``shown`` are the raw values, None when absent.

    ``path`` leads to them inside the module, such as ``("limit", "post")``. ``sentence`` is
    for a person: "visits: expected 100 000 / month, the site shows 21 000 / month".
    """

    module: str
    path: Path
    expected: Any
    shown: Any
    sentence: str


@dataclass(frozen=True, slots=True)
class LeafPair:
    """What one leaf comes to on two sides; see ``limit_modules.meaning``."""

    module: str
    path: Path
    left: object
    right: object


def differences(
    expected: Mapping[str, Any], shown: Mapping[str, Any]
) -> tuple[LimitDifference, ...]:
    """Every leaf in which what the network shows comes to something else than expected.

    Args:
        expected: Our own composition.
        shown: The ``limitations`` of ``GET site/{id}``.

    Empty means proven equal.
    """
    left, right = as_map(expected), as_map(shown)
    return tuple(
        LimitDifference(
            module=pair.module,
            path=pair.path,
            expected=_raw(left.get(pair.module), pair.path),
            shown=_raw(right.get(pair.module), pair.path),
            sentence=_sentence(pair),
        )
        for pair in unequal(left, right)
    )


def unequal(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[LeafPair]:
    """The leaves whose meanings differ, modules in the order of the first, then the second."""
    found: list[LeafPair] = []
    for module in dict.fromkeys((*left, *right)):
        ours, theirs = meaning(module, left.get(module)), meaning(module, right.get(module))
        for path in dict.fromkeys((*ours, *theirs)):
            if path not in ours:
                pair = LeafPair(module, path, unlisted(module, path, theirs[path]), theirs[path])
            elif path not in theirs:
                pair = LeafPair(module, path, ours[path], unlisted(module, path, ours[path]))
            else:
                pair = LeafPair(module, path, ours[path], theirs[path])
            if not _same(pair.left, pair.right):
                found.append(pair)
    return found


def may_lessen(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether anything is less than before, so that its use has to be looked at."""
    return any(
        lessens(pair.module, pair.path, pair.left, pair.right) for pair in unequal(before, after)
    )


def subject(module: str, path: Path) -> str:
    """What a leaf is about, for the start of a sentence: ``visits``, ``posts``, ``hello.php``."""
    label = module_of(module).label
    if len(path) == 1:
        return label if path[0] == "limit" else f"{label}, {path[0]}"
    if module in ("post_types", "users"):
        return counted(module, 2, path[1])
    return f"{label}, {', '.join(path[1:])}"


def _same(left: object, right: object) -> bool:
    # True == 1 in Python, but not as limits.
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _sentence(pair: LeafPair) -> str:
    expected = leaf_words(pair.module, pair.path, pair.left)
    shown = leaf_words(pair.module, pair.path, pair.right)
    return f"{subject(pair.module, pair.path)}: expected {expected}, the site shows {shown}"


def _raw(value: object, path: Path) -> Any:
    for key in path:
        value = as_map(value).get(key)
    return value
