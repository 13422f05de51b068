"""Limits beside limits, in words: what a plan gives more or less of, what changed on a site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.domain.limit_diff import LeafPair, unequal
from bridge.domain.limit_modules import Kind, Special, allowance, items, lessens, module_of
from bridge.web.pages.languages import Language
from bridge.web.pages.wording import allowed_words, item_label, rule_words

Limits = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit. ``before`` is "" where there is nothing to compare; ``better`` None where
    neither is more than the other."""

    label: str
    after: str
    before: str = ""
    better: bool | None = None


def limit_rows(language: Language, limits: Limits) -> tuple[LimitRow, ...]:
    """Everything that is counted, as it is."""
    return tuple(
        LimitRow(
            item_label(language, module, item),
            allowed_words(language, module, allowance(module, entry, item)),
        )
        for module, entry in limits.items()
        for item in _counted_items(module, entry)
    )


def changed_rows(language: Language, before: Limits, after: Limits) -> tuple[LimitRow, ...]:
    """Every limit that comes to something else, the counted ones first."""
    pairs = [pair for pair in unequal(before, after) if _is_told(pair)]
    pairs.sort(key=lambda pair: module_of(pair.module).kind not in _COUNTED)
    return tuple(_row(language, pair) for pair in pairs)


_COUNTED = (Kind.COUNT, Kind.SUBTYPES)


def _counted_items(module: str, entry: object) -> Iterable[str]:
    kind = module_of(module).kind
    if kind is Kind.COUNT:
        return ("",)
    return items(entry) if kind is Kind.SUBTYPES else ()


def _is_told(pair: LeafPair) -> bool:
    """Leaves that mean something to a customer by themselves."""
    kind = module_of(pair.module).kind
    if kind in _COUNTED:
        return pair.path[0] == "limit"
    if kind is Kind.PERMISSIONS:
        return pair.path[-1] == "behavior"
    return kind is not Kind.TEMPLATES or pair.path[0] == "limit"


def _row(language: Language, pair: LeafPair) -> LimitRow:
    words = _speaker(language, pair)
    better = None
    if _less(pair.left, pair.right, pair):
        better = False
    elif _less(pair.right, pair.left, pair):
        better = True
    return LimitRow(_label(language, pair), words(pair.right), words(pair.left), better)


def _less(before: object, after: object, pair: LeafPair) -> bool:
    return lessens(pair.module, pair.path, before, after)


def _speaker(language: Language, pair: LeafPair) -> Callable[[object], str]:
    if module_of(pair.module).kind in _COUNTED:
        return lambda leaf: _allowed(language, pair.module, leaf)
    return lambda leaf: rule_words(language, pair.module, leaf)


def _allowed(language: Language, module: str, leaf: object) -> str:
    if isinstance(leaf, Special | int | float):
        return allowed_words(language, module, leaf)
    return str(leaf)


def _label(language: Language, pair: LeafPair) -> str:
    kind = module_of(pair.module).kind
    if kind is Kind.SUBTYPES:
        return item_label(language, pair.module, pair.path[-1])
    label = item_label(language, pair.module)
    details = [part for part in pair.path if part not in _SILENT]
    if not details:
        return label
    return language.gettext("%(what)s: %(detail)s", what=label, detail=" ".join(details))


_SILENT = frozenset({"limit", "behavior", "visibility"})
