"""The inbox: one thread writes, and commits for everybody who is waiting.

A commit costs the same for one event as for fifty. So requests queue up while one commit
is under way, and the next commit takes them all. Nobody waits for a timer: the writer is
called as soon as the event loop has seen to all requests that were there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from bridge.errors import StoreError
from bridge.store.events import EventKey, EventRepository, NewEvent
from bridge.store.standing import StandingConnection

_log = structlog.get_logger(__name__)


_SOON: Mapping[str, str] = {"Retry-After": "2"}


class InboxFull(StoreError):
    """The inbox has {waiting} events waiting and takes no more just now."""

    hint = "Deliver the event again in a moment."
    headers = _SOON


class InboxClosed(StoreError):
    """The service is stopping and takes no more events."""

    hint = "Deliver the event again in a moment."
    headers = _SOON


class EventNotStored(StoreError):
    """The event could not be stored."""

    hint = "Deliver the event again in a moment; the log says what the database answered."
    headers = _SOON


@dataclass(frozen=True, slots=True)
class Receipt:
    """The event is in the database; ``duplicate`` when it had been there before."""

    duplicate: bool


class _Waiting(NamedTuple):
    event: NewEvent
    loop: asyncio.AbstractEventLoop
    receipt: asyncio.Future[Receipt]


class Inbox:
    """Stores events once each, and says so only after the commit.

    Args:
        engine: The database.
        capacity: Events that may wait for the writer; one more is refused.
        group: Events in one transaction at most.
        on_stored: Called in the writer's thread after a commit that stored something new.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        capacity: int = 2000,
        group: int = 500,
        on_stored: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = StandingConnection(engine)
        self._capacity = capacity
        self._group = group
        self._on_stored = on_stored
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()
        self._calling: asyncio.AbstractEventLoop | None = None
        self._called = False
        self._closed = False
        self._writer: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write, first what was delivered before."""
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="inbox-writer", daemon=True)
            self._writer.start()

    def close(self) -> None:
        """Refuse new events for good, write those that wait, and return when that is done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.start()
        if self._writer is not None:
            self._writer.join()

    async def deliver(self, event: NewEvent) -> Receipt:
        """Store an event and return once it is safe.

        Raises:
            InboxFull, InboxClosed: not taken, nothing was written.
            EventNotStored: the database refused it.
        """
        loop = asyncio.get_running_loop()
        receipt: asyncio.Future[Receipt] = loop.create_future()
        with self._changed:
            if self._closed:
                raise InboxClosed
            if len(self._waiting) >= self._capacity:
                raise InboxFull(waiting=len(self._waiting))
            self._waiting.append(_Waiting(event, loop, receipt))
            if self._calling is not loop:
                self._calling = loop
                loop.call_soon(self._call)
        return await receipt

    def _call(self) -> None:
        """Call the writer, for all that were delivered in one round of the event loop."""
        with self._changed:
            self._calling, self._called = None, bool(self._waiting)
            self._changed.notify()

    def _write(self) -> None:
        while group := self._next_group():
            try:
                answers = self._store([waiting.event for waiting in group])
            except Exception:
                # Whatever it was, even a log that cannot be written: the writer must live on,
                # and nobody may wait for ever.
                answers = [EventNotStored() for _ in group]
            _resolve(list(zip(group, answers, strict=True)))
            if any(isinstance(answer, Receipt) and not answer.duplicate for answer in answers):
                with suppress(Exception):  # the dispatcher looks by itself before long
                    self._on_stored()
        self._connection.close()

    def _next_group(self) -> list[_Waiting]:
        """Wait for events and take them; an empty group means closed and nothing left."""
        with self._changed:
            self._changed.wait_for(lambda: self._called or self._closed)
            group, self._waiting = self._waiting[: self._group], self._waiting[self._group :]
            self._called = bool(self._waiting)
            return group

    def _store(self, events: Sequence[NewEvent]) -> list[Receipt | StoreError]:
        """Write all events in one transaction; an answer for each, in order."""
        once = {event.key: event for event in reversed(events)}
        try:
            new = self._insert(list(once.values()))
        except IntegrityError as error:
            if len(events) > 1:
                # One event spoils the transaction, such as that of a network just removed.
                return [answer for event in events for answer in self._store([event])]
            return self._failed(events, error)
        except (SQLAlchemyError, OSError) as error:
            return self._failed(events, error)
        answers: list[Receipt | StoreError] = []
        for event in events:
            answers.append(Receipt(duplicate=event.key not in new))
            new.discard(event.key)
        return answers

    def _insert(self, events: Sequence[NewEvent]) -> set[EventKey]:
        try:
            with self._connection.write() as connection:
                return EventRepository(connection).insert_new(events)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        # The database was away since the last event: once more, over a new connection.
        with self._connection.write() as connection:
            return EventRepository(connection).insert_new(events)

    @staticmethod
    def _failed(events: Sequence[NewEvent], error: Exception) -> list[Receipt | StoreError]:
        # The text of a database error carries the row's values, so only its cause is logged.
        cause = getattr(error, "orig", None) or type(error).__name__
        _log.error("events not stored", events=len(events), cause=str(cause).split("\n")[0])
        return [EventNotStored() for _ in events]


def _resolve(answers: Sequence[tuple[_Waiting, Receipt | StoreError]]) -> None:
    """Hand the answers over, with one call into each event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[_Waiting, Receipt | StoreError]]] = {}
    for waiting, answer in answers:
        loops.setdefault(waiting.loop, []).append((waiting, answer))
    for loop, mine in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, mine)
        except RuntimeError:
            # The loop ended: its clients are gone, the events are safe all the same.
            _log.warning("clients gone before the answer", events=len(mine))


def _settle(answers: Sequence[tuple[_Waiting, Receipt | StoreError]]) -> None:
    for waiting, answer in answers:
        if waiting.receipt.done():
            continue
        if isinstance(answer, StoreError):
            waiting.receipt.set_exception(answer)
        else:
            waiting.receipt.set_result(answer)
