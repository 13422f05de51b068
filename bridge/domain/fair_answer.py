"""From an order decided by the fair policy to its quote."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from bridge.domain.answer import answered_kind, check_intervals, line_item
from bridge.domain.dates import add_calendar
from bridge.domain.explanation import explain
from bridge.domain.fair_value import Decision, period_after
from bridge.domain.lines import Line
from bridge.domain.order import Order
from bridge.domain.quotes import ChangeKind, LineType, Quote, TargetState, explained_by

_RANK = {LineType.PRODUCT: 0, LineType.FEE: 1, LineType.CREDIT: 2}


def fair_quote(order: Order, decision: Decision) -> Quote:
    """The answer of the fair policy, refusals included."""
    plan_id = order.plan.id if order.plan is not None else None

    def place(line: Line) -> tuple[int, bool, int]:
        return _RANK[line.type], line.product_id != plan_id, line.product_id or 0

    order.lines.sort(key=place)
    check_intervals(order)
    kind = answered_kind(order, decision.kind)
    possible = kind is decision.kind
    membership, minor = order.membership, order.minor
    settlement = decision.settlement
    totals = order.totals()
    total = totals.due
    recurring = decision.recurring if possible else totals.recurring
    trial_end = _trial_end(order) if decision.trial and possible else None
    next_at, next_amount = None, 0
    if possible:
        next_at, next_amount = _next_billing(order, decision, recurring, trial_end)
    due = minor(total)
    quote = Quote(
        kind=kind,
        currency=membership.currency,
        lines=tuple([line_item(line, order) for line in order.lines]),
        subtotal=minor(totals.subtotal),
        credit=minor(totals.credit),
        discount_total=minor(totals.discount),
        tax_total=minor(totals.tax),
        due_now=due,
        recurring_total=minor(recurring),
        next_billing_at=next_at,
        next_billing_amount=minor(next_amount),
        effective_at=_effective_at(order, decision),
        errors=tuple(order.errors),
        target=_target(order, decision, due=due, recurring=minor(recurring)) if possible else None,
        policy="fair",
        quoted_at=order.now,
        proposed=decision.kind.value,
        plan_id=plan_id,
        period=order.period,
        recurring_subtotal=minor(totals.recurring_subtotal),
        billing_starts_at=trial_end,
        has_trial=trial_end is not None,
        collects_payment=_collects(order, total=total, recurring=recurring, trial=trial_end),
        ledger_used=minor(settlement.from_ledger),
        ledger_added=minor(settlement.to_ledger),
        keeps_cycle=decision.keeps_cycle,
    )
    return explained_by(quote, partial(explain, order))


def _effective_at(order: Order, decision: Decision) -> datetime:
    expires = order.membership.date_expiration
    return expires if decision.waits and expires is not None else order.now


def _trial_end(order: Order) -> datetime | None:
    trials = [priced.product.trial for priced in order.products]
    return min((add_calendar(order.now, trial) for trial in trials if trial), default=None)


def _next_billing(
    order: Order, decision: Decision, recurring: int, trial_end: datetime | None
) -> tuple[datetime | None, int]:
    """When and how much is billed next; (None, 0) when nothing is."""
    if decision.waits:
        if decision.price == 0 and recurring == 0:
            return None, 0
        return order.membership.date_expiration, decision.price
    if trial_end is not None:
        return trial_end, decision.price
    if recurring == 0:
        return None, 0
    if decision.keeps_cycle:
        return order.membership.date_expiration, recurring
    return add_calendar(order.now, period_after(order, decision)), recurring


def _collects(order: Order, *, total: int, recurring: int, trial: datetime | None) -> bool:
    if total == 0 and recurring == 0:
        return False
    return trial is None or not order.terms.allow_trial_without_payment_method


def _target(order: Order, decision: Decision, *, due: int, recurring: int) -> TargetState:
    """The membership after the change.

    ``initial_amount`` is what is due now, but for a plan paid once it is what the plan
    was paid with, credit included: a later change credits it (plan-changes §5.1).
    """
    membership = order.membership
    initial = due if recurring > 0 else order.minor(decision.price)
    if decision.kind is ChangeKind.ADDON and not membership.is_free:
        initial = membership.initial_amount
    return TargetState(
        plan_id=order.plan.id if order.plan is not None else membership.plan_id,
        addons=decision.addons or {},
        period=period_after(order, decision),
        amount=recurring,
        initial_amount=initial,
        recurring=recurring > 0,
    )
