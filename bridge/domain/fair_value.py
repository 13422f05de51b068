"""What a fair change is worth: unused time, setup fees already paid, the rest of a term."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain.ledger import NOTHING, Settlement, settle
from bridge.domain.lines import Line
from bridge.domain.memberships import MembershipStatus
from bridge.domain.order import Order
from bridge.domain.parity import current_plan
from bridge.domain.periods import Period
from bridge.domain.proration import shown_days
from bridge.domain.quotes import ChangeKind, LineType
from bridge.domain.rounding import round_to, scaled
from bridge.domain.terms import Credit


@dataclass(slots=True)
class Decision:
    """What an order proposes, and how. Amounts in ticks; ``price`` is before credits."""

    kind: ChangeKind
    price: int = 0
    recurring: int = 0
    settlement: Settlement = NOTHING
    addons: dict[int, int] | None = None
    waits: bool = False
    keeps_cycle: bool = False
    trial: bool = False


def unused_value(order: Order, left: tuple[int, int], credit: Credit = Credit.PRORATED) -> int:
    """Ticks of what was paid for the old plan and not used yet."""
    membership = order.membership
    if credit is Credit.NONE or membership.status in (
        MembershipStatus.TRIALING,
        MembershipStatus.PENDING,
    ):
        order.note("credit.none")
        return 0
    if not membership.bills_again:
        paid = membership.initial_amount * order.factor
        if paid:
            order.note("credit.one_time", paid)
        return paid
    amount = membership.amount * order.factor
    if left[0] == 0:
        return 0
    if credit is Credit.FULL_DIFFERENCE:
        order.note("credit.difference", amount)
        return amount
    value = scaled(amount, *left, quantum=order.share)
    order.note("credit.unused", value, days=shown_days(left[0]), cycle=shown_days(left[1]))
    return value


def paid_setup_fee(order: Order) -> int:
    """The part of the new plan's setup fee that the old plan's already covered."""
    if order.membership.is_free:
        return 0
    new, old = order.products[0], current_plan(order)
    covered = min(new.setup_fee, old.setup_fee) if old is not None else 0
    if covered <= 0:
        return 0
    line = Line(LineType.FEE, "", covered, period=new.period, step=order.quantum, like_php=False)
    if order.tax(line, new.product):
        line.compute()
    charged = sum(line.total for line in order.lines if line.type is LineType.FEE)
    return max(0, min(line.total, charged))


def drop_elapsed(order: Order, left: tuple[int, int]) -> None:
    """Charge recurring lines for what is left of the running term, not for a new cycle."""
    full = sum(line.total for line in order.lines if line.recurring)
    rest = scaled(full, *left, quantum=order.share)
    if full != rest:
        order.note("term.rest", rest, days=shown_days(left[0]), cycle=shown_days(left[1]))
        order.add_credit("Part of the term that is over", full - rest)


def meet_price(order: Order, decision: Decision, *, credit: int) -> None:
    """Meet the price with credit and ledger; both become lines."""
    membership, terms = order.membership, order.terms.fair
    decision.settlement = settlement = settle(
        decision.price,
        credit=round_to(credit, order.share),
        balance=membership.ledger * order.factor,
        keep_excess=terms.keep_excess,
    )
    if settlement.from_credit:
        order.add_credit("Credit for the unused time", settlement.from_credit)
    if settlement.from_ledger:
        order.add_credit("Credit from earlier changes", settlement.from_ledger)
    if settlement.to_ledger:
        order.note("ledger.added", settlement.to_ledger)
    if settlement.from_ledger:
        order.note("ledger.used", settlement.from_ledger)


def period_after(order: Order, decision: Decision) -> Period:
    """The membership's period once the change has been carried out."""
    if decision.kind is ChangeKind.ADDON and decision.keeps_cycle:
        return order.membership.period
    return order.period or order.membership.period
