"""What is wrong, risky or without effect in the limits of a network's products.

Every finding is about what the plugin really does (``domain/limits.md`` §2.1, §3.1), and
the ones about add-ons are found by composing each plan with each add-on it offers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bridge.domain.catalogue import Product
from bridge.domain.limit_diff import subject, unequal
from bridge.domain.limit_modules import (
    Kind,
    Path,
    is_enabled,
    items,
    lessens,
    meaning,
    module_of,
)
from bridge.domain.limit_words import leaf_words
from bridge.domain.limits import EffectiveLimits, LimitsRow, Release, compose
from bridge.domain.php_values import as_map, is_numeric, to_number, truthy


class Severity(StrEnum):
    """How bad a finding is: ``error`` takes something from customers who paid."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a product's limits. ``code`` is stable; ``message`` and ``advice`` are words.

    ``plan_id`` is the plan with which an add-on shows it, None when it is the product's own.
    """

    code: str
    severity: Severity
    product_id: int
    module: str
    message: str
    advice: str
    plan_id: int | None = None


def lint(products: Iterable[Product], *, release: Release = Release.V2_4_13) -> tuple[Finding, ...]:
    """Every finding about the products, each product's own first, then plans with add-ons.

    An add-on is tried with each plan that offers it; a plan that lists no add-ons may be
    given any, so it is tried with all of them.
    """
    listed = list(products)
    found: list[Finding] = []
    for product in listed:
        found.extend(_own(product))
    for plan in listed:
        if plan.is_plan and plan.limits is not None:
            for addon in listed:
                if _offers(plan, addon):
                    found.extend(_together(plan, plan.limits, addon, release))
    found.extend(_hopeless(listed, release))
    return tuple(found)


def _offers(plan: Product, addon: Product) -> bool:
    if addon.is_plan or addon.limits is None:
        return False
    return not plan.available_addons or addon.id in plan.available_addons


def _own(product: Product) -> Iterator[Finding]:
    if product.limits is None:
        yield Finding(
            "limits-unknown",
            Severity.INFO,
            product.id,
            "",
            f"The limits of {product.name} are not known.",
            "Import or learn them; until then no change to it can be proven.",
        )
        return
    for module, entry in as_map(product.limits).items():
        for code, severity, message, advice in _entry_findings(module, entry):
            said = f"{product.name}, {module_of(module).label}: {message}"
            yield Finding(code, severity, product.id, module, said, advice)


def _entry_findings(module: str, entry: object) -> Iterator[tuple[str, Severity, str, str]]:
    limit = as_map(entry).get("limit")
    enabled = is_enabled(module, entry)
    for name, value in _numbers(module, entry):
        if value == "0" and module in ("post_types", "users", "visits"):
            yield (
                "zero-string",
                Severity.WARNING,
                f'{name}the text "0" is unlimited only until an add-on adds to it.',
                'Write the number 0 or "".',
            )
        if isinstance(value, str) and value != "" and not is_numeric(value):
            yield (
                "not-a-number",
                Severity.WARNING,
                f"{name}{value!r} is no number and limits nothing.",
                "Write a number.",
            )
    if module == "disk_space" and enabled and is_numeric(limit) and to_number(limit) == 0:
        yield (
            "disk-zero",
            Severity.ERROR,
            "0 MB blocks all uploads; it is not unlimited.",
            "Switch the module off for no quota.",
        )
    if module == "sites" and enabled and not truthy(limit):
        yield (
            "one-site",
            Severity.WARNING,
            "an empty limit allows one site, although the pricing table says unlimited.",
            "Switch the module off for no cap, or write 1.",
        )
    if module == "visits" and not enabled and meaning(module, entry).get(("enabled",)) is False:
        yield (
            "blocks-while-off",
            Severity.ERROR,
            f"switched off, but its {limit} visits a month still block the site.",
            'Write "" as its limit.',
        )


def _numbers(module: str, entry: object) -> Iterator[tuple[str, Any]]:
    kind = module_of(module).kind
    if kind is Kind.COUNT:
        yield "", as_map(entry).get("limit")
    elif kind is Kind.SUBTYPES:
        for item, subtype in items(entry).items():
            yield f"{item}: ", as_map(subtype).get("number")


def _together(
    plan: Product, plan_limits: LimitsRow, addon: Product, release: Release
) -> Iterator[Finding]:
    """What buying one of the add-on does to the plan."""
    row = addon.limits or {}
    before = compose(plan=plan_limits, release=release)
    after = compose(plan=plan_limits, addons=[(row, 1)], release=release)
    changed = unequal(before, after)
    for pair in changed:
        was = leaf_words(pair.module, pair.path, pair.left)
        now = leaf_words(pair.module, pair.path, pair.right)
        about = subject(pair.module, pair.path)
        if lessens(pair.module, pair.path, pair.left, pair.right):
            yield Finding(
                "shrinks",
                Severity.ERROR,
                addon.id,
                pair.module,
                f"{addon.name} shrinks {plan.name}: {about} from {was} to {now}.",
                "Leave the module out of the add-on, or give the plan the number it stands for.",
                plan.id,
            )
        elif pair.path[0] == "mode" or module_of(pair.module).kind is Kind.ROLE:
            yield Finding(
                "replaces",
                Severity.WARNING,
                addon.id,
                pair.module,
                f"{addon.name} replaces {plan.name}'s {about}: {was} becomes {now}.",
                "Leave it out of the add-on; the last product merged wins.",
                plan.id,
            )
    yield from _without_effect(plan, before, addon, after)


def _without_effect(
    plan: Product, before: EffectiveLimits, addon: Product, after: EffectiveLimits
) -> Iterator[Finding]:
    """Numbers that the add-on offers and the plan does not get."""
    for module, entry in as_map(addon.limits).items():
        if module_of(module).kind not in (Kind.COUNT, Kind.SUBTYPES):
            continue
        was, now = meaning(module, before.get(module)), meaning(module, after.get(module))
        for path, offered in meaning(module, entry).items():
            if not isinstance(offered, int | float) or path[0] != "limit" or offered == 0:
                continue
            if path in was and was[path] == now.get(path):
                yield Finding(
                    "no-effect",
                    Severity.INFO,
                    addon.id,
                    module,
                    f"{addon.name} adds nothing to {plan.name}: {subject(module, path)} "
                    f"stay at {leaf_words(module, path, was[path])}.",
                    "Do not offer it with this plan.",
                    plan.id,
                )


@dataclass(frozen=True, slots=True)
class _Wish:
    """A behavior that an add-on's row names for a plugin, theme or template."""

    addon: Product
    module: str
    path: Path
    behavior: str

    def is_granted(self, plan: LimitsRow, quantity: int, release: Release) -> bool:
        row = self.addon.limits or {}
        composed = compose(plan=plan, addons=[(row, quantity)], release=release)
        return _behavior(composed, self.module, self.path) == self.behavior


def _hopeless(products: Sequence[Product], release: Release) -> Iterator[Finding]:
    """Behaviors of add-ons that no plan which offers them ever takes over."""
    for addon in products:
        plans = [plan for plan in products if plan.is_plan and _offers(plan, addon)]
        for wish in _wishes(addon):
            rivals = [
                plan.limits or {}
                for plan in plans
                if _behavior(plan.limits, wish.module, wish.path) not in (None, wish.behavior)
            ]
            if rivals and not any(wish.is_granted(row, 1, release) for row in rivals):
                never = not any(wish.is_granted(row, 2, release) for row in rivals)
                yield _hopeless_finding(wish, never=never)


def _hopeless_finding(wish: _Wish, *, never: bool) -> Finding:
    about = f"{wish.addon.name}, {subject(wish.module, wish.path)}: {wish.behavior}"
    keyed = "id" in as_map(as_map(wish.addon.limits).get(wish.module))
    return Finding(
        "behavior-never-wins" if never else "behavior-by-order",
        Severity.WARNING,
        wish.addon.id,
        wish.module,
        f"{about} can never win over the plans' own."
        if never
        else f"{about} wins only when bought twice or beside another add-on.",
        "A stronger behavior wins; choose one."
        if keyed
        else "Rows without an `id` key have no priorities: the first one merged wins.",
    )


def _wishes(addon: Product) -> Iterator[_Wish]:
    for module, entry in as_map(addon.limits).items():
        if module_of(module).kind in (Kind.PERMISSIONS, Kind.TEMPLATES):
            for item in items(entry):
                behavior = _behavior(addon.limits, module, ("limit", item))
                if behavior is not None:
                    yield _Wish(addon, module, ("limit", item), behavior)


def _behavior(row: Mapping[str, Any] | None, module: str, path: Path) -> str | None:
    """The behavior that a row itself names, None where it does not."""
    found = as_map(items(as_map(row).get(module)).get(path[1])).get("behavior")
    return None if found is None else str(found)
