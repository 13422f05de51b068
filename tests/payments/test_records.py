"""What is asked of Stripe is written down before, once, and found again when there is work."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.store.collections import CollectionRepository
from bridge.store.tables import Change, ChangeState, CollectionState, Network
from tests.conftest import NOW

PLAN = {"how": "invoice"}


def add(
    session: Session, name: str, state: ChangeState, *, due: int = 100, key: str | None = None
) -> Change:
    """A change of a membership of its own."""
    change = Change(
        id=name,
        network_id=1,
        membership_id=sum(name.encode()),
        kind="upgrade",
        state=state,
        is_open=state.is_open,
        currency="USD",
        amount_due=due,
        payment_key=key,
        created_at=NOW,
        effective_at=NOW,
        updated_at=NOW,
    )
    session.add(change)
    session.flush()
    return change


@pytest.fixture
def repository(engine: Engine) -> CollectionRepository:
    session = Session(engine)
    for number, key in ((1, "sealed"), (2, "")):
        session.add(
            Network(
                id=number,
                name=f"n{number}",
                url="http://x",
                sealed_credentials="",
                sealed_stripe_key=key,
                created_at=NOW,
            )
        )
    session.flush()
    return CollectionRepository(session)


def session_of(repository: CollectionRepository) -> Session:
    return repository._session


def test_only_a_network_with_a_key_collects(repository: CollectionRepository) -> None:
    change = add(session_of(repository), "a", ChangeState.AWAITING_PAYMENT)
    assert repository.expect(change, now=NOW) is not None
    change.network_id = 2
    assert repository.expect(change, now=NOW) is None


def test_expecting_it_again_leaves_what_is_there(repository: CollectionRepository) -> None:
    change = add(session_of(repository), "a", ChangeState.AWAITING_PAYMENT)
    repository.expect(change, now=NOW)
    repository.save("a", now=NOW, state=CollectionState.WAITING, url="http://page")
    again = repository.expect(change, now=NOW + timedelta(hours=1))
    assert again is not None
    assert (again.state, again.url, again.created_at) == (
        CollectionState.WAITING,
        "http://page",
        NOW,
    )


def test_the_first_decision_counts(repository: CollectionRepository) -> None:
    change = add(session_of(repository), "a", ChangeState.AWAITING_PAYMENT)
    repository.expect(change, now=NOW)
    assert repository.plan("a", PLAN, now=NOW) == PLAN
    assert repository.plan("a", {"how": "start"}, now=NOW) == PLAN


@pytest.mark.parametrize(
    ("state", "due", "key", "asked", "has_work"),
    [
        (ChangeState.AWAITING_PAYMENT, 100, None, CollectionState.WAITING, False),
        (ChangeState.AWAITING_PAYMENT, 100, None, CollectionState.PLANNED, False),
        (ChangeState.SCHEDULED, 0, None, CollectionState.PLANNED, True),
        (ChangeState.SCHEDULED, 0, None, CollectionState.WAITING, False),
        (ChangeState.ACCEPTED, 100, "in_1", CollectionState.WAITING, True),
        (ChangeState.PROVEN, 0, None, CollectionState.WAITING, True),
        (ChangeState.ATTENTION, 100, None, CollectionState.WAITING, False),
        (ChangeState.REVOKED, 100, None, CollectionState.WAITING, True),
        (ChangeState.SUPERSEDED, 0, None, CollectionState.PLANNED, True),
        (ChangeState.SUPERSEDED, 0, None, CollectionState.UNDONE, False),
        (ChangeState.PROVEN, 100, "in_1", CollectionState.DONE, False),
    ],
)
def test_what_waits_for_somebody_else_is_not_looked_at(
    repository: CollectionRepository,
    state: ChangeState,
    due: int,
    key: str | None,
    asked: CollectionState,
    has_work: bool,
) -> None:
    """However many customers have an open page, what can be done is found."""
    change = add(session_of(repository), "a", state, due=due, key=key)
    repository.expect(change, now=NOW)
    repository.save("a", now=NOW, state=asked)
    assert bool(repository.with_work(NOW)) is has_work


def test_one_worker_at_a_time(repository: CollectionRepository) -> None:
    change = add(session_of(repository), "a", ChangeState.REVOKED)
    repository.expect(change, now=NOW)
    until = NOW + timedelta(minutes=2)
    assert repository.claim("a", now=NOW, until=until)
    assert not repository.claim("a", now=NOW, until=until)
    assert not repository.with_work(NOW)
    assert repository.claim("a", now=until, until=until)


def test_a_customer_is_kept_whoever_comes_first(repository: CollectionRepository) -> None:
    for made in ("cus_1", "cus_2"):
        repository.keep_customer(1, 3, made, now=NOW)
        kept = repository.customer(1, 3)
        assert kept is not None
        assert kept.stripe_id == made
