"""What a member is offered, and the refusal of what is not (domain/plan-changes.md §2).

The plugin only shows offers and accepts any product that is posted; planbridge enforces
them when a change is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain.catalogue import Catalogue, PricingType, Product, ProductType
from bridge.domain.memberships import Membership
from bridge.domain.periods import Period
from bridge.domain.quotes import QuoteError, QuoteRequest

UNGROUPED_PLANS = 3  # plans shown to members whose plan has no group


@dataclass(frozen=True, slots=True)
class Offers:
    """What the change form of a membership has, in its order.

    ``plans`` are the plans on offer, the current one included while it is active; those
    sold by contact only are shown but not chosen. ``listed`` adds the inactive ones that
    the plugin lists and hides when it draws. ``periods`` are sorted by length and empty
    without a ``period_selector``. ``addons`` are in the plan's order.
    """

    plans: tuple[Product, ...]
    listed: tuple[Product, ...]
    period_selector: bool
    periods: tuple[Period, ...]
    addons: tuple[Product, ...]

    @property
    def selectable(self) -> frozenset[int]:
        """Ids of what a member may choose: plans that are sold here, active add-ons."""
        return frozenset(
            product.id for product in (*self.plans, *self.addons) if _selectable(product)
        )


def offers(membership: Membership, catalogue: Catalogue) -> Offers:
    """What a member may change to, and what may be added to the current plan."""
    current = catalogue.get(membership.plan_id)
    listed = _listed_plans(current, catalogue)
    selector = any(plan.variations for plan in listed)
    return Offers(
        plans=tuple(plan for plan in listed if plan.active),
        listed=tuple(listed),
        period_selector=selector,
        periods=_periods(listed) if selector else (),
        addons=_addons(current, catalogue),
    )


def not_offered(
    request: QuoteRequest, membership: Membership, catalogue: Catalogue
) -> QuoteError | None:
    """The refusal of the first requested product that the member is not offered.

    The member's own plan and add-ons may always be named; unknown products are left to
    the order, which reports them.
    """
    current = catalogue.get(membership.plan_id)
    for product_id in request.products:
        product = catalogue.get(product_id)
        if product is None or product_id == membership.plan_id or product_id in membership.addons:
            continue
        if not _offered(product, current, catalogue):
            message = f"{product.name} is not offered to this membership."
            return QuoteError("not-offered", message, {"name": product.name})
    return None


def _offered(product: Product, current: Product | None, catalogue: Catalogue) -> bool:
    """Whether one product is on the form, without listing the whole of it."""
    if not _selectable(product):
        return False
    if product.type is not ProductType.PLAN:
        return current is not None and product.id in current.available_addons
    if current is not None and current.group:
        return product.group == current.group
    return product in _listed_plans(current, catalogue)


def _selectable(product: Product) -> bool:
    return product.active and product.pricing_type is not PricingType.CONTACT_US


def _listed_plans(current: Product | None, catalogue: Catalogue) -> list[Product]:
    """The plans of the member's group, or the first three of the network. No demos."""
    group = current.group if current is not None else ""
    plans = [
        product
        for product in catalogue.products.values()
        if product.type is ProductType.PLAN and (not group or product.group == group)
    ]
    plans.sort(key=lambda plan: (plan.list_order, plan.id))
    return plans if group else plans[:UNGROUPED_PLANS]


def _periods(plans: list[Product]) -> tuple[Period, ...]:
    """All periods by length; of periods of the same whole days the last listed is shown."""
    by_days = {}
    for plan in plans:
        for period in (plan.period, *(variation.period for variation in plan.variations)):
            by_days[int(period.days)] = period
    return tuple(by_days[days] for days in sorted(by_days))


def _addons(current: Product | None, catalogue: Catalogue) -> tuple[Product, ...]:
    if current is None:
        return ()
    found = (catalogue.get(addon) for addon in current.available_addons)
    return tuple(addon for addon in found if addon is not None)
