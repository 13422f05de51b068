"""The fair policy: the same prices as the plugin's, without what its users complain about.

Its choices have names (`FairTerms`) and reasons (domain/gaps.md 1, 4, 42-46;
domain/plan-changes.md §12): every period change is quoted, credit beyond the price is
kept, add-ons and discounts are carried over and prorated, the clock is UTC, the calendar
is the calendar's.
"""

from __future__ import annotations

from bridge.domain.catalogue import Product
from bridge.domain.discounts import DiscountCode
from bridge.domain.fair_value import (
    Decision,
    drop_elapsed,
    meet_price,
    paid_setup_fee,
    unused_value,
)
from bridge.domain.memberships import Customer, MembershipStatus
from bridge.domain.order import Order
from bridge.domain.parity import NO_CHANGES, current_plan, take_code
from bridge.domain.quotes import ChangeKind, LineType, QuoteError
from bridge.domain.terms import Anchor, Credit, PathRule, Timing
from bridge.domain.terms_left import cycles_left

ADD_AND_REMOVE = "What is added begins at once, what is removed ends with the term: do one first."
_OVER = (MembershipStatus.EXPIRED, MembershipStatus.CANCELLED, MembershipStatus.PENDING)


def decide(order: Order, *, customer: Customer, discount: DiscountCode | None) -> Decision:
    """Fill the order and say what it proposes; refusals are left in ``order.errors``."""
    membership, request = order.membership, order.request
    take_code(order, discount)
    if customer.id != membership.customer_id:
        order.refuse("lacks_permission", "You are not allowed to modify this membership.")
        return Decision(ChangeKind.UPGRADE)
    plans, extras, missing = _chosen(order)
    if missing or len(plans) > 1:
        # The order's own checks say it in the plugin's words.
        for product_id in request.products:
            order.add(product_id)
        return Decision(ChangeKind.UPGRADE)
    plan = plans[0] if plans else None
    _carry_discount(order)
    if plan is not None and not _same_plan(order, plan):
        return _plan_change(order, plan, extras, customer)
    dropped = [one for one in request.dropped if one in membership.addons]
    if dropped and not extras:
        return _removal(order, plan)
    if extras and not dropped:
        return _addon(order, extras)
    if dropped:
        order.refuse("add-and-remove", ADD_AND_REMOVE)
    else:
        order.refuse("no_changes", NO_CHANGES)
    return Decision(ChangeKind.UPGRADE)


def _chosen(order: Order) -> tuple[list[Product], list[Product], bool]:
    """Plans and other products asked for, each once, in an order of their own."""
    found = {one: order.catalogue.get(one) for one in order.request.products}
    known = sorted((one for one in found.values() if one is not None), key=lambda one: one.id)
    plans = [one for one in known if one.is_plan]
    extras = [one for one in known if not one.is_plan]
    return plans, extras, len(known) < len(found)


def _same_plan(order: Order, plan: Product) -> bool:
    membership, period = order.membership, order.request.period
    if plan.id != membership.plan_id:
        return False
    return period is None or not membership.bills_again or period.same_length(membership.period)


def _carry_discount(order: Order) -> None:
    """A member's lasting discount goes on, whatever has become of the code since."""
    code = order.membership.discount
    wanted = order.terms.fair.carry_discount and order.discount is None
    if wanted and code is not None and code.apply_to_renewals:
        order.discount = code
        order.note("discount.carried", code=code.code)


# -- change of plan ---------------------------------------------------------------------


def _plan_change(
    order: Order, plan: Product, extras: list[Product], customer: Customer
) -> Decision:
    membership = order.membership
    order.period = order.request.period or plan.period
    if not order.add(plan.id):
        return Decision(ChangeKind.UPGRADE)
    downgrade = _is_downgrade(order)
    kind = ChangeKind.DOWNGRADE if downgrade else ChangeKind.UPGRADE
    path = order.terms.fair.path(membership.plan_id, plan.id, downgrade=downgrade)
    order.note(f"kind.{kind.value}")
    if path.timing is Timing.ILLEGAL:
        name = plan.name
        message = f"Changing to {name} is not possible from your plan."
        order.refuse("path-not-allowed", message, name=name)
        return Decision(kind)
    waits = path.timing is Timing.END_OF_TERM and _has_term(order)
    decision = Decision(kind, waits=waits, addons=_extras(order, extras))
    if order.errors:
        return decision
    if waits:
        return _scheduled(order, decision)
    decision.keeps_cycle = _keeps_cycle(order)
    decision.trial = _starts_trial(order, customer)
    return _paid_now(order, decision, path)


def _has_term(order: Order) -> bool:
    """Whether a paid term is running, at whose end something can happen."""
    membership = order.membership
    expires = membership.date_expiration
    return membership.status not in _OVER and expires is not None and expires > order.now


def _extras(order: Order, extras: list[Product]) -> dict[int, int]:
    """Add the carried and the newly chosen add-ons; what the member has afterwards."""
    membership = order.membership
    fresh = [product.id for product in extras]
    addons: dict[int, int] = {}
    if order.terms.fair.carry_addons:
        for product_id in sorted(membership.addons):
            quantity = membership.addons[product_id]
            if product_id not in fresh and _carry(order, product_id, quantity):
                addons[product_id] = quantity
    for product_id in fresh:
        quantity = membership.addons.get(product_id, 1)
        if order.add(product_id, quantity=quantity, fees=product_id not in membership.addons):
            addons[product_id] = quantity
    return addons


def _carry(order: Order, product_id: int, quantity: int) -> bool:
    """Keep an add-on: recurring ones at the new period's price, paid ones as they are."""
    product = order.catalogue.get(product_id)
    if product is None or quantity < 1:
        return False
    if product_id in order.request.dropped:
        order.note("addon.dropped", name=product.name)
        return False
    priced = order.priced(product)
    if not priced.recurring:
        return True
    assert order.period is not None
    if not priced.switch(order.period):
        order.note("addon.lost", name=product.name, period=order.period.key)
        return False
    order.note("addon.carried", name=product.name, quantity=quantity)
    return order.add(product_id, quantity=quantity, fees=False)


def _is_downgrade(order: Order) -> bool:
    """Less per day than the member's plan now costs, or the same plan for a shorter period.

    Exact, by list prices; a plan paid once costs more than any other.
    """
    membership, period = order.membership, order.period
    new, old = order.products[0], current_plan(order)
    assert period is not None
    if old is not None and new.product.id == old.product.id:
        return period.day_parts < membership.period.day_parts
    if not new.recurring:
        return new.amount == 0 and not membership.is_free
    if not membership.bills_again:
        return not membership.is_free
    days = membership.period.day_parts
    paid = membership.amount * order.factor
    if old is not None and old.period == membership.period:
        paid, days = old.amount, old.period.day_parts
    return paid * new.period.day_parts > new.amount * days


def _keeps_cycle(order: Order) -> bool:
    membership, period = order.membership, order.period
    assert period is not None
    return (
        order.terms.fair.anchor is Anchor.KEEP
        and membership.bills_again
        and membership.status in (MembershipStatus.ACTIVE, MembershipStatus.ON_HOLD)
        and membership.date_expiration is not None
        and membership.date_expiration.date() > order.now.date()
        and period.same_length(membership.period)
        and order.products[0].recurring
    )


def _starts_trial(order: Order, customer: Customer) -> bool:
    """Only who has never trialed and pays nothing yet gets a trial, if all products have one."""
    if customer.has_trialed or not order.membership.is_free:
        return False
    recurring = [priced for priced in order.products if priced.recurring]
    return bool(recurring) and all(
        priced.product.trial is not None and priced.product.trial.count > 0
        for priced in order.products
    )


def _scheduled(order: Order, decision: Decision) -> Decision:
    """A change at the end of the term: nothing is due before."""
    order.lines = [line for line in order.lines if line.type is not LineType.FEE]
    decision.price, decision.recurring = order.total(), order.recurring_total()
    order.add_credit("Due when the change takes effect", decision.price)
    return decision


def _paid_now(order: Order, decision: Decision, path: PathRule) -> Decision:
    membership = order.membership
    decision.recurring = order.recurring_total()
    fee = paid_setup_fee(order)
    if fee:
        order.add_credit("Setup fee already paid", fee)
    left = cycles_left(membership, order.now)
    if decision.keeps_cycle and path.credit is not Credit.FULL_DIFFERENCE:
        drop_elapsed(order, left if path.credit is Credit.PRORATED else (0, 1))
    decision.price = order.total()
    if decision.trial:
        order.add_credit("Free trial", decision.price)
        return decision
    credit = unused_value(order, left, path.credit)
    meet_price(order, decision, credit=credit)
    return decision


# -- add-ons ----------------------------------------------------------------------------


def _addon(order: Order, extras: list[Product]) -> Decision:
    """Only the new products; recurring ones for the rest of the running term."""
    membership = order.membership
    decision = Decision(ChangeKind.ADDON, keeps_cycle=True)
    if membership.status in _OVER:
        order.refuse("not-running", "Renew the membership before adding products to it.")
        return decision
    order.note("kind.addon")
    order.period = membership.period if membership.bills_again else order.request.period
    for product in extras:
        order.add(product.id)
    if order.errors:
        return decision
    if any(priced.recurring for priced in order.products):
        _join_cycle(order, decision)
    decision.addons = dict(membership.addons)
    for priced in order.products:
        product_id = priced.product.id
        decision.addons[product_id] = decision.addons.get(product_id, 0) + 1
    decision.price = order.total()
    added = order.recurring_total() if order.terms.fair.addons_recur else 0
    decision.recurring = (membership.amount * order.factor if membership.bills_again else 0) + added
    meet_price(order, decision, credit=0)
    return decision


def _removal(order: Order, plan: Product | None) -> Decision:
    """Fewer add-ons with the same plan: at the end of the term, at once where there is none."""
    membership = order.membership
    plan = plan or order.catalogue.get(membership.plan_id)
    order.note("kind.removal")
    decision = Decision(ChangeKind.DOWNGRADE, waits=membership.bills_again and _has_term(order))
    if plan is None or (membership.bills_again and not decision.waits):
        order.refuse("not-running", "Renew the membership before removing products from it.")
        return decision
    order.period = membership.period
    order.add(plan.id, fees=False)
    decision.addons = _extras(order, [])
    if order.errors:
        return decision
    if decision.waits:
        return _scheduled(order, decision)
    order.lines, decision.keeps_cycle = [], True
    return decision


def _join_cycle(order: Order, decision: Decision) -> None:
    membership = order.membership
    if membership.bills_again:
        if membership.status is MembershipStatus.TRIALING:
            order.note("addon.trial")
            drop_elapsed(order, (0, 1))
        elif order.terms.fair.prorate_addons:
            drop_elapsed(order, cycles_left(membership, order.now))
        return
    decision.keeps_cycle = False
    if not membership.is_free:
        message = "Products that are billed regularly need a plan that is."
        order.errors.append(QuoteError("no-cycle", message))
