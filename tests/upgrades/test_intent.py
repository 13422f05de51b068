"""Payments and wishes become changes: once, to the cent, and no money is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from bridge.domain.quotes import ChangeKind, QuoteError
from bridge.errors import QuoteExpired
from bridge.store.changes import ChangeRepository, ChangeStandsInTheWay
from bridge.store.tables import Change, ChangeState, StoredQuote
from bridge.upgrades.corrections import ChangeNotRetried, ChangeNotRevoked
from bridge.upgrades.intent import (
    ChangeNotPossible,
    QuoteOutdated,
    Verdict,
    accept_payment,
    request_change,
    retry_change,
    revoke_change,
)
from tests.upgrades.conftest import KEY, MEMBERSHIP, NOW, mirror_membership, notice_for

LATER = NOW + timedelta(hours=2)
DOWNGRADE = {"kind": ChangeKind.DOWNGRADE, "due_now": 0, "effective_at": NOW + timedelta(days=9)}


def changes_of(session: Session) -> list[Change]:
    return list(session.exec(select(Change)))


def accept(session: Session, notice, now=NOW):
    outcome = accept_payment(session, notice, now=now, quote_key=KEY)
    session.commit()
    return outcome


class TestAcceptPayment:
    def test_the_amount_to_the_cent_makes_an_accepted_change(self, session, give):
        outcome = accept(session, notice_for(give()))
        (change,) = changes_of(session)
        assert outcome.verdict is Verdict.ACCEPTED
        assert (change.id, change.state, change.is_open) == (
            outcome.change_id,
            ChangeState.ACCEPTED,
            True,
        )
        assert (change.amount_due, change.amount_paid, change.payment_key) == (2999, 2999, "pi_1")
        assert change.generation == 1

    @pytest.mark.parametrize("changed", [{"amount": 2998}, {"amount": 3000}, {"currency": "EUR"}])
    def test_another_amount_or_currency_applies_nothing_and_names_both(
        self, session, give, changed
    ):
        outcome = accept(session, notice_for(give(), **changed))
        (change,) = changes_of(session)
        assert outcome.verdict is Verdict.MISMATCH
        assert (change.state, change.is_open) == (ChangeState.ATTENTION, False)
        assert "29.99 USD was due" in change.reason
        paid = {"amount": 2999, "currency": "USD", **changed}
        assert f"{paid['amount'] / 100:.2f} {paid['currency']} was paid" in change.reason
        assert change.payment_key == "pi_1"

    def test_a_wrong_payment_does_not_keep_the_right_one_out(self, session, give):
        given = give()
        accept(session, notice_for(given, amount=1))
        right = accept(session, notice_for(given, payment_key="pi_2"))
        assert right.verdict is Verdict.ACCEPTED

    def test_the_same_payment_again_is_a_duplicate(self, session, give):
        given = give()
        first = accept(session, notice_for(given))
        again = accept(session, notice_for(given))
        assert (again.verdict, again.change_id) == (Verdict.DUPLICATE, first.change_id)
        assert len(changes_of(session)) == 1

    def test_another_event_of_the_same_payment_is_a_duplicate(self, session, give):
        """An invoice and its payment intent are one payment of one quote."""
        given = give()
        first = accept(session, notice_for(given))
        again = accept(session, notice_for(given, payment_key="in_1"))
        assert (again.verdict, again.change_id) == (Verdict.DUPLICATE, first.change_id)
        assert len(changes_of(session)) == 1

    def test_ten_threads_with_one_payment_make_one_change(self, engine: Engine, session, give):
        given = give()
        session.close()
        barrier = Barrier(10)

        def deliver(number: int) -> Verdict:
            barrier.wait()
            key = f"pi_{number % 2}"
            with Session(engine) as own:
                verdict = accept_payment(
                    own, notice_for(given, payment_key=key), now=NOW, quote_key=KEY
                ).verdict
                own.commit()
                return verdict

        with ThreadPoolExecutor(10) as pool:
            verdicts = list(pool.map(deliver, range(10)))
        assert sorted(verdicts) == [Verdict.ACCEPTED, *[Verdict.DUPLICATE] * 9]
        assert len(changes_of(session)) == 1

    def test_an_unknown_quote_leaves_no_change(self, session, give):
        outcome = accept(session, notice_for(give(), quote_id="qt_nobody"))
        assert (outcome.verdict, outcome.change_id) == (Verdict.UNKNOWN_QUOTE, None)
        assert "29.99 USD was paid" in outcome.reason
        assert changes_of(session) == []

    @pytest.mark.parametrize("changed", [{"network_id": 99}, {"membership_id": 8}])
    def test_a_quote_of_another_network_or_membership_is_not_taken(self, session, give, changed):
        outcome = accept(session, notice_for(give(), **changed))
        assert outcome.verdict is Verdict.UNKNOWN_QUOTE
        assert changes_of(session) == []

    def test_a_quote_changed_by_hand_is_not_believed(self, session, give):
        given = give()
        stored = session.get(StoredQuote, given.id)
        document = {**stored.document, "quote": {**stored.document["quote"], "due_now": 1}}
        stored.document, stored.due_now = document, 1
        session.add(stored)
        session.commit()
        outcome = accept(session, notice_for(given, amount=1))
        assert outcome.verdict is Verdict.UNKNOWN_QUOTE
        assert changes_of(session) == []

    def test_a_late_payment_is_carried_out_while_nothing_has_changed(self, session, give):
        outcome = accept(session, notice_for(give()), now=LATER)
        assert outcome.verdict is Verdict.ACCEPTED
        assert "after the quote expired" in outcome.reason

    def test_a_late_payment_waits_when_the_membership_has_changed(self, session, give, network_id):
        given = give()
        mirror_membership(session, network_id, replace(MEMBERSHIP, amount=500))
        outcome = accept(session, notice_for(given), now=LATER)
        (change,) = changes_of(session)
        assert (outcome.verdict, change.state, change.is_open) == (
            Verdict.CONFLICT,
            ChangeState.ATTENTION,
            False,
        )

    def test_a_payment_in_time_waits_when_the_products_have_changed(
        self, session, give, network_id
    ):
        given = give()
        mirror_membership(session, network_id, replace(MEMBERSHIP, plan_id=9))
        assert accept(session, notice_for(given)).verdict is Verdict.CONFLICT

    def test_a_second_paid_change_waits_for_the_operator(self, session, give):
        first = accept(session, notice_for(give()))
        second = accept(session, notice_for(give(), payment_key="pi_2"))
        assert second.verdict is Verdict.CONFLICT
        held = ChangeRepository(session).get(second.change_id)
        assert (held.state, held.is_open, held.amount_paid) == (ChangeState.ATTENTION, False, 2999)
        assert first.change_id in held.reason

    def test_it_ends_the_wait_of_the_change_it_pays_for(self, session, give):
        given = give()
        waiting = request_change(session, given, NOW)
        session.commit()
        outcome = accept(session, notice_for(given))
        (change,) = changes_of(session)
        assert outcome.change_id == change.id == waiting.id
        assert (change.state, change.amount_paid) == (ChangeState.ACCEPTED, 2999)
        assert change.target["paid"] is True

    def test_it_replaces_a_scheduled_downgrade(self, session, give):
        scheduled = request_change(session, give(**DOWNGRADE), NOW)
        outcome = accept(session, notice_for(give()))
        assert outcome.verdict is Verdict.ACCEPTED
        assert ChangeRepository(session).get(scheduled.id).state is ChangeState.SUPERSEDED

    def test_paid_after_it_was_revoked_it_waits_for_the_operator(self, session, give):
        given = give()
        revoke_change(session, request_change(session, given, NOW).id, NOW)
        outcome = accept(session, notice_for(given))
        assert outcome.verdict is Verdict.CONFLICT
        assert "revoked" in outcome.reason


class TestRequestChange:
    def test_what_costs_nothing_is_accepted(self, session, give):
        assert request_change(session, give(due_now=0), NOW).state is ChangeState.ACCEPTED

    def test_what_costs_something_waits_for_the_payment(self, session, give):
        assert request_change(session, give(), NOW).state is ChangeState.AWAITING_PAYMENT

    def test_a_downgrade_is_scheduled_for_its_date(self, session, give):
        change = request_change(session, give(**DOWNGRADE), NOW)
        assert (change.state, change.effective_at) == (
            ChangeState.SCHEDULED,
            DOWNGRADE["effective_at"],
        )

    def test_asking_twice_returns_the_same_change(self, session, give):
        given = give(due_now=0)
        assert request_change(session, given, NOW).id == request_change(session, given, NOW).id

    def test_a_newer_wish_replaces_one_that_only_waits(self, session, give):
        older = request_change(session, give(), NOW)
        newer = request_change(session, give(**DOWNGRADE), NOW)
        assert ChangeRepository(session).get(older.id).state is ChangeState.SUPERSEDED
        assert newer.generation == older.generation + 1

    def test_two_changes_at_work_are_refused(self, session, give):
        request_change(session, give(due_now=0), NOW)
        with pytest.raises(ChangeStandsInTheWay):
            request_change(session, give(due_now=0), NOW)

    def test_an_expired_quote_is_refused(self, session, give):
        with pytest.raises(QuoteExpired):
            request_change(session, give(), LATER)

    def test_an_impossible_quote_says_why(self, session, give):
        given = give(errors=(QuoteError("no_changes", "Nothing changes."),))
        with pytest.raises(ChangeNotPossible, match=r"Nothing changes\."):
            request_change(session, given, NOW)

    def test_a_quote_for_a_membership_that_moved_on_is_refused(self, session, give, network_id):
        given = give()
        mirror_membership(session, network_id, replace(MEMBERSHIP, plan_id=9))
        with pytest.raises(QuoteOutdated):
            request_change(session, given, NOW)


class TestRevokeAndRetry:
    def test_a_scheduled_change_can_be_revoked_and_another_asked_for(self, session, give):
        change = request_change(session, give(**DOWNGRADE), NOW)
        assert revoke_change(session, change.id, NOW).state is ChangeState.REVOKED
        assert request_change(session, give(due_now=0), NOW).state is ChangeState.ACCEPTED

    def test_what_is_accepted_cannot_be_revoked(self, session, give):
        change = request_change(session, give(due_now=0), NOW)
        with pytest.raises(ChangeNotRevoked, match="accepted"):
            revoke_change(session, change.id, NOW)

    def test_a_payment_put_aside_is_carried_out_on_the_operators_word(self, session, give):
        first = accept(session, notice_for(give()))
        second = accept(session, notice_for(give(), payment_key="pi_2"))
        with pytest.raises(ChangeStandsInTheWay):
            retry_change(session, second.change_id, NOW)
        ChangeRepository(session).move(
            first.change_id, to=ChangeState.PROVEN, came_from=[ChangeState.ACCEPTED], now=NOW
        )
        retried = retry_change(session, second.change_id, NOW)
        assert (retried.state, retried.is_open, retried.attempts) == (ChangeState.ACCEPTED, True, 2)
        assert "basis" not in retried.target

    def test_a_wrong_amount_is_never_carried_out(self, session, give):
        outcome = accept(session, notice_for(give(), amount=1))
        with pytest.raises(ChangeNotRetried, match=r"29\.99 USD was due"):
            retry_change(session, outcome.change_id, NOW)
        assert revoke_change(session, outcome.change_id, NOW).state is ChangeState.REVOKED
