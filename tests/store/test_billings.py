"""The billing of a membership: due once seen, held by one, due again when more was seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.store.billings import BillingRepository, Settled
from bridge.store.sightings import Sighting, SightingRepository, Tie
from bridge.store.tables import Billing, Change, ChangeState, Network

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=3)
ACCOUNT = "acct_1"


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine, expire_on_commit=False) as opened:
        opened.add(Network(name="main", url="http://x", sealed_credentials="", created_at=NOW))
        opened.commit()
        yield opened


@pytest.fixture
def billings(session: Session) -> BillingRepository:
    return BillingRepository(session)


def claimed(billings: BillingRepository, *, now: datetime = NOW) -> Billing | None:
    return billings.claim(1, 7, now=now, until=now + timedelta(minutes=3))


def test_what_was_seen_is_due_once_and_held_by_one(billings: BillingRepository) -> None:
    """Touched twice it is one row; while it is held nobody else gets it."""
    billings.touch(1, 7, now=NOW)
    billings.touch(1, 7, now=NOW)
    assert list(billings.due(NOW, network_id=1)) == [(1, 7)]
    held = claimed(billings)
    assert held is not None
    assert (held.seen, held.attempts) == (2, 1)
    assert claimed(billings) is None
    assert list(billings.due(NOW, network_id=1)) == []


def test_a_dead_workers_hold_ends(billings: BillingRepository) -> None:
    """After its lease."""
    billings.touch(1, 7, now=NOW)
    assert claimed(billings)
    again = claimed(billings, now=LATER)
    assert again is not None
    assert again.attempts == 2


def test_a_released_one_is_due_when_it_says(billings: BillingRepository) -> None:
    """Or never, when nothing is to be done."""
    billings.touch(1, 7, now=NOW)
    held = claimed(billings)
    assert held is not None
    billings.release(held, due_at=LATER, now=NOW, standing="grace", attempts=0)
    assert list(billings.due(NOW, network_id=1)) == []
    assert list(billings.due(LATER, network_id=1)) == [(1, 7)]
    held = claimed(billings, now=LATER)
    assert held is not None
    assert (held.standing, held.attempts) == ("grace", 1)
    billings.release(held, due_at=None, now=LATER)
    assert list(billings.due(LATER + timedelta(days=999), network_id=1)) == []


def test_what_is_seen_while_it_is_held_makes_it_due_again(billings: BillingRepository) -> None:
    """The worker has read the older state."""
    billings.touch(1, 7, now=NOW)
    held = claimed(billings)
    assert held is not None
    billings.touch(1, 7, now=NOW)
    billings.release(held, due_at=None, now=NOW)
    assert list(billings.due(NOW, network_id=1)) == [(1, 7)]


def test_a_look_far_ahead_gives_way_to_news(billings: BillingRepository) -> None:
    """The next rung of the ladder is days away; a payment is now."""
    billings.touch(1, 7, now=NOW)
    held = claimed(billings)
    assert held is not None
    billings.release(held, due_at=NOW + timedelta(days=3), now=NOW)
    billings.touch(1, 7, now=NOW)
    assert list(billings.due(NOW, network_id=1)) == [(1, 7)]


def test_what_is_noted_is_there_after_a_crash(
    billings: BillingRepository, session: Session
) -> None:
    """And what was settled stays beside its object."""
    billings.touch(1, 7, now=NOW)
    held = claimed(billings)
    assert held is not None
    billings.note(held, {"counts": {"in_1": 6}})
    seen = SightingRepository(session.connection(), ACCOUNT)
    sighting = Sighting(kind="invoice", id="in_1", at=NOW, rank=3, facts={"status": "paid"})
    seen.keep(sighting, now=NOW)
    seen.give(sighting, (1, 7))
    billings.settle([Settled(ACCOUNT, "in_1", {"times_billed": 6})])
    session.commit()
    found = billings.find(1, 7)
    assert found is not None
    assert found.noted == {"counts": {"in_1": 6}}
    (row,) = billings.objects(1, 7)
    assert row.settled == {"times_billed": 6}


@pytest.mark.parametrize(
    ("state", "at_work"),
    [
        (ChangeState.ACCEPTED, True),
        (ChangeState.APPLYING, True),
        (ChangeState.PROVING, True),
        (ChangeState.SCHEDULED, False),
        (ChangeState.AWAITING_PAYMENT, False),
        (ChangeState.ATTENTION, False),
        (ChangeState.PROVEN, False),
    ],
)
def test_a_change_at_work_is_found(
    billings: BillingRepository, session: Session, state: ChangeState, at_work: bool
) -> None:
    """Two writers at once would undo each other."""
    session.add(
        Change(
            id="chg_1",
            network_id=1,
            membership_id=7,
            kind="upgrade",
            state=state,
            is_open=state.is_open,
            target={"date_expiration": None},
            currency="USD",
            created_at=NOW,
            effective_at=NOW,
            paid_at=NOW,
            applied_at=NOW if state is ChangeState.PROVEN else None,
            updated_at=NOW,
        )
    )
    session.commit()
    assert (billings.change_at_work(1, 7) is not None) is at_work
    assert billings.change_at_work(1, 8) is None
    assert billings.term_set_since(1, 7) == (NOW if state is ChangeState.PROVEN else None)


def test_ids_of_one_payment_find_each_other_in_any_order(session: Session) -> None:
    """Two groups become one when an object names both."""
    seen = SightingRepository(session.connection(), ACCOUNT)
    for ids in (["pi_2", "ch_2"], ["in_1", "cs_1"], ["cs_1", "pi_2"]):
        assert seen.link(ids) == []
    assert seen.same_payment("ch_2") == {"pi_2", "ch_2", "in_1", "cs_1"}
    assert seen.same_payment("pi_9") == {"pi_9"}
    other = SightingRepository(session.connection(), "acct_2")
    assert other.same_payment("ch_2") == {"ch_2"}


def test_an_assumption_gives_way_to_what_stripe_says(session: Session) -> None:
    """pi_2 seemed to be the intent of in_1; it is pi_1."""
    seen = SightingRepository(session.connection(), ACCOUNT)
    seen.link(["pi_2", "ch_2"])
    seen.link(["in_1"])
    seen.assume("in_1", "pi_2")
    assert seen.link(["re_2", "ch_2", "pi_2"]) == []  # a refund of it says nothing of in_1
    assert seen.same_payment("in_1") == {"in_1", "pi_2", "ch_2", "re_2"}
    assert seen.link(["in_1", "pi_1"]) == ["ch_2", "pi_2", "re_2"]
    assert seen.same_payment("in_1") == {"in_1", "pi_1"}
    assert seen.same_payment("pi_2") == {"pi_2", "ch_2", "re_2"}


def test_an_assumption_that_is_confirmed_stays(session: Session) -> None:
    """Stripe says the same."""
    seen = SightingRepository(session.connection(), ACCOUNT)
    seen.link(["pi_1", "ch_1"])
    seen.link(["in_1"])
    seen.assume("in_1", "pi_1")
    assert seen.link(["in_1", "pi_1"]) == []
    assert seen.same_payment("in_1") == {"in_1", "pi_1", "ch_1"}


def test_states_of_one_second_tie_unless_their_rank_differs(session: Session) -> None:
    """The same facts are the same state."""
    seen = SightingRepository(session.connection(), ACCOUNT)

    def state(status: str, *, rank: int = 1, at: datetime = NOW) -> Sighting:
        return Sighting(kind="subscription", id="sub_1", at=at, rank=rank, facts={"s": status})

    assert seen.keep(state("active"), now=NOW)
    assert not seen.keep(state("active"), now=NOW)
    with pytest.raises(Tie):
        seen.keep(state("past_due"), now=NOW)
    assert seen.keep(state("past_due"), now=NOW, asked=True)
    assert not seen.keep(state("incomplete", rank=0), now=NOW)
    assert seen.keep(state("canceled", rank=9), now=NOW)
    assert not seen.keep(state("active", at=NOW - timedelta(seconds=1)), now=NOW)
    assert seen.keep(state("active", at=NOW + timedelta(seconds=1)), now=NOW)
