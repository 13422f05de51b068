"""What a membership pays each cycle, product by product, so that it adds up to the quote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.domain.periods import Period
from bridge.domain.quotes import ChangeKind, LineType, Quote


@dataclass(frozen=True, slots=True)
class Recurring:
    """Amounts per product and cycle, in minor units; they add up to what is billed."""

    items: Mapping[int, int]
    period: Period
    currency: str

    @property
    def total(self) -> int:
        """What each cycle costs."""
        return sum(self.items.values())


def billed_each_cycle(quote: Quote, current: Recurring | None) -> int:
    """What each cycle costs after the change, add-ons included.

    Parity quotes of an add-on name only the add-on, while the plan goes on being billed
    (domain/plan-changes.md §6).
    """
    only_addon = quote.kind is ChangeKind.ADDON and quote.policy == "parity"
    return quote.recurring_total + (current.total if only_addon and current else 0)


def recurring_after(quote: Quote, current: Recurring | None) -> Recurring | None:
    """What Stripe is to bill each cycle once the change is carried out; None for nothing.

    ``current`` is what the membership's subscription bills now. An add-on joins it, any other
    change takes its place. Where lines do not add up to the total, because a discount ends or
    because of rounding, the plan's item, or the add-on that was bought, takes the difference.
    """
    if quote.target is None:
        return None
    total = billed_each_cycle(quote, current)
    if total == 0:
        return None
    joins = quote.kind is ChangeKind.ADDON and current is not None
    items: dict[int, int] = dict(current.items) if joins and current else {}
    bought = _bought(quote)
    for product, amount in bought.items():
        items[product] = items.get(product, 0) + amount
    first = next(iter(bought), quote.target.plan_id) if joins else quote.target.plan_id
    items[first] = items.get(first, 0) + total - sum(items.values())
    if min(items.values()) < 0:
        items = {quote.target.plan_id: total}
    period = current.period if joins and current else quote.target.period
    return Recurring(
        {product: amount for product, amount in items.items() if amount},
        period,
        quote.currency,
    )


def _bought(quote: Quote) -> dict[int, int]:
    found: dict[int, int] = {}
    for line in quote.lines:
        if line.recurring and line.type is LineType.PRODUCT and line.product_id is not None:
            found[line.product_id] = found.get(line.product_id, 0) + line.total
    return found
