"""From a stored event to its effect: once, whatever happens in between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from bridge.store.events import (
    ClaimedEvent,
    EventFilter,
    EventRepository,
    EventResult,
    EventSummary,
)
from bridge.store.tables import ChangeState, EventState
from webhooks.decisions import Accept, Decision, Directory
from webhooks.dispatch import Dispatcher, backoff
from webhooks.endpoints import EndpointInfo
from webhooks.envelope import new_event
from webhooks.inbox import Inbox
from webhooks.stripe_events import decide

from .delivery import (
    NOW,
    QUOTE_KEY,
    SECRET,
    VERSIONS,
    about,
    add_network,
    add_quote,
    changes_of,
    event_of,
    eventually,
    gate,
    stored,
)


class Clock:
    """A time that moves only when told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by


def keep(engine: Engine, *events: dict[str, Any], network_id: int = 1, account: str = "") -> None:
    """Put events into the inbox as its writer does."""
    endpoint = EndpointInfo(network_id=network_id, name="main", account=account)
    with engine.begin() as connection:
        rows = [new_event(orjson.dumps(event), endpoint, now=NOW) for event in events]
        EventRepository(connection).insert_new(rows)


def dispatcher(engine: Engine, clock: Clock | None = None, **options: Any) -> Dispatcher:
    """A dispatcher that wakes nobody unless told to."""
    options.setdefault("wake", lambda change_id: None)
    return Dispatcher(engine, clock=clock or Clock(), quote_key=QUOTE_KEY, **options)


@contextmanager
def running(*workers: Dispatcher) -> Iterator[None]:
    """Started, and closed whatever happens."""
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.close()


def the_event(engine: Engine, event_id: str | None = None) -> EventSummary:
    """The one event there is, or the one of that id."""
    (row,) = (row for row in stored(engine) if event_id in (None, row.event_id))
    return row


@pytest.fixture
def quote(engine: Engine) -> str:
    """A quote of network ``main`` for membership 1, on each database."""
    return add_quote(engine, add_network(engine))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_paid_quote_becomes_a_change_and_the_engine_is_told(
    engine: Engine, quote: str, version: str
) -> None:
    """One commit holds the change and the note about the event; then the engine is woken."""
    woken: list[str] = []

    def wake(change_id: str) -> None:
        assert the_event(engine).state is EventState.APPLIED
        woken.append(change_id)

    keep(engine, about(event_of("invoice_paid__subscription", version), quote=quote))
    assert dispatcher(engine, wake=wake).run_due() == 1
    (change,) = changes_of(engine)
    assert (change.state, change.amount_paid, change.quote_id) == (
        ChangeState.ACCEPTED,
        4522,
        quote,
    )
    assert woken == [change.id]
    event = the_event(engine)
    assert (event.change_id, event.attempts, event.handled_at) == (change.id, 1, NOW)


@pytest.mark.parametrize("version", VERSIONS)
def test_three_events_of_one_payment_act_once(engine: Engine, quote: str, version: str) -> None:
    """Invoice, intent and session tell of the same money; the first acts."""
    names = ["payment_intent_succeeded", "invoice_paid", "checkout_session_completed"]
    keep(engine, *(about(event_of(name, version), quote=quote) for name in names))
    woken: list[str] = []
    assert dispatcher(engine, wake=woken.append).run_due() == 3
    (change,) = changes_of(engine)
    assert woken == [change.id]
    third, second, first = stored(engine)
    assert first.state is EventState.APPLIED
    for event in (second, third):
        assert (event.state, event.change_id) == (EventState.IGNORED, change.id)
        assert change.id in event.reason


def test_a_wrong_amount_applies_nothing_and_names_both_figures(engine: Engine, quote: str) -> None:
    """The event and the change wait for the operator."""
    keep(engine, about(event_of("invoice_paid", object={"amount_paid": 4521}), quote=quote))
    woken: list[str] = []
    dispatcher(engine, wake=woken.append).run_due()
    event, (change,) = the_event(engine), changes_of(engine)
    assert (event.state, change.state) == (EventState.ATTENTION, ChangeState.ATTENTION)
    assert change.is_open is False
    for reason in (event.reason, change.reason):
        assert "45.21 USD" in reason
        assert "45.22 USD" in reason
    assert woken == []


def test_money_for_a_quote_that_nobody_gave_needs_the_operator(engine: Engine, quote: str) -> None:
    """It is kept with its reason."""
    keep(engine, about(event_of("invoice_paid"), quote="qt_other"))
    dispatcher(engine).run_due()
    event = the_event(engine)
    assert (event.state, event.change_id) == (EventState.ATTENTION, None)
    assert "qt_other" in event.reason
    assert changes_of(engine) == []


def test_what_has_no_handler_is_kept_as_ignored(engine: Engine, quote: str) -> None:
    """With its reason, and without a change."""
    keep(engine, event_of("customer_updated"), event_of("payment_intent_succeeded__foreign"))
    dispatcher(engine).run_due()
    assert {event.reason for event in stored(engine)} == {
        "no handler for customer.updated",
        "no planbridge metadata",
    }
    assert {event.state for event in stored(engine)} == {EventState.IGNORED}


def test_an_event_for_another_network_of_the_account_is_shown_there(engine: Engine) -> None:
    """Kept through the first endpoint, applied for the network it names, listed with it."""
    first = add_network(engine, "main", stripe_account="acct_1")
    second = add_network(engine, "sister", stripe_account="acct_1")
    quote = add_quote(engine, second)
    event = about(event_of("invoice_paid"), network="sister", quote=quote)
    keep(engine, event, network_id=first, account="acct_1")
    dispatcher(engine).run_due()
    assert (the_event(engine).network_id, the_event(engine).state) == (second, EventState.APPLIED)
    assert [change.network_id for change in changes_of(engine)] == [second]


def failing(*event_ids: str) -> Any:
    """A table of handlers in which some events fail."""

    def choose(event: ClaimedEvent, directory: Directory) -> Decision:
        if event.event_id in event_ids:
            message = "broken on purpose"
            raise RuntimeError(message)
        return decide(event, directory)

    return choose


def test_a_failing_event_never_blocks_the_others(engine: Engine, quote: str) -> None:
    """It waits for its next attempt with the reason; what came after it is handled."""
    keep(
        engine,
        event_of("customer_updated", id="evt_bad"),
        about(event_of("invoice_paid", id="evt_good"), quote=quote),
    )
    dispatcher(engine, decide=failing("evt_bad")).run_due()
    assert the_event(engine, "evt_good").state is EventState.APPLIED
    bad = the_event(engine, "evt_bad")
    assert (bad.state, bad.reason) == (EventState.WAITING, "RuntimeError: broken on purpose")
    assert bad.due_at == NOW + timedelta(seconds=1)


def test_a_failing_event_is_tried_again_ever_later_and_then_given_up(
    engine: Engine, quote: str
) -> None:
    """1 s, 2 s, 4 s … and after the last attempt it is the operator's; a replay starts again."""
    clock = Clock()
    keep(engine, event_of("customer_updated"))
    broken = dispatcher(engine, clock, decide=failing("evt_customer_updated"), max_attempts=3)
    for attempt, seconds in ((1, 1), (2, 2)):
        assert broken.run_due() == 1
        event = the_event(engine)
        assert (event.attempts, event.due_at) == (attempt, clock.now + timedelta(seconds=seconds))
        assert broken.run_due() == 0
        clock.advance(timedelta(seconds=seconds))
    assert broken.run_due() == 1
    assert (the_event(engine).state, the_event(engine).attempts) == (EventState.FAILED, 3)
    clock.advance(timedelta(days=1))
    assert broken.run_due() == 0
    with engine.begin() as connection:
        assert EventRepository(connection).replay(EventFilter(), now=clock.now) == 1
    assert dispatcher(engine, clock).run_due() == 1
    assert (the_event(engine).state, the_event(engine).attempts) == (EventState.IGNORED, 1)


def test_the_back_off_doubles_up_to_ten_minutes() -> None:
    """However often it failed."""
    waits = [int(backoff(attempts).total_seconds()) for attempts in (1, 2, 3, 10, 11, 10**6)]
    assert waits == [1, 2, 4, 512, 600, 600]


def test_an_effect_that_fails_half_way_leaves_nothing(
    engine: Engine, quote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Change and note are one commit: if the note fails, there is no change either."""
    keep(engine, about(event_of("invoice_paid"), quote=quote))
    clock = Clock()
    with monkeypatch.context() as broken:

        def finish(*_: object, **__: object) -> bool:
            message = "no space left"
            raise OSError(message)

        broken.setattr(EventRepository, "finish", finish)
        dispatcher(engine, clock).run_due()
    assert changes_of(engine) == []
    assert the_event(engine).reason == "OSError: no space left"
    clock.advance(timedelta(seconds=1))
    dispatcher(engine, clock).run_due()
    assert len(changes_of(engine)) == 1
    assert the_event(engine).state is EventState.APPLIED


def test_a_dead_workers_events_are_free_when_its_lease_is_over(engine: Engine, quote: str) -> None:
    """Killed between taking and handling: nobody else takes it before, somebody does after."""
    clock = Clock()
    keep(engine, about(event_of("invoice_paid"), quote=quote))
    with engine.begin() as connection:
        lease_until = NOW + timedelta(seconds=30)
        taken = EventRepository(connection).claim(now=NOW, lease_until=lease_until, limit=10)
    assert len(taken) == 1
    assert dispatcher(engine, clock).run_due() == 0
    clock.advance(timedelta(seconds=30))
    assert dispatcher(engine, clock).run_due() == 1
    assert (the_event(engine).state, the_event(engine).attempts) == (EventState.APPLIED, 2)


def test_a_worker_that_wakes_up_too_late_changes_nothing(engine: Engine, quote: str) -> None:
    """Its lease was over and another one handled the event: its own effect is dropped."""
    clock = Clock()
    keep(engine, about(event_of("invoice_paid"), quote=quote))

    def slow(event: ClaimedEvent, directory: Directory) -> Decision:
        clock.advance(timedelta(minutes=5))
        dispatcher(engine, clock).run_due()
        decision = decide(event, directory)
        assert isinstance(decision, Accept)
        return decision

    woken: list[str] = []
    dispatcher(engine, clock, decide=slow, wake=woken.append).run_due()
    assert len(changes_of(engine)) == 1
    assert woken == []
    assert (the_event(engine).state, the_event(engine).attempts) == (EventState.APPLIED, 2)


def test_an_event_that_never_comes_to_an_end_is_given_up(engine: Engine, quote: str) -> None:
    """It kills each worker that takes it: after so many attempts it is not handled any more."""
    clock = Clock()
    keep(engine, event_of("customer_updated"))
    for _ in range(3):
        with engine.begin() as connection:
            repository = EventRepository(connection)
            fresh = the_event(engine).attempts == 0
            lease_until = clock.now + timedelta(seconds=30)
            taken = repository.claim(
                now=clock.now, lease_until=lease_until, limit=1, tried=not fresh
            )
        assert len(taken) == 1
        clock.advance(timedelta(seconds=30))
    dispatcher(engine, clock, max_attempts=3).run_due()
    event = the_event(engine)
    assert (event.state, event.reason) == (
        EventState.FAILED,
        "given up: 3 attempts were interrupted",
    )


def test_two_dispatchers_never_handle_the_same_event(engine: Engine, quote: str) -> None:
    """Rows are claimed: each is decided by one of them."""
    keep(engine, *(event_of("customer_updated", id=f"evt_{number}") for number in range(200)))
    seen: list[str] = []
    lock = threading.Lock()

    def note(event: ClaimedEvent, directory: Directory) -> Decision:
        with lock:
            seen.append(event.event_id)
        return EventResult(EventState.IGNORED, "seen")

    pair = [dispatcher(engine, decide=note, batch=7, workers=2) for _ in range(2)]
    with running(*pair):
        eventually(lambda: all(event.state is EventState.IGNORED for event in stored(engine)))
    assert sorted(seen) == sorted(f"evt_{number}" for number in range(200))


def test_ten_parallel_deliveries_act_once_at_once(engine: Engine) -> None:
    """From the socket to the change: one row, one change, woken by the commit, not by a timer."""
    network_id = add_network(engine)
    quote = add_quote(engine, network_id)
    woken: list[str] = []
    worker = dispatcher(engine, wake=woken.append, sweep=3600.0, workers=2)
    inbox = Inbox(engine, on_stored=worker.wake)
    endpoint = EndpointInfo(network_id=network_id, name="main", secrets=(SECRET,))
    with running(worker), gate(engine, [endpoint], inbox=inbox) as door:
        answers = door.post_in_parallel(about(event_of("invoice_paid"), quote=quote), 10)
        assert sum(not answer.json()["duplicate"] for answer in answers) == 1
        eventually(lambda: bool(woken))
    assert woken == [change.id for change in changes_of(engine)]
    assert the_event(engine).state is EventState.APPLIED


def test_what_was_stored_before_a_restart_is_handled_after_it(engine: Engine, quote: str) -> None:
    """Nothing needs to arrive first."""
    keep(engine, about(event_of("invoice_paid"), quote=quote))
    with running(dispatcher(engine, sweep=3600.0)):
        eventually(lambda: the_event(engine).state is EventState.APPLIED)


def test_the_dispatcher_outlives_a_database_that_is_away(
    engine: Engine, quote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It logs, waits and goes on; and an engine that cannot be woken harms nobody."""
    keep(engine, about(event_of("invoice_paid"), quote=quote))
    answers = EventRepository.has_due
    refusals = iter(["server gone", "still gone"])

    def has_due(repository: EventRepository, now: datetime, *, tried: bool) -> bool:
        for message in refusals:
            raise OSError(message)
        return answers(repository, now, tried=tried)

    def wake(change_id: str) -> None:
        raise RuntimeError(change_id)

    monkeypatch.setattr(EventRepository, "has_due", has_due)
    with running(dispatcher(engine, sweep=0.01, wake=wake)):
        eventually(lambda: stored(engine)[0].state is EventState.APPLIED)
        keep(engine, event_of("customer_updated"))
        eventually(lambda: stored(engine)[0].state is EventState.IGNORED)


def test_old_events_that_are_over_are_deleted(engine: Engine, quote: str) -> None:
    """After the retention; what waits for the operator stays."""
    clock = Clock()
    keep(
        engine,
        event_of("customer_updated"),
        about(event_of("invoice_paid"), quote="qt_other"),
    )
    dispatcher(engine, clock).run_due()
    clock.advance(timedelta(days=91))
    with running(dispatcher(engine, clock)):
        eventually(lambda: len(stored(engine)) == 1)
    assert the_event(engine).state is EventState.ATTENTION


def test_events_are_kept_as_long_as_stripe_can_send_them_again(sqlite_engine: Engine) -> None:
    """Thirty days: a deleted one would be taken for new."""
    with pytest.raises(ValueError, match="30 days"):
        dispatcher(sqlite_engine, retention=timedelta(days=30))
