"""The limits row of one product, from what a site shows and the rows of its other products.

The composition of products read backwards (``domain/limits.md`` §3.1): what no other product
has is the product's own, numbers are what is left of a sum. Much cannot be told, since an
unlimited add-on hides the plan's number and so on; that is listed, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.domain.limit_diff import differences
from bridge.domain.limit_merge import EffectiveLimits, LimitsRow, owned
from bridge.domain.php_values import as_map, is_map, is_numeric, to_int, to_number

Composed = Callable[[LimitsRow], EffectiveLimits]
"""What a site shows when the product has a row, its other products as they are."""


@dataclass(frozen=True, slots=True)
class Solved:
    """A product's row; the modules in ``unclear`` could not be told and are not in it."""

    row: dict[str, Any]
    unclear: tuple[str, ...]


def solve(
    shown: Mapping[str, Any],
    *,
    composed: Composed,
    others: Sequence[LimitsRow],
    quantity: int = 1,
    known: LimitsRow | None = None,
) -> Solved:
    """The row with which the products come to what is shown.

    Args:
        shown: The ``limitations`` of a site without overrides.
        composed: See `Composed`.
        others: The rows of the other products, as often as the membership has them.
        quantity: How often it has this one.
        known: The row that the product had, None when nobody knows. What is shown as with
            it is taken to be as it was.
    """
    bare, before = composed({}), composed(known or {})
    row: dict[str, Any] = {}
    unclear: list[str] = []
    for module in dict.fromkeys((*(known or {}), *shown)):
        beside = [other[module] for other in others if module in other]
        if known is not None and _same(module, before, shown):
            if module in known:
                row[module] = owned(known[module])
            continue
        if not beside and quantity == 1:
            if module in shown:
                row[module] = owned(shown[module])
            continue
        if _same(module, bare, shown):
            unclear.append(module)  # it may have none, or one that the others hide
            continue
        old = (known or {}).get(module)
        found = _parted(shown.get(module), before.get(module), old, beside, quantity)
        if _same(module, composed({module: found}), shown):
            row[module] = found
        else:
            unclear.append(module)
    return Solved(row, tuple(unclear))


def hidden_modules(row: LimitsRow, *, composed: Composed, others: Sequence[LimitsRow]) -> set[str]:
    """The modules of a product's row that make no difference to what a site shows."""
    shown = composed(row)
    hidden = set()
    for module, entry in row.items():
        raised = _raised(entry)
        if raised == entry:
            if any(module in other for other in others):
                hidden.add(module)
        elif _same(module, composed({**row, module: raised}), shown):
            hidden.add(module)
    return hidden


def _same(module: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    one, other = ({module: each[module]} if module in each else {} for each in (left, right))
    return not differences(one, other)


def _parted(shown: Any, before: Any, old: Any, others: Sequence[Any], quantity: int) -> Any:
    """What is shown without the others' part; as it was where that is shown as before."""
    if old is not None and not is_map(shown) and shown == before:
        return owned(old)
    if is_map(shown):
        was, had = as_map(before), as_map(old)
        return {
            key: _parted(
                value,
                was.get(key),
                had.get(key),
                [inner[key] for other in others if key in (inner := as_map(other))],
                quantity,
            )
            for key, value in as_map(shown).items()
        }
    if not is_numeric(shown):
        return shown
    theirs = sum(to_int(other) for other in others if is_numeric(other))
    left, rest = divmod(to_number(shown) - theirs, quantity)
    # A sum that nothing of it is left of has another reason: 0 would be unlimited.
    return shown if rest or left <= 0 or not (theirs or quantity > 1) else int(left)


def _raised(entry: Any) -> Any:
    if is_map(entry):
        return {key: _raised(value) for key, value in as_map(entry).items()}
    return to_int(entry) + 1 if is_numeric(entry) and to_int(entry) > 0 else entry
