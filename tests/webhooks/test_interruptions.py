"""Workers that die: no event is given up for the death of others."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from bridge.store.events import ClaimedEvent, EventRepository
from bridge.store.tables import EventState
from webhooks.decisions import Decision, Directory
from webhooks.stripe_events import decide

from .delivery import add_network, event_of, stored
from .test_dispatch import Clock, dispatcher, keep

LEASE = timedelta(seconds=30)


class Death(BaseException):
    """The process ends here."""


def take(engine: Engine, clock: Clock, *, limit: int, tried: bool) -> list[str]:
    """Claim as a worker does that dies before it has done anything."""
    with engine.begin() as connection:
        taken = EventRepository(connection).claim(
            now=clock.now, lease_until=clock.now + LEASE, limit=limit, tried=tried
        )
    clock.advance(LEASE)
    return [event.event_id for event in taken]


def test_deaths_are_shared_out(engine: Engine) -> None:
    """Of events that were taken before, the one taken least comes first.

    Otherwise a service that is killed every few seconds gives up its oldest event, which may
    be as healthy as all the others.
    """
    clock = Clock()
    add_network(engine)
    keep(engine, *(event_of("customer_updated", id=f"evt_{number}") for number in range(4)))
    assert len(take(engine, clock, limit=4, tried=False)) == 4
    taken = Counter(take(engine, clock, limit=1, tried=True)[0] for _ in range(8))
    assert set(taken.values()) == {2}


def test_a_fresh_event_takes_none_with_it_that_was_taken_before(engine: Engine) -> None:
    """Those are claimed only when the fresh ones are done with."""
    clock = Clock()
    add_network(engine)
    keep(engine, event_of("customer_updated", id="evt_old"))
    take(engine, clock, limit=1, tried=False)
    keep(engine, event_of("customer_updated", id="evt_deadly"))

    def die(event: ClaimedEvent, directory: Directory) -> Decision:
        if event.event_id == "evt_deadly":
            raise Death
        return decide(event, directory)

    with pytest.raises(Death):
        dispatcher(engine, clock, decide=die).run_due()
    attempts = {event.event_id: event.attempts for event in stored(engine)}
    assert attempts == {"evt_old": 1, "evt_deadly": 1}
    assert {event.state for event in stored(engine)} == {EventState.WAITING}
