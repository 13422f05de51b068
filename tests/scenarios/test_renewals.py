"""Stories of subscriptions: paid, unpaid, paid after all, given back, disputed, ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session

from bridge.sandbox.faults import Fault
from bridge.sandbox.wire import Request
from bridge.store.changes import ChangeRepository
from bridge.store.collections import CollectionRepository
from bridge.store.options import NetworkOptions, save_options
from bridge.store.tables import Change, ChangeState, EventState, Network
from bridge.upgrades.opening import frozen_by
from tests.scenarios.stage import DAY, MEMBER, NOW, PRICE, Stage, shuffled, staged


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as made:
        yield made


def end_of(*date: int) -> datetime:
    """23:59:59 UTC of a day."""
    year, month, day = date
    return datetime(year, month, day, 23, 59, 59, tzinfo=UTC)


def test_a_renewal_extends_the_membership_and_is_booked_once(stage: Stage) -> None:
    """Until the end of the UTC day on which the new term ends; billed once more, one payment."""
    stage.subscribe()
    stage.pass_days(32)
    member = stage.member
    assert (member.status, member.times_billed) == ("active", 2)
    assert member.date_expiration == end_of(2027, 1, 24)
    (payment,) = stage.payments
    assert (payment.total, payment.status) == (PRICE, "completed")
    assert payment.gateway_payment_id.startswith("in_")
    assert stage.billing.standing == "good"
    assert stage.events(EventState.FAILED, EventState.WAITING) == []


def test_two_years_of_renewals_and_nothing_lost(stage: Stage) -> None:
    """Twenty-four renewals, each counted and booked once, whatever the length of the month."""
    stage.subscribe()
    stage.enrol(times_billed=0)
    for _ in range(24):
        stage.pass_days(31)
    member = stage.member
    assert member.times_billed == len(stage.payments) == 24
    assert member.date_expiration == end_of(2028, 12, 24)


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_events_comes_to_the_same(stage: Stage, seed: int) -> None:
    """Two months of events at once, shuffled, each twice."""
    stage.subscribe()
    stage.stripe.advance(62 * DAY)
    stage.deliver(order=shuffled(seed))
    stage.deliver(order=shuffled(seed + 100))
    member = stage.member
    assert (member.status, member.times_billed) == ("active", 3)
    assert member.date_expiration == end_of(2027, 2, 24)
    assert len(stage.payments) == 2
    assert stage.events(EventState.FAILED, EventState.WAITING, EventState.ATTENTION) == []


def test_an_old_event_never_moves_the_term_back(stage: Stage) -> None:
    """The operator gave a longer term: a renewal of a shorter one leaves it."""
    stage.subscribe()
    stage.enrol(date_expiration=end_of(2028, 1, 1))
    stage.pass_days(32)
    assert stage.member.date_expiration == end_of(2028, 1, 1)
    assert stage.member.times_billed == 2


def test_a_failed_renewal_goes_down_the_ladder_and_a_payment_brings_it_back(stage: Stage) -> None:
    """Three days of grace, then on hold; paid, it is active again and extended."""
    subscription = stage.subscribe()
    stage.deliver()
    stage.change_card(subscription, "pm_card_chargeCustomerFail")
    stage.pass_days(32)
    assert (stage.member.status, stage.billing.standing) == ("active", "grace")
    stage.pass_days(3)
    assert (stage.member.status, stage.billing.standing) == ("on-hold", "on-hold")
    assert stage.member.date_expiration == end_of(2026, 12, 24)
    stage.change_card(subscription, "pm_card_visa")
    (unpaid,) = stage.api.invoices.list({"subscription": subscription.id, "status": "open"}).data
    stage.api.invoices.pay(unpaid.id)
    stage.deliver()
    member = stage.member
    assert (member.status, stage.billing.standing) == ("active", "good")
    assert member.date_expiration == end_of(2027, 1, 24)
    assert (member.times_billed, len(stage.payments)) == (2, 1)


def test_a_network_may_have_a_ladder_of_its_own(stage: Stage) -> None:
    """Its operator set no grace and a hold of two days; elsewhere the usual days hold."""
    with Session(stage.store) as session, session.begin():
        network = session.get_one(Network, stage.network_id)
        save_options(session, network, NetworkOptions(grace_days=0, hold_days=2))
    subscription = stage.subscribe()
    stage.deliver()
    stage.change_card(subscription, "pm_card_chargeCustomerFail")
    stage.pass_days(32)
    assert (stage.member.status, stage.billing.standing) == ("on-hold", "on-hold")
    stage.pass_days(2)
    assert (stage.member.status, stage.billing.standing) == ("expired", "expired")


def test_unpaid_to_the_end_it_expires_and_is_not_cancelled(stage: Stage) -> None:
    """Stripe ends the subscription after its last attempt: a payment may still bring it back."""
    subscription = stage.subscribe()
    stage.deliver()
    stage.change_card(subscription, "pm_card_chargeCustomerFail")
    stage.pass_days(31 + 3 + 14 + 10)
    assert (stage.member.status, stage.billing.standing) == ("expired", "expired")
    assert stage.member.times_billed == 1


def test_what_the_operator_put_on_hold_stays_there(stage: Stage) -> None:
    """Only what planbridge lowered itself is raised again."""
    stage.subscribe()
    stage.deliver()
    stage.enrol(status="on-hold", date_expiration=end_of(2027, 6, 1))
    stage.pass_days(5)
    assert stage.member.status == "on-hold"


def test_two_partial_refunds_count_by_their_difference(stage: Stage) -> None:
    """The plugin adds the cumulative sum each time; here it is what was given back in all."""
    stage.subscribe()
    stage.pass_days(32)
    intent = stage.api.charges.list({"limit": 1}).data[0].payment_intent
    stage.api.refunds.create({"payment_intent": intent, "amount": 1000})
    stage.deliver()
    (payment,) = stage.payments
    assert (payment.refund_total, payment.status) == (-1000, "partially-refunded")
    stage.api.refunds.create({"payment_intent": intent, "amount": 2000})
    stage.deliver(order=shuffled(3))
    (payment,) = stage.payments
    assert (payment.refund_total, payment.status) == (-3000, "partially-refunded")
    stage.api.refunds.create({"payment_intent": intent})
    stage.deliver()
    (payment,) = stage.payments
    assert (payment.refund_total, payment.status) == (-PRICE, "refunded")


@pytest.mark.parametrize(("outcome", "operator"), [("won", 1), ("lost", 2)])
def test_a_dispute_freezes_the_membership_until_it_is_decided(
    stage: Stage, outcome: str, operator: int
) -> None:
    """The operator is told, and told again when it is lost; nothing else is touched."""
    stage.subscribe()
    stage.pass_days(32)
    before = stage.member
    charge = stage.api.charges.list({"limit": 1}).data[0]
    dispute = stage.stripe.open_dispute(charge.id)
    stage.deliver()
    with Session(stage.store) as session:
        assert dispute["id"] in frozen_by(session, stage.network_id, MEMBER)
    assert stage.billing.needs_operator
    (event,) = stage.events(EventState.ATTENTION)
    assert event.type == "charge.dispute.created"
    stage.stripe.close_dispute(dispute["id"], outcome=outcome)
    stage.deliver()
    with Session(stage.store) as session:
        assert frozen_by(session, stage.network_id, MEMBER) == ""
    assert not stage.billing.needs_operator
    assert len(stage.events(EventState.ATTENTION)) == operator
    assert stage.member.date_expiration == before.date_expiration


def test_a_trial_becomes_paid(stage: Stage) -> None:
    """Nothing is booked while it runs; its first paid invoice makes the membership active."""
    trial_end = NOW + 14 * DAY
    stage.enrol(
        status="trialing", times_billed=0, date_trial_end=trial_end, date_expiration=trial_end
    )
    stage.subscribe(trial_period_days=14)
    stage.pass_days(13)
    assert (stage.member.status, stage.payments) == ("trialing", [])
    stage.pass_days(3)
    member = stage.member
    assert (member.status, member.times_billed, len(stage.payments)) == ("active", 1, 1)
    assert member.date_expiration == end_of(2027, 1, 8)


def test_an_ended_subscription_cancels_the_membership_after_a_while(stage: Stage) -> None:
    """Ten minutes later, since a change may replace the subscription by another one."""
    subscription = stage.subscribe()
    stage.deliver()
    stage.api.subscriptions.cancel(subscription.id)
    stage.deliver()
    assert stage.member.status == "active"
    stage.stripe.advance(DAY / 144)
    stage.work()
    assert stage.member.status == "cancelled"


def test_a_replaced_subscription_cancels_nothing(stage: Stage) -> None:
    """The new one is live."""
    subscription = stage.subscribe()
    stage.deliver()
    stage.api.subscriptions.cancel(subscription.id)
    stage.subscribe()
    stage.pass_days(2)
    assert (stage.member.status, stage.billing.standing) == ("active", "good")


def test_a_network_that_is_away_gets_its_renewal_later(stage: Stage) -> None:
    """The event is handled at once; the renewal waits with its reason."""
    stage.subscribe()
    stage.deliver()
    stage.stripe.advance(32 * DAY)
    stage.network.stop()
    stage.deliver()
    assert stage.events(EventState.WAITING, EventState.FAILED) == []
    assert stage.billing.reason
    assert stage.billing.due_at is not None


def test_a_renewal_waits_while_a_change_is_written(stage: Stage) -> None:
    """Two writers at once would undo each other; afterwards it is carried out."""
    stage.subscribe()
    stage.deliver()
    change = Change(
        id="chg_1",
        network_id=stage.network_id,
        membership_id=MEMBER,
        kind="upgrade",
        state=ChangeState.APPLYING,
        currency="USD",
        created_at=NOW,
        effective_at=NOW,
        updated_at=NOW,
    )
    with Session(stage.store, expire_on_commit=False) as session:
        session.add(change)
        session.commit()
    stage.pass_days(32)
    assert stage.member.times_billed == 1
    assert stage.billing.reason == "waits for change chg_1"
    with Session(stage.store) as session:
        ChangeRepository(session).move(
            "chg_1", to=ChangeState.PROVEN, came_from=(ChangeState.APPLYING,), now=stage.clock()
        )
        session.commit()
    stage.pass_days(1)
    assert stage.member.times_billed == 2


def test_a_deleted_customer_is_forgotten(stage: Stage) -> None:
    """The next collection makes a new one; the operator is told."""
    subscription = stage.subscribe()
    stage.enrol(times_billed=1)
    stage.deliver()
    number = stage.member.customer_id
    with Session(stage.store) as session:
        CollectionRepository(session).keep_customer(
            stage.network_id, number, subscription.customer, now=NOW
        )
        session.commit()
    stage.api.customers.delete(subscription.customer)
    stage.deliver()
    with Session(stage.store) as session:
        assert CollectionRepository(session).customer(stage.network_id, number) is None
    (event,) = stage.events(EventState.ATTENTION)
    assert event.type == "customer.deleted"


def test_a_payment_that_dies_on_its_way_is_booked_once(stage: Stage) -> None:
    """Noted before it is sent: the next try looks for it before it books it again."""
    stage.subscribe()
    stage.deliver()
    refused = iter([Fault(status=500)])

    def once(request: Request) -> Fault | None:
        is_booking = request.method == "POST" and request.path.endswith("/payment")
        return next(refused, None) if is_booking else None

    stage.network.faults = once
    stage.pass_days(34)
    assert len(stage.payments) == 1
    assert stage.member.times_billed == 2
    assert stage.billing.noted.get("sent", {}) == {}
