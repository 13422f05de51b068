"""From a finished order to the quote that leaves the rules: ticks become minor units."""

from __future__ import annotations

from functools import partial

from bridge.domain.billing_dates import billing_start, next_charge, waits
from bridge.domain.explanation import explain
from bridge.domain.lines import Line
from bridge.domain.memberships import Customer
from bridge.domain.order import Order
from bridge.domain.quotes import (
    ChangeKind,
    LineItem,
    LineType,
    Quote,
    QuoteError,
    TargetState,
    explained_by,
)
from bridge.domain.rounding import divide


def parity_quote(order: Order, proposed: ChangeKind, *, customer: Customer) -> Quote:
    """The plugin's answer, refusals included."""
    order.sort()
    check_intervals(order)
    membership = order.membership
    totals = order.totals()
    total, recurring = totals.due, totals.recurring
    starts = billing_start(order, proposed, total=total, recurring=recurring)
    # The plugin takes a waiting downgrade of a never-trialed customer for a trial.
    trial = bool(order.products) and starts is not None and not customer.has_trialed
    charge = next_charge(order, proposed, has_trial=trial)
    collects = total > 0 or recurring > 0
    if collects and trial:
        collects = not order.terms.allow_trial_without_payment_method
    kind = answered_kind(order, proposed)
    effective = order.now
    if waits(order, proposed) and membership.date_expiration is not None:
        effective = membership.date_expiration
    minor = order.minor
    quote = Quote(
        kind=kind,
        currency=membership.currency,
        lines=tuple([line_item(line, order) for line in order.lines]),
        subtotal=minor(totals.subtotal),
        credit=minor(totals.credit),
        discount_total=minor(totals.discount),
        tax_total=minor(totals.tax),
        due_now=minor(total),
        recurring_total=minor(recurring),
        next_billing_at=charge,
        next_billing_amount=minor(recurring) if charge is not None else 0,
        effective_at=effective,
        errors=tuple(order.errors),
        target=_target(order, kind, total=minor(total), recurring=minor(recurring)),
        policy="parity",
        quoted_at=order.now,
        proposed=proposed.value,
        plan_id=order.plan.id if order.plan is not None else None,
        period=order.period,
        recurring_subtotal=minor(totals.recurring_subtotal),
        billing_starts_at=starts,
        has_trial=trial,
        collects_payment=collects,
        excess_credit=minor(totals.excess),
        keeps_cycle=proposed is ChangeKind.ADDON,
    )
    return explained_by(quote, partial(explain, order))


def line_item(line: Line, order: Order) -> LineItem:
    """A line in minor units."""
    factor = order.factor
    if factor == 1:
        amounts = (line.unit_price, line.subtotal, line.discount_total, line.tax_total, line.total)
    else:
        amounts = (
            divide(line.unit_price, factor),
            divide(line.subtotal, factor),
            divide(line.discount_total, factor),
            divide(line.tax_total, factor),
            divide(line.total, factor),
        )
    return LineItem(
        line.type,
        line.title,
        amounts[0],
        line.quantity,
        amounts[1],
        amounts[2],
        amounts[3],
        amounts[4],
        line.recurring,
        line.product_id,
        line.period,
        "0" if line.rate is None else str(line.rate),
        line.inclusive,
        "",
        "" if line.discount is None else str(line.discount[1]),
    )


def answered_kind(order: Order, proposed: ChangeKind) -> ChangeKind:
    """The kind that leaves: what was proposed, or that nothing changes, or cannot."""
    if not order.errors:
        return proposed
    unchanged = all(error.code == "no_changes" for error in order.errors)
    return ChangeKind.NONE if unchanged else ChangeKind.IMPOSSIBLE


def _target(order: Order, kind: ChangeKind, *, total: int, recurring: int) -> TargetState | None:
    """What `Membership::swap` makes of the order (domain/plan-changes.md §10).

    Quantities come from product lines only: the plugin also counts fee lines, which
    doubles an add-on with a setup fee (domain/plan-changes.md §6).
    """
    if kind in (ChangeKind.NONE, ChangeKind.IMPOSSIBLE):
        return None
    membership = order.membership
    bought = {
        line.product_id: line.quantity
        for line in order.lines
        if line.type is LineType.PRODUCT and line.product_id is not None
    }
    if kind is ChangeKind.ADDON:
        addons = dict(membership.addons)
        for product_id, quantity in bought.items():
            addons[product_id] = addons.get(product_id, 0) + quantity
        return TargetState(
            plan_id=membership.plan_id,
            addons=addons,
            period=membership.period,
            amount=membership.amount,
            initial_amount=membership.initial_amount,
            recurring=membership.recurring,
        )
    plan_id = order.plan.id if order.plan is not None else membership.plan_id
    bought.pop(plan_id, None)
    return TargetState(
        plan_id=plan_id,
        addons=bought,
        period=order.period or membership.period,
        amount=recurring,
        initial_amount=total,
        recurring=recurring > 0,
    )


def check_intervals(order: Order) -> None:
    """All recurring lines must share period and number of cycles (§3, validity)."""
    if order.errors:
        return
    first: Line | None = None
    for line in order.lines:
        if not line.recurring:
            continue
        if first is None:
            first = line
        elif line.period != first.period or line.cycles != first.cycles:
            message = f"Interval {_interval(line)} and {_interval(first)} do not match."
            order.errors.append(QuoteError("wrong", message))
            return


def _interval(line: Line) -> str:
    return f"{line.period.key}-{line.cycles}"
