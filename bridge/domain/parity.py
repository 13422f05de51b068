"""The plugin's own decisions about a change (domain/plan-changes.md §4, §6).

Proven by results that the plugin's development head computed. Where the text and those
results differ, the results are followed and the place says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.domain.billing_dates import waits
from bridge.domain.comparison import agreement_refusal, daily_prices, is_downgrade
from bridge.domain.discounts import UNKNOWN, DiscountCode
from bridge.domain.memberships import Customer, MembershipStatus
from bridge.domain.order import Order
from bridge.domain.overlimits import overlimit_errors
from bridge.domain.preflight import SiteUsage
from bridge.domain.prices import Priced
from bridge.domain.proration import parity_credit
from bridge.domain.quotes import ChangeKind, QuoteError

NO_CHANGES = "This cart proposes no changes to the current membership."


def decide(
    order: Order,
    *,
    customer: Customer,
    discount: DiscountCode | None,
    usage: Sequence[SiteUsage] = (),
) -> ChangeKind:
    """Fill the order and say what it proposes; refusals are left in ``order.errors``.

    ``usage`` is what the membership's sites use, for the refusal of too small a plan.
    """
    membership, request = order.membership, order.request
    take_code(order, discount)
    if customer.id != membership.customer_id:
        order.refuse("lacks_permission", "You are not allowed to modify this membership.")
        return ChangeKind.UPGRADE
    for product_id in request.products:
        order.add(product_id)
    return _proposed(order, usage)


def _proposed(order: Order, usage: Sequence[SiteUsage]) -> ChangeKind:
    """What the products in the order amount to for this membership (§4, 1-4)."""
    membership = order.membership
    if not order.request.products:
        order.refuse("no_changes", NO_CHANGES)
        return ChangeKind.UPGRADE
    if membership.status is MembershipStatus.PENDING:
        # Never paid: the plugin starts over as if there were no membership (§1).
        order.note("kind.new")
        return ChangeKind.UPGRADE
    if order.plan is None:
        return _addon(order)
    if order.plan.id == membership.plan_id and order.period == membership.period:
        if len(order.products) > 1:
            return _addon(order)
        order.refuse("no_changes", NO_CHANGES)
        return ChangeKind.UPGRADE
    return _plan_change(order, overlimit_errors(order.plan.limits or {}, usage))


def take_code(order: Order, discount: DiscountCode | None) -> None:
    """Use the requested code, or say why it cannot be used (§8)."""
    code = order.request.discount_code
    if not code:
        return
    refusal = UNKNOWN.format(code=code.upper())
    if discount is not None:
        refusal = discount.refusal(order.now) or ""
    if refusal:
        order.errors.append(QuoteError("discount_code", refusal, {"code": code}))
    else:
        order.discount = discount


def current_plan(order: Order) -> Priced | None:
    """The member's plan at the member's period, or at its own when it has none there."""
    product = order.catalogue.get(order.membership.plan_id)
    if product is None:
        return None
    plan = order.priced(product)
    plan.switch(order.membership.period)
    return plan


def _addon(order: Order) -> ChangeKind:
    """Only the new products are charged; plan lines leave the order (§6)."""
    membership = order.membership
    if order.plan is not None:
        plan_id = order.plan.id
        order.lines = [line for line in order.lines if line.product_id != plan_id]
        order.products = [priced for priced in order.products if priced.product.id != plan_id]
        order.plan = None
    if not order.products:
        order.refuse("no_changes", NO_CHANGES)
        return ChangeKind.UPGRADE
    plan = current_plan(order)
    if plan is not None and not membership.is_free:
        order.period = plan.period
    order.note("kind.addon")
    code = membership.discount
    if code is not None and code.apply_to_renewals:
        order.discount_again(code)
    return ChangeKind.ADDON


def _plan_change(order: Order, too_much: list[QuoteError]) -> ChangeKind:
    """Upgrade or downgrade, with its credit (§4, 5-12)."""
    if too_much:
        order.errors.extend(too_much)
        return ChangeKind.UPGRADE
    total, recurring = order.total(), order.recurring_total()
    old = current_plan(order)
    if recurring == 0 and total > 0:
        order.note("kind.lifetime")
        _add_proration(order, old)
        return ChangeKind.UPGRADE
    before, after = daily_prices(order, old, recurring)
    refusal = agreement_refusal(order, before, after)
    if refusal is not None:
        order.refuse("no_changes", refusal, period=order.membership.period.key)
        return ChangeKind.UPGRADE
    if is_downgrade(order, before, after, recurring):
        order.note("kind.downgrade")
        if waits(order, ChangeKind.DOWNGRADE):
            order.add_credit("Scheduled Swap Credit", total)
        return ChangeKind.DOWNGRADE
    order.note("kind.upgrade")
    _add_proration(order, old)
    return ChangeKind.UPGRADE


def _add_proration(order: Order, old: Priced | None) -> None:
    credit = parity_credit(order, old=old, upgrade=True)
    if credit:
        order.add_credit("Credit", credit)
