"""What is told, and when: in the commit of the fact, once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from bridge.domain.notices import NoticeKind
from bridge.domain.outgoing import MEANINGS, EventType, markdown
from bridge.store import drift, schedules
from bridge.store.changes import ChangeRepository
from bridge.store.mirror import Shown, write_rows
from bridge.store.sightings import Sighting
from bridge.store.tables import ChangeState, DriftFinding, DriftState, JobSchedule
from bridge.upgrades.intent import PaidNotice
from tests.conftest import NOW
from tests.hooks.conftest import Operator
from webhooks.money_news import tell_billing, tell_payment


@pytest.fixture
def told(each_operator: Operator) -> Operator:
    """An operator who hears of everything, on each kind of database."""
    each_operator.listen("https://a.example/")
    return each_operator


class TestChanges:
    """Every state that somebody may wait for."""

    def test_the_way_of_a_change(self, told: Operator) -> None:
        """Accepted, applied, proven; the tries in between are nobody's business."""
        town = told.town
        change_id = town.change(ChangeState.AWAITING_PAYMENT)
        assert told.types() == []
        town.move(change_id, ChangeState.ACCEPTED)
        town.move(change_id, ChangeState.APPLYING)
        town.move(change_id, ChangeState.PROVING, applied_at=town.clock())
        town.move(change_id, ChangeState.PROVEN, proven_at=town.clock())
        assert told.types() == ["change.accepted", "change.applied", "change.proven"]
        event = told.deliveries()[-1][1]
        assert event.membership_id == 1
        assert event.data["change"] == change_id
        assert event.data["state"] == "proven"
        assert event.data["proven_at"] == "2026-11-24T12:00:00.000Z"
        assert event.data["amount_due"] == 4900

    def test_attention_is_told_once_for_each_time_it_was_begun(self, told: Operator) -> None:
        """Not for every failed try."""
        town = told.town
        change_id = town.change(ChangeState.ACCEPTED)
        for _ in range(3):
            town.move(change_id, ChangeState.ATTENTION, reason="the network is away")
            town.move(change_id, ChangeState.APPLYING)
        assert told.types() == ["change.accepted", "change.attention"]
        town.move(change_id, ChangeState.ACCEPTED, attempts=2)
        town.move(change_id, ChangeState.ATTENTION)
        assert told.types()[2:] == ["change.accepted", "change.attention"]

    def test_every_other_end(self, told: Operator) -> None:
        """Scheduled, revoked, superseded, failed, and written without proof."""
        town = told.town
        for state in (
            ChangeState.REVOKED,
            ChangeState.SUPERSEDED,
            ChangeState.FAILED,
            ChangeState.APPLIED,
        ):
            town.move(town.change(ChangeState.SCHEDULED), state)
        assert told.types()[1::2] == [
            "change.revoked",
            "change.superseded",
            "change.failed",
            "change.unproven",
        ]
        assert set(told.types()[::2]) == {"change.scheduled"}

    def test_what_is_rolled_back_is_not_told(self, told: Operator) -> None:
        """Event and state are one commit."""
        change_id = told.town.change(ChangeState.AWAITING_PAYMENT)
        with told.town.session() as session:
            ChangeRepository(session).move(
                change_id,
                to=ChangeState.ACCEPTED,
                came_from=(ChangeState.AWAITING_PAYMENT,),
                now=NOW,
            )
            session.rollback()
        assert told.types() == []


class TestMirror:
    """A status that is another one than last seen."""

    def show(self, told: Operator, status: str, *, at: int, membership: int = 1) -> None:
        columns: dict[str, Any] = {
            "customer_id": 11,
            "plan_id": 2,
            "addons": {},
            "status": status,
            "currency": "EUR",
            "amount": 4900,
            "initial_amount": 0,
            "duration": 1,
            "duration_unit": "month",
            "recurring": True,
            "auto_renew": True,
            "billing_cycles": 0,
            "times_billed": 0,
            "gateway": "",
            "gateway_customer_id": "",
            "gateway_subscription_id": "",
            "discount": None,
            **dict.fromkeys(
                ("date_created", "date_renewed", "date_expiration", "date_trial_end"), None
            ),
            "date_cancellation": None,
            "date_modified": None,
        }
        with Session(told.town.engine) as session:
            write_rows(
                session.connection(),
                told.town.network_id,
                "membership",
                [Shown(membership, {"status": status, "at": at}, columns)],
                asked_at=NOW + timedelta(minutes=at),
            )
            session.commit()

    def test_from_one_status_to_another(self, told: Operator) -> None:
        """Again when it comes back; not for another difference, a new row, or an old answer."""
        self.show(told, "active", at=1)
        self.show(told, "on-hold", at=2)
        self.show(told, "on-hold", at=3)
        self.show(told, "active", at=4)
        self.show(told, "expired", at=3)
        self.show(told, "active", at=5, membership=99)
        events = [event for _, event in told.deliveries()]
        assert [(one.type, one.data["from"], one.data["to"]) for one in events] == [
            ("membership.status_changed", "active", "on-hold"),
            ("membership.status_changed", "on-hold", "active"),
        ]
        assert events[0].membership_id == 1


class TestDrift:
    """Found, repaired; the same is told once."""

    def keep(self, told: Operator, state: DriftState, *, minutes: int, **values: Any) -> None:
        when = NOW + timedelta(minutes=minutes)
        with Session(told.town.engine) as session:
            drift.keep(
                session,
                DriftFinding(
                    network_id=told.town.network_id,
                    site_id=10,
                    membership_id=1,
                    state=state,
                    differences=values.get("differences", ["posts: 5 instead of 100"]),
                    found_at=when,
                    seen_at=when,
                    repaired_at=when if state is DriftState.REPAIRED else None,
                ),
            )
            session.commit()

    def test_found_once_and_repaired(self, told: Operator) -> None:
        """Every night's scan finds it again; what is repaired and comes back is new."""
        self.keep(told, DriftState.OPEN, minutes=1)
        self.keep(told, DriftState.OPEN, minutes=2)
        self.keep(told, DriftState.STUCK, minutes=3)
        self.keep(told, DriftState.OPEN, minutes=4)
        self.keep(told, DriftState.REPAIRED, minutes=5)
        self.keep(told, DriftState.OPEN, minutes=6)
        self.keep(told, DriftState.OPEN, minutes=7, differences=["posts: 6 instead of 100"])
        assert told.types() == ["drift.found", "drift.repaired", "drift.found", "drift.found"]
        assert told.deliveries()[0][1].data["differences"] == ["posts: 5 instead of 100"]


class TestSync:
    """A network that cannot be read."""

    def end(self, told: Operator, job: str, *, succeeded: bool | None, minutes: int) -> None:
        with Session(told.town.engine) as session:
            row = schedules.find(session, told.town.network_id, job) or JobSchedule(
                network_id=told.town.network_id, job=job, due_at=NOW
            )
            schedules.end(
                session,
                row,
                succeeded=succeeded,
                result="it is away",
                due_at=NOW,
                now=NOW + timedelta(minutes=minutes),
            )
            session.commit()

    def test_the_first_failure_in_a_row_is_told(self, told: Operator) -> None:
        """Of reading, not of other jobs."""
        for minutes, succeeded in enumerate((True, False, False, None, False, True, False)):
            self.end(told, "changes", succeeded=succeeded, minutes=minutes)
        self.end(told, "billing", succeeded=False, minutes=9)
        events = [event for _, event in told.deliveries()]
        assert [(one.type, one.data) for one in events] == [
            ("network.sync_failed", {"job": "changes", "reason": "it is away"})
        ] * 2


class TestMoney:
    """Received, failed, given back."""

    def see(self, told: Operator, kind: str, key: str, **facts: Any) -> None:
        with Session(told.town.engine) as session:
            tell_billing(
                session,
                Sighting(
                    kind=kind,
                    id=key,
                    at=NOW,
                    rank=1,
                    facts={"currency": "EUR", **facts},
                    payment=("ch_1", key),
                ),
                (told.town.network_id, 1),
                now=NOW,
            )
            session.commit()

    def invoice(self, told: Operator, key: str, **facts: Any) -> None:
        usual = {
            "status": "paid",
            "renews": True,
            "ours": True,
            "attempts": 1,
            "amount_due": 4900,
            "amount_paid": 4900,
            "next_attempt": None,
            "due_since": int(NOW.timestamp()),
            "paid_at": int(NOW.timestamp()),
        }
        self.see(told, "invoice", key, **{**usual, **facts})

    def test_renewals_and_refunds(self, told: Operator) -> None:
        """Each attempt, each payment, each refund once; what pays for a quote is told there."""
        self.invoice(told, "in_1", status="open", attempts=1)
        self.invoice(told, "in_1", status="open", attempts=1)
        self.invoice(told, "in_1", status="open", attempts=2)
        self.invoice(told, "in_1")
        self.invoice(told, "in_1")
        self.invoice(told, "in_2", renews=False)
        self.invoice(told, "in_3", status="open", attempts=0)
        self.invoice(told, "in_4", amount_paid=0)
        self.see(told, "refund", "re_1", status="pending", amount=100)
        self.see(told, "refund", "re_1", status="succeeded", amount=100)
        self.see(told, "payment_intent", "pi_1", status="succeeded", amount=100)
        events = [event for _, event in told.deliveries()]
        assert [(one.type, one.subject) for one in events] == [
            ("payment.failed", "in_1:1"),
            ("payment.failed", "in_1:2"),
            ("payment.received", "in_1"),
            ("payment.refunded", "re_1"),
        ]
        assert events[2].data["amount"] == 4900
        assert events[3].data == {
            "payment": "ch_1",
            "refund": "re_1",
            "amount": 100,
            "currency": "EUR",
        }

    def test_money_for_a_quote(self, told: Operator) -> None:
        """By the payment's key."""
        notice = PaidNotice(
            network_id=told.town.network_id,
            quote_id="qt_1",
            membership_id=1,
            payment_key="pi_1",
            amount=4900,
            currency="EUR",
            paid_at=NOW,
            source="test",
        )
        with Session(told.town.engine) as session:
            tell_payment(session, notice, "chg_1", now=NOW)
            tell_payment(session, notice, "chg_1", now=NOW)
            session.commit()
        [(_, event)] = told.deliveries()
        assert event.type == "payment.received"
        assert event.data["change"] == "chg_1"
        assert event.data["renewal"] is False

    def test_the_customer_is_warned_once_of_each_invoice_of_ours(self, told: Operator) -> None:
        """Where somebody else bills, he decides what follows."""
        told.town.switch()
        self.invoice(told, "in_1", status="open", attempts=1)
        self.invoice(told, "in_1", status="open", attempts=2)
        self.invoice(told, "in_2", status="open", ours=False)
        self.invoice(told, "in_3", status="open", renews=False)
        [notice] = told.town.notices()
        assert (notice.kind, notice.subject) == (NoticeKind.PAYMENT_FAILED, "in_1")
        assert notice.facts["amount"] == 4900


def test_every_event_has_its_meaning_in_the_table() -> None:
    """The page is what the code says."""
    assert set(MEANINGS) == set(EventType)
    page = Path(__file__).parents[2] / "bridge" / "hooks" / "EVENTS.md"
    assert page.read_text("utf-8") == markdown()
