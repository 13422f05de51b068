"""The decision alone: which of Stripe's ways, from the quote and from what Stripe has."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.dates import add_calendar
from bridge.domain.periods import Period
from bridge.domain.quotes import ChangeKind, LineItem, LineType, Quote, TargetState
from bridge.payments.collection import How, Then, plan_collection
from bridge.payments.faults import AnotherCurrency, ForeignSchedule, InvoiceOpen
from bridge.payments.recurring import Recurring, recurring_after
from bridge.payments.situation import LiveSubscription, Situation, SubscriptionItem

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MONTH = Period(1, "month")
PLAN, ADDON, OLD = 10, 20, 9


def line(product: int, total: int, *, recurring: bool = True) -> LineItem:
    return LineItem(
        type=LineType.PRODUCT,
        title="",
        unit_price=total,
        quantity=1,
        subtotal=total,
        discount_total=0,
        tax_total=0,
        total=total,
        recurring=recurring,
        product_id=product,
        period=MONTH,
    )


def upgrade(**changed: object) -> Quote:
    """Premium for 30.00 a month, 20.00 due now, billed again in a month."""
    quote = Quote(
        kind=ChangeKind.UPGRADE,
        currency="USD",
        lines=(line(PLAN, 3000),),
        subtotal=3000,
        credit=1000,
        discount_total=0,
        tax_total=0,
        due_now=2000,
        recurring_total=3000,
        next_billing_at=add_calendar(NOW, MONTH),
        next_billing_amount=3000,
        effective_at=NOW,
        quoted_at=NOW,
        policy="fair",
        collects_payment=True,
        target=TargetState(
            plan_id=PLAN, addons={}, period=MONTH, amount=3000, initial_amount=2000, recurring=True
        ),
    )
    return replace(quote, **changed)


def addon(**changed: object) -> Quote:
    """Storage for 5.00 a month beside a plan for 30.00, 2.00 for the rest of the term."""
    quote = upgrade(
        kind=ChangeKind.ADDON,
        lines=(line(ADDON, 500),),
        due_now=200,
        recurring_total=3500,
        next_billing_at=NOW + timedelta(days=12),
        next_billing_amount=3500,
        keeps_cycle=True,
    )
    return replace(quote, **changed)


SUBSCRIPTION = LiveSubscription(
    id="sub_1",
    status="active",
    currency="USD",
    items=(SubscriptionItem("si_1", PLAN, 3000, MONTH),),
    period_start=NOW - timedelta(days=18),
    period_end=NOW + timedelta(days=12),
)
NOTHING = Situation()
CARD = Situation(customer="cus_1", payment_method="pm_1")
LIVE = replace(CARD, subscription=SUBSCRIPTION, waits=True)
DEBIT = replace(LIVE, waits=False)
NO_CARD = replace(LIVE, payment_method=None, waits=False)
ONE_TIME = {
    "lines": (line(PLAN, 2000, recurring=False),),
    "recurring_total": 0,
    "next_billing_at": None,
    "next_billing_amount": 0,
}
LATER = {"due_now": 0, "effective_at": NOW + timedelta(days=12), "kind": ChangeKind.DOWNGRADE}
ODD_DATE = {"next_billing_at": NOW + timedelta(days=40)}


@pytest.mark.parametrize(
    ("quote", "situation", "how", "then"),
    [
        (upgrade(), NOTHING, How.CHECKOUT_SUBSCRIPTION, Then.NOTHING),
        (upgrade(), CARD, How.START, Then.NOTHING),
        (upgrade(), LIVE, How.RESTART, Then.NOTHING),
        (upgrade(), DEBIT, How.INVOICE, Then.RESTART),
        (upgrade(), NO_CARD, How.CHECKOUT_PAYMENT, Then.RESTART),
        (upgrade(keeps_cycle=True), LIVE, How.INVOICE, Then.NOTHING),
        (upgrade(keeps_cycle=True, recurring_total=4000), LIVE, How.INVOICE, Then.ADJUST),
        (upgrade(**ODD_DATE), NOTHING, How.CHECKOUT_PAYMENT, Then.START),
        (upgrade(**ODD_DATE), CARD, How.INVOICE, Then.START),
        (upgrade(**ODD_DATE), LIVE, How.INVOICE, Then.RESTART),
        (upgrade(**ONE_TIME), NOTHING, How.CHECKOUT_PAYMENT, Then.NOTHING),
        (upgrade(**ONE_TIME), CARD, How.INVOICE, Then.NOTHING),
        (upgrade(**ONE_TIME), LIVE, How.INVOICE, Then.CANCEL),
        (addon(), LIVE, How.INVOICE, Then.ADJUST),
        (addon(), NO_CARD, How.CHECKOUT_PAYMENT, Then.ADJUST),
        (addon(), NOTHING, How.CHECKOUT_PAYMENT, Then.START),
        (addon(due_now=0), LIVE, How.NOTHING, Then.ADJUST),
        (upgrade(due_now=0), LIVE, How.NOTHING, Then.RESTART),
        (upgrade(due_now=0), CARD, How.NOTHING, Then.START),
        (upgrade(due_now=0), NOTHING, How.CHECKOUT_SUBSCRIPTION, Then.NOTHING),
        (upgrade(due_now=0, collects_payment=False), NOTHING, How.NOTHING, Then.START),
        (upgrade(**LATER), LIVE, How.SCHEDULE, Then.NOTHING),
        (upgrade(**LATER), CARD, How.NOTHING, Then.NOTHING),
    ],
)
def test_the_way_that_is_taken(quote: Quote, situation: Situation, how: How, then: Then) -> None:
    """The table of `bridge.payments.collection`, line by line."""
    found = plan_collection(quote, situation)
    assert (found.how, found.then) == (how, then)
    assert found.due == (0 if how is How.SCHEDULE else quote.due_now)


def test_an_addon_bought_once_never_begins_a_subscription() -> None:
    """Who pays for the plan elsewhere goes on doing so."""
    quote = addon()
    quote = replace(quote, lines=(line(ADDON, 500, recurring=False),), recurring_total=3000)
    assert plan_collection(quote, NOTHING).then is Then.NOTHING
    assert plan_collection(quote, LIVE).then is Then.NOTHING


def test_an_addon_joins_what_is_billed() -> None:
    found = plan_collection(addon(), LIVE)
    assert found.recurring is not None
    assert dict(found.recurring.items) == {PLAN: 3000, ADDON: 500}


def test_a_parity_addon_is_billed_beside_the_plan() -> None:
    """Its quote names the add-on alone; the plan goes on being billed."""
    quote = replace(addon(), policy="parity", recurring_total=500, keeps_cycle=False)
    found = plan_collection(quote, LIVE)
    assert (found.how, found.then) == (How.INVOICE, Then.ADJUST)
    assert found.recurring is not None
    assert found.recurring.total == 3500


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"status": "past_due"}, InvoiceOpen),
        ({"status": "unpaid"}, InvoiceOpen),
        ({"schedule": "sub_sched_1"}, ForeignSchedule),
        ({"currency": "EUR"}, AnotherCurrency),
    ],
)
def test_what_stands_in_the_way_is_said(changed: dict[str, str], error: type[Exception]) -> None:
    situation = replace(LIVE, subscription=replace(SUBSCRIPTION, **changed))
    with pytest.raises(error, match="sub_1"):
        plan_collection(upgrade(), situation)


amounts = st.integers(min_value=0, max_value=10_000_000)


@given(
    lines=st.lists(st.tuples(st.sampled_from([PLAN, ADDON, OLD]), amounts), max_size=6),
    total=amounts,
    current=st.dictionaries(st.sampled_from([PLAN, ADDON, OLD]), amounts, min_size=1),
    kind=st.sampled_from([ChangeKind.UPGRADE, ChangeKind.ADDON]),
)
def test_items_always_add_up_to_what_is_billed(
    lines: list[tuple[int, int]], total: int, current: dict[int, int], kind: ChangeKind
) -> None:
    """Whatever the lines say: the sum is the quote's, and no item is negative."""
    quote = upgrade(
        kind=kind,
        lines=tuple(line(product, amount) for product, amount in lines),
        recurring_total=total,
    )
    found = recurring_after(quote, Recurring(current, MONTH, "USD"))
    if total == 0:
        assert found is None
        return
    assert found is not None
    assert found.total == total
    assert all(amount > 0 for amount in found.items.values())


@given(due=amounts, total=st.integers(min_value=1, max_value=10_000_000))
def test_the_first_invoice_is_what_is_due(due: int, total: int) -> None:
    """One cycle and the extra, or less the credit: exactly due now."""
    quote = upgrade(due_now=due, recurring_total=total, lines=(line(PLAN, total),))
    found = plan_collection(quote, LIVE)
    assert found.recurring is not None
    assert found.recurring.total + found.first_invoice_extra == due
