"""The inbox: one thread writes, and commits for everybody who is waiting.

A commit costs the same for one event as for fifty. So requests queue up while one commit
is under way, and the next commit takes them all. Nobody waits for a timer: a lone event
is written at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from bridge.errors import StoreError
from bridge.store.events import EventRepository, NewEvent
from bridge.store.turns import writing

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


@dataclass(frozen=True, slots=True)
class _Waiting:
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
        self._engine = engine
        self._capacity = capacity
        self._group = group
        self._on_stored = on_stored
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
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
            self._changed.notify()
        return await receipt

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

    def _next_group(self) -> list[_Waiting]:
        """Wait for events and take them; an empty group means closed and nothing left."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            size = min(len(self._waiting), self._group)
            return [self._waiting.popleft() for _ in range(size)]

    def _store(self, events: Sequence[NewEvent]) -> list[Receipt | StoreError]:
        """Write all events in one transaction; an answer for each, in order."""
        once = {event.key: event for event in reversed(events)}
        try:
            with writing(self._engine) as connection:
                new = EventRepository(connection).insert_new(list(once.values()))
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
