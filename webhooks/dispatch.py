"""The dispatcher: takes stored events, has them decided, and writes down what became of them.

At least once, and once in effect: what an event does and the note that it is done are one
commit. A worker holds its events by a lease; if it dies, they are free again when the
lease is over. A failing event waits for its next attempt while the others go on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from bridge.store.events import ClaimedEvent, EventRepository, EventResult
from bridge.store.identities import read_identities
from bridge.store.sightings import Tie, forget_strangers
from bridge.store.tables import EventState
from bridge.store.turns import turn, writing
from webhooks.asking import Ask, as_it_is_now, cannot_ask, with_invoice
from webhooks.decisions import Accept, Decision, Directory, Watch
from webhooks.effects import InvoiceUnknown, carry_out
from webhooks.stripe_events import decide

_log = structlog.get_logger(__name__)

_FIRST_DELAY = timedelta(seconds=1)
_LONGEST_DELAY = timedelta(minutes=10)
_SHORTEST_RETENTION = timedelta(days=31)
_TOGETHER = 50


class Dispatcher:
    """Handles stored events in threads of its own.

    Args:
        engine: The database.
        clock: Aware UTC time, by which leases, retries and retention go.
        wake: Told the id of a change that is ready for the engine, after the commit. If the
            process dies before that, the engine finds the change by itself.
        seen: Told that the billing of memberships is due, after the commit.
        ask: Asks Stripe for an object when two events of one second differ, and for the
            invoice of a payment that is given back.
        quote_key: The key that quotes are signed with.
        decide: What an event leads to.
        workers: Threads.
        batch: Fresh events taken at once.
        lease: How long a worker holds what it took.
        sweep: Seconds between two looks for events of other processes, retries and leases
            that are over. Events stored here are handled at once, by `wake`.
        pause: Seconds after a round that handled something. A lone event is handled at once;
            in a stream of events this makes one round, and its commits, serve many.
        max_attempts: After so many failures an event is `failed` and waits for the operator.
        retention: How long events that are over are kept; at least 31 days, as Stripe can
            send an event again for 30.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Callable[[], datetime],
        wake: Callable[[str], None],
        quote_key: bytes,
        seen: Callable[[], None] = lambda: None,
        ask: Ask = lambda _networks, _kind, _id: None,
        decide: Callable[[ClaimedEvent, Directory], Decision] = decide,
        workers: int = 1,
        batch: int = 200,
        lease: timedelta = timedelta(seconds=30),
        sweep: float = 1.0,
        pause: float = 0.05,
        max_attempts: int = 10,
        retention: timedelta = timedelta(days=90),
    ) -> None:
        if retention < _SHORTEST_RETENTION:
            message = f"retention of {retention}: Stripe can send an event again for 30 days"
            raise ValueError(message)
        self._engine = engine
        self._clock = clock
        self._wake_engine = wake
        self._quote_key = quote_key
        self._seen = seen
        self._ask = ask
        self._decide = decide
        self._workers = workers
        self._batch = batch
        self._lease = lease
        self._sweep = sweep
        self._pause = pause
        self._max_attempts = max_attempts
        self._retention = retention
        self._pruned_at: datetime | None = None
        self._changed = threading.Condition()
        self._calls = 0
        self._stopping = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to handle events, those first that waited before."""
        if self._threads:
            return
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"event-dispatcher-{number}", daemon=True)
            for number in range(self._workers)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Finish what was taken and stop; what waits is handled after the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def wake(self) -> None:
        """Look for events now. Cheap; may be called from any thread."""
        with self._changed:
            self._calls += 1
            self._changed.notify_all()

    def run_due(self) -> int:
        """Handle what is due now, in this thread, and return how many events were taken."""
        total = 0
        while not self._stopping and (taken := self._round()):
            total += taken
        return total

    def _round(self) -> int:
        total = 0
        for tried in (False, True):
            events = self._claim(tried=tried)
            if events:
                self._handle_all(events)
            total += len(events)
        return total

    def _work(self) -> None:
        while not self._stopping:
            seen = self._calls
            taken = 0
            try:
                taken = self._round()
                self._prune()
            except Exception as error:
                # Most likely the database is away; the events wait for it. The worker must
                # live on even if the log cannot be written.
                with suppress(Exception):
                    _log.error("event dispatcher disturbed", cause=_cause(error))
            if taken >= self._batch:
                continue
            with self._changed:
                if taken:
                    self._changed.wait_for(lambda: self._stopping, timeout=self._pause)
                else:
                    self._changed.wait_for(partial(self._called_since, seen), timeout=self._sweep)

    def _called_since(self, seen: int) -> bool:
        return self._stopping or self._calls != seen

    def _claim(self, *, tried: bool) -> list[ClaimedEvent]:
        """Take due events: fresh ones many at a time, those taken before one by one.

        So an event that kills the process takes others down with it once, not each time.
        """
        now = self._clock()
        with self._engine.connect() as connection:
            if not EventRepository(connection).has_due(now, tried=tried):
                return []
        with writing(self._engine) as connection:
            return EventRepository(connection).claim(
                now=now,
                lease_until=now + self._lease,
                limit=1 if tried else self._batch,
                tried=tried,
            )

    def _handle_all(self, events: list[ClaimedEvent]) -> None:
        """Decide all events; those without effect are written down together, first."""
        with self._engine.connect() as connection:
            directory = Directory(read_identities(connection))
        payments: list[tuple[ClaimedEvent, Accept]] = []
        watches: list[tuple[ClaimedEvent, Watch]] = []
        results: list[tuple[ClaimedEvent, EventResult]] = []
        for event in events:
            try:
                decision = self._decide_one(event, directory)
            except Exception as error:
                self._failed(event, error)
                continue
            match decision:
                case Accept():
                    payments.append((event, decision))
                case Watch():
                    watches.append((event, decision))
                case EventResult():
                    results.append((event, decision))
        if results:
            with writing(self._engine) as connection:
                EventRepository(connection).finish_many(results, now=self._clock())
        for event, result in results:
            _report(event, result)
        for start in range(0, len(watches), _TOGETHER):
            self._apply_together(watches[start : start + _TOGETHER])
        for event, accept in payments:
            self._apply(event, accept)
        if watches or payments:
            self._tell(self._seen)

    def _decide_one(self, event: ClaimedEvent, directory: Directory) -> Decision:
        if event.attempts > self._max_attempts:
            # It was taken so often and never came to an end: it kills or hangs its worker.
            return EventResult(
                EventState.FAILED, f"given up: {self._max_attempts} attempts were interrupted"
            )
        return self._decide(event, directory)

    def _apply_together(self, some: Sequence[tuple[ClaimedEvent, Watch]]) -> None:
        """Carry several out in one commit; each by itself when one of them cannot."""
        try:
            done = self._in_one_commit(some)
        except Exception:
            for event, watch in some:
                self._apply(event, watch)
            return
        for event, result in done:
            _report(event, result)

    def _apply(self, event: ClaimedEvent, decision: Accept | Watch) -> None:
        """Carry a decision out and note it in one commit; then tell the engine."""
        try:
            done = self._carried_out(event, decision)
        except Exception as error:
            self._failed(event, error)
            return
        for _, result in done:
            if result.state is EventState.APPLIED and result.change_id:
                self._tell(partial(self._wake_engine, result.change_id))
            _report(event, result)

    def _carried_out(
        self, event: ClaimedEvent, decision: Accept | Watch
    ) -> list[tuple[ClaimedEvent, EventResult]]:
        """Carry it out; Stripe is asked for what the event does not tell, each thing once."""
        asked = False
        while True:
            try:
                return self._in_one_commit([(event, decision)], asked=asked)
            except InvoiceUnknown as gap:
                decision = with_invoice(decision, gap, ask=self._ask)
            except Tie as tie:
                known = as_it_is_now(decision, tie, ask=self._ask)
                if known is None:
                    result = cannot_ask(tie)
                    with writing(self._engine) as connection:
                        EventRepository(connection).finish(event, result, now=self._clock())
                    return [(event, result)]
                decision, asked = known, True

    def _in_one_commit(
        self, some: Sequence[tuple[ClaimedEvent, Accept | Watch]], *, asked: bool = False
    ) -> list[tuple[ClaimedEvent, EventResult]]:
        now = self._clock()
        done: list[tuple[ClaimedEvent, EventResult]] = []
        with turn(self._engine), Session(self._engine) as session:
            for event, decision in some:
                if not EventRepository(session.connection()).hold(event):
                    continue
                result = carry_out(
                    decision, session, now=now, quote_key=self._quote_key, asked=asked
                )
                session.flush()
                # Asked for again: the intent rolls back when the database refuses a change.
                if not EventRepository(session.connection()).finish(event, result, now=now):
                    session.rollback()
                    return []
                done.append((event, result))
            session.commit()
        return done

    def _tell(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            _log.error("nobody woken", cause=_cause(error))

    def _failed(self, event: ClaimedEvent, error: Exception) -> None:
        """Let the event wait for its next attempt, or give it to the operator."""
        now = self._clock()
        reason = _cause(error)
        over = event.attempts >= self._max_attempts
        with writing(self._engine) as connection:
            repository = EventRepository(connection)
            if over:
                repository.finish(event, EventResult(EventState.FAILED, reason), now=now)
            else:
                due_at = now + backoff(event.attempts)
                repository.postpone(event, due_at=due_at, reason=reason)
        _log.error(
            "event failed",
            event_id=event.event_id,
            type=event.type,
            attempts=event.attempts,
            given_up=over,
            cause=reason,
        )

    def _prune(self) -> None:
        """Once an hour, delete events that are over and older than the retention."""
        now = self._clock()
        with self._changed:
            if self._pruned_at is not None and now - self._pruned_at < timedelta(hours=1):
                return
            self._pruned_at = now
        more = True
        while more:
            with writing(self._engine) as connection:
                repository = EventRepository(connection)
                old = now - self._retention
                more = repository.prune(handled_before=old) > 0
                more = forget_strangers(connection, seen_before=old) > 0 or more


def backoff(attempts: int) -> timedelta:
    """The wait after so many failed attempts: 1 s, 2 s, 4 s … 10 minutes."""
    doublings = min(attempts - 1, 20)
    return min(_FIRST_DELAY * int(2**doublings), _LONGEST_DELAY)


def _report(event: ClaimedEvent, result: EventResult) -> None:
    levels = {EventState.ATTENTION: _log.warning, EventState.APPLIED: _log.info}
    levels.get(result.state, _log.debug)(
        "event handled",
        event_id=event.event_id,
        type=event.type,
        state=result.state.value,
        reason=result.reason,
        change=result.change_id,
    )


def _cause(error: Exception) -> str:
    """What went wrong, without the row values that database errors carry."""
    told = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    first_line = (str(told).splitlines() or [""])[0]
    return f"{type(told).__name__}: {first_line}"[:500]
