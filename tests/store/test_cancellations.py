"""What customers want of their membership's end, and what Stripe shows of it, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.store.cancellations import CancellationRepository, Ending
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.seals import Seal
from bridge.store.sightings import Sighting, SightingRepository, Tie
from bridge.store.tables import Change, ChangeState, MembershipRecord, StripeSeen
from tests.conftest import NOW

ENDS = NOW + timedelta(days=20)
MINUTE = timedelta(minutes=1)
TENTH = timedelta(milliseconds=100)


@pytest.fixture
def member(engine: Engine) -> Iterator[MembershipRecord]:
    with Session(engine, expire_on_commit=False) as session:
        network = NetworkRepository(session, Seal([Fernet.generate_key().decode()])).add(
            "main", "https://network.example.test", Credentials("key", "secret"), now=NOW
        )
        made = MembershipRecord(
            network_id=network.key,
            id=7,
            customer_id=3,
            plan_id=1,
            status="active",
            currency="USD",
            amount=1000,
            date_expiration=ENDS,
            fingerprint="",
            synced_at=NOW,
        )
        session.add(made)
        session.commit()
        yield made


def ask(engine: Engine, member: MembershipRecord, *, wanted: bool, now: datetime = NOW) -> bool:
    with Session(engine) as session:
        asked = CancellationRepository(session).ask(member, wanted=wanted, now=now)
        session.commit()
        return asked


def ending(engine: Engine, member: MembershipRecord) -> Ending | None:
    with Session(engine) as session:
        return CancellationRepository(session).ending(member)


def carried_out(engine: Engine, member: MembershipRecord, *, now: datetime, **values: Any) -> bool:
    with Session(engine, expire_on_commit=False) as session:
        repository = CancellationRepository(session)
        row = repository.find(member.network_id, member.id)
        assert row is not None
        noted = repository.note(row, now=now, **{"due_at": None, "problem": "", **values})
        session.commit()
        return noted


def seen(engine: Engine, member: MembershipRecord, *, ends: bool, at: datetime) -> None:
    with Session(engine) as session:
        session.merge(
            StripeSeen(
                account="acct_1",
                id="sub_1",
                kind="subscription",
                network_id=member.network_id,
                membership_id=member.id,
                seen_at=at.replace(microsecond=0),
                facts={"status": "active", "ours": True, "ends_at_period_end": ends},
                updated_at=at,
            )
        )
        session.commit()


def change(engine: Engine, member: MembershipRecord, state: ChangeState, **values: Any) -> None:
    with Session(engine) as session:
        session.add(
            Change(
                id=f"chg_{state.value}",
                network_id=member.network_id,
                membership_id=member.id,
                kind="upgrade",
                state=state,
                is_open=state.is_open,
                currency="USD",
                effective_at=NOW,
                updated_at=NOW,
                **values,
            )
        )
        session.commit()


def test_a_wish_is_noted_once(engine: Engine, member: MembershipRecord) -> None:
    """However many clicks come at once: one is the first, the others find it done."""
    asked: list[bool] = []
    start = threading.Barrier(4)

    def click() -> None:
        start.wait()
        asked.append(ask(engine, member, wanted=True))

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked) == [False] * 3 + [True]


def test_every_change_of_mind_is_a_turn_of_its_own(
    engine: Engine, member: MembershipRecord
) -> None:
    """Each has its own idempotency key at Stripe; what an older turn brought is not noted."""
    assert ask(engine, member, wanted=False) is False, "it goes on anyway"
    assert ask(engine, member, wanted=True)
    assert ending(engine, member) == Ending(ENDS, settled=False)
    assert carried_out(engine, member, now=NOW + MINUTE)
    assert ending(engine, member) == Ending(ENDS, settled=True)
    with Session(engine, expire_on_commit=False) as session:
        stale = CancellationRepository(session).find(member.network_id, member.id)
        assert stale is not None
        session.expunge(stale)
    assert ask(engine, member, wanted=False, now=NOW + 2 * MINUTE)
    assert ending(engine, member) is None
    with Session(engine) as session:
        assert stale.turn == 1
        assert not CancellationRepository(session).note(stale, now=NOW, problem="late")


def test_it_is_due_until_it_is_carried_out(engine: Engine, member: MembershipRecord) -> None:
    """And again when the next try is planned."""
    ask(engine, member, wanted=True)
    key = (member.network_id, member.id)
    with Session(engine) as session:
        assert list(CancellationRepository(session).due(NOW)) == [key]
    carried_out(engine, member, now=NOW, due_at=NOW + MINUTE, problem="no answer")
    found = ending(engine, member)
    assert found is not None
    assert not found.settled
    with Session(engine) as session:
        assert list(CancellationRepository(session).due(NOW)) == []
        assert list(CancellationRepository(session).due(NOW + MINUTE)) == [key]


def test_what_stripe_showed_last_counts(engine: Engine, member: MembershipRecord) -> None:
    """The wish can be changed at Stripe, too, also within the same second."""
    assert ending(engine, member) is None
    seen(engine, member, ends=True, at=NOW)
    assert ending(engine, member) == Ending(ENDS, settled=True)
    assert ask(engine, member, wanted=False, now=NOW + MINUTE)
    assert ending(engine, member) is None
    noted = NOW + MINUTE + timedelta(microseconds=300)
    carried_out(engine, member, now=noted)
    seen(engine, member, ends=True, at=noted + timedelta(microseconds=200))
    assert ending(engine, member) == Ending(ENDS, settled=True)


def test_there_and_back_within_a_second_counts(engine: Engine, member: MembershipRecord) -> None:
    """Cancelled at Stripe, undone here, cancelled at Stripe again: the event of the second
    step ties with the first, and Stripe, asked, has the third already: nothing differs from
    what was known, yet it is newer than the customer's word.
    """
    at = NOW.replace(microsecond=0)

    def shown(*, ends: bool) -> Sighting:
        facts = {"status": "active", "ours": True, "ends_at_period_end": ends}
        return Sighting(kind="subscription", id="sub_1", at=at, rank=1, facts=facts)

    def tell(sighting: Sighting, tenth: int, *, asked: bool = False) -> None:
        with Session(engine) as session:
            told = SightingRepository(session.connection(), "acct_1")
            told.keep(sighting, now=at + tenth * TENTH, asked=asked)
            told.give(sighting, (member.network_id, member.id))
            session.commit()

    tell(shown(ends=True), 1)
    assert ask(engine, member, wanted=False, now=at + 2 * TENTH)
    carried_out(engine, member, now=at + 3 * TENTH)
    assert ending(engine, member) is None
    with pytest.raises(Tie):
        tell(shown(ends=False), 4)
    tell(shown(ends=True), 5, asked=True)
    tell(shown(ends=True), 6)
    assert ending(engine, member) == Ending(ENDS, settled=True)


def test_older_news_of_stripe_does_not_count(engine: Engine, member: MembershipRecord) -> None:
    """What Stripe made before the wish says nothing about it, even if it arrives later."""
    ask(engine, member, wanted=True, now=NOW + MINUTE)
    carried_out(engine, member, now=NOW + MINUTE)
    seen(engine, member, ends=False, at=NOW)
    assert ending(engine, member) == Ending(ENDS, settled=True)


def test_a_scheduled_change_is_no_cancellation(engine: Engine, member: MembershipRecord) -> None:
    """A change to a free plan ends the subscription as well."""
    seen(engine, member, ends=True, at=NOW)
    change(engine, member, ChangeState.SCHEDULED, created_at=NOW)
    assert ending(engine, member) is None


@pytest.mark.parametrize(("asked_later", "ends"), [(True, False), (False, True)])
def test_who_pays_for_a_later_change_wants_to_stay(
    engine: Engine, member: MembershipRecord, asked_later: bool, ends: bool
) -> None:
    """A change that was asked for after the wish, and paid; not one from before."""
    ask(engine, member, wanted=True)
    carried_out(engine, member, now=NOW)
    created = NOW + MINUTE if asked_later else NOW - MINUTE
    change(engine, member, ChangeState.PROVEN, created_at=created, paid_at=NOW)
    assert (ending(engine, member) is not None) is ends
