"""All queries on the inbox: keep events once, hand them out, write down what became of them.

`WebhookEvent` is both the record of what came in and, by its ``state``, ``due_at`` and
``attempts``, the queue it waits in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, delete, func, select, update

from bridge.store.arrivals import insert_missing
from bridge.store.tables import EventState, WebhookEvent
from bridge.store.upserts import table_of

_events = table_of(WebhookEvent)
_FRESH: Mapping[str, object] = {"state": EventState.WAITING, "reason": "", "attempts": 0}
_SUMMARY = [column for column in _events.c if column.name != "payload"]

EventKey = tuple[str, str]
"""What makes an event the same event: (account, event id)."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """A verified event on its way into the inbox; fields as in `WebhookEvent`."""

    network_id: int
    account: str
    event_id: str
    type: str
    api_version: str
    livemode: bool
    payload: bytes
    created: datetime
    received_at: datetime

    @property
    def key(self) -> EventKey:
        """What it is unique by."""
        return self.account, self.event_id


@dataclass(frozen=True, slots=True)
class ClaimedEvent:
    """An event that one worker holds until ``due_at``; ``attempts`` counts this one."""

    id: int
    network_id: int
    account: str
    event_id: str
    type: str
    livemode: bool
    created: datetime
    payload: bytes
    attempts: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class EventSummary:
    """An event without its payload, for lists."""

    id: int
    network_id: int
    account: str
    event_id: str
    type: str
    api_version: str
    livemode: bool
    created: datetime
    received_at: datetime
    state: EventState
    reason: str
    change_id: str | None
    attempts: int
    due_at: datetime
    handled_at: datetime | None


@dataclass(frozen=True, slots=True)
class EventResult:
    """What became of an event. ``network_id`` where it is for another network than thought."""

    state: EventState
    reason: str = ""
    change_id: str | None = None
    network_id: int | None = None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events: all that fit every given field. Times are of receipt, ``until`` excluded."""

    ids: tuple[int, ...] | None = None
    event_id: str | None = None
    network_id: int | None = None
    states: tuple[EventState, ...] | None = None
    type: str | None = None
    change_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The WHERE of it."""
        columns = _events.c
        found: list[ColumnElement[bool]] = []
        if self.ids is not None:
            found.append(columns.id.in_(self.ids))
        if self.states is not None:
            found.append(columns.state.in_(self.states))
        for name in ("event_id", "network_id", "type", "change_id"):
            value = getattr(self, name)
            if value is not None:
                found.append(columns[name] == value)
        if self.since is not None:
            found.append(columns.received_at >= self.since)
        if self.until is not None:
            found.append(columns.received_at < self.until)
        return found


_LEAST_TAKEN = (_events.c.attempts, _events.c.id)


def _due(now: datetime, *, tried: bool) -> tuple[ColumnElement[bool], ...]:
    return (
        _events.c.state == EventState.WAITING,
        _events.c.due_at <= now,
        _events.c.attempts > 0 if tried else _events.c.attempts == 0,
    )


class EventRepository:
    """All queries on events, by Core. The caller commits.

    From a session: ``EventRepository(session.connection())``.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert_new(self, events: Sequence[NewEvent]) -> set[EventKey]:
        """Insert the events that are not there yet, and return the keys of those.

        No two of ``events`` may have the same key.
        """
        if not events:
            return set()
        columns: dict[str, Sequence[object]] = {
            name: [getattr(event, name) for event in events]
            for name in NewEvent.__dataclass_fields__
        }
        columns |= {name: [value] * len(events) for name, value in _FRESH.items()}
        columns["due_at"] = columns["received_at"]
        inserted = insert_missing(
            self._connection, _events, columns, unique=("account", "event_id")
        )
        return {(str(account), str(event_id)) for account, event_id in inserted}

    def claim(
        self, *, now: datetime, lease_until: datetime, limit: int, tried: bool = False
    ) -> list[ClaimedEvent]:
        """Take up to ``limit`` due events, oldest first; nobody else gets them until the lease.

        ``tried`` chooses between events that were taken before and fresh ones. Of the former,
        the one taken least comes first: whatever kills the workers, no event bears it alone.

        Two processes never get the same row: PostgreSQL skips rows another one is taking,
        SQLite has one writer at a time.
        """
        due = (
            select(_events.c.id)
            .where(*_due(now, tried=tried))
            .order_by(*(_LEAST_TAKEN if tried else (_events.c.id,)))
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        statement = (
            update(_events)
            .where(_events.c.id.in_(select(due.c.id)))
            .values(due_at=lease_until, attempts=_events.c.attempts + 1)
            .returning(*(_events.c[name] for name in ClaimedEvent.__dataclass_fields__))
        )
        claimed = [ClaimedEvent(**row._mapping) for row in self._connection.execute(statement)]
        return sorted(claimed, key=lambda event: event.id)

    def hold(self, event: ClaimedEvent) -> bool:
        """Lock a claimed event for this transaction; False when the claim is lost.

        A write, not a read: on SQLite it makes this transaction the only writer, so that
        what the handler reads next stays true until the commit.
        """
        statement = update(_events).where(*self._still_held(event)).values(due_at=event.due_at)
        return self._connection.execute(statement).rowcount == 1

    def finish(self, event: ClaimedEvent, result: EventResult, *, now: datetime) -> bool:
        """Write down what became of a claimed event; False when the claim was lost."""
        statement = (
            update(_events)
            .where(*self._still_held(event))
            .values(
                state=result.state,
                reason=result.reason,
                change_id=result.change_id,
                network_id=result.network_id or event.network_id,
                handled_at=now,
            )
        )
        return self._connection.execute(statement).rowcount == 1

    def finish_many(
        self, results: Iterable[tuple[ClaimedEvent, EventResult]], *, now: datetime
    ) -> None:
        """`finish` for many events in one call; those whose claim was lost are left alone."""
        statement = (
            update(_events)
            .where(
                _events.c.id == bindparam("b_id"),
                _events.c.state == EventState.WAITING,
                _events.c.due_at == bindparam("b_due_at"),
                _events.c.attempts == bindparam("b_attempts"),
            )
            .values(handled_at=now)
        )
        rows = [
            {
                "b_id": event.id,
                "b_due_at": event.due_at,
                "b_attempts": event.attempts,
                "state": result.state,
                "reason": result.reason,
                "change_id": result.change_id,
                "network_id": result.network_id or event.network_id,
            }
            for event, result in results
        ]
        if rows:
            self._connection.execute(statement, rows)

    def postpone(self, event: ClaimedEvent, *, due_at: datetime, reason: str) -> bool:
        """Let a claimed event wait again; False when the claim was lost."""
        statement = (
            update(_events).where(*self._still_held(event)).values(due_at=due_at, reason=reason)
        )
        return self._connection.execute(statement).rowcount == 1

    def has_due(self, now: datetime, *, tried: bool) -> bool:
        """True when `claim` would find something. A read: it locks nothing."""
        statement = select(_events.c.id).where(*_due(now, tried=tried)).limit(1)
        return self._connection.scalar(statement) is not None

    def oldest_waiting(self) -> datetime | None:
        """When the event that has waited longest came in; None when none waits."""
        statement = select(func.min(_events.c.received_at)).where(
            _events.c.state == EventState.WAITING
        )
        received: datetime | None = self._connection.scalar(statement)
        return received

    def get(self, row_id: int) -> WebhookEvent | None:
        """One event with its payload, by row id."""
        row = self._connection.execute(select(_events).where(_events.c.id == row_id)).one_or_none()
        return None if row is None else WebhookEvent(**row._mapping)

    def list(
        self, chosen: EventFilter = EventFilter(), *, limit: int = 50, before_id: int | None = None
    ) -> list[EventSummary]:
        """Events without payload, newest first; ``before_id`` continues a list."""
        statement = select(*_SUMMARY).where(*chosen.conditions()).order_by(_events.c.id.desc())
        if before_id is not None:
            statement = statement.where(_events.c.id < before_id)
        rows: Sequence[Row[tuple[object, ...]]]
        rows = self._connection.execute(statement.limit(limit)).all()
        return [EventSummary(**row._mapping) for row in rows]

    def counts(self, chosen: EventFilter = EventFilter()) -> dict[EventState, int]:
        """How many events are in each state; states without events are left out."""
        statement = (
            select(_events.c.state, func.count())
            .where(*chosen.conditions())
            .group_by(_events.c.state)
        )
        return {row[0]: row[1] for row in self._connection.execute(statement)}

    def replay(self, chosen: EventFilter, *, now: datetime) -> int:
        """Let events be handled once more, and return how many.

        Handled ones start again from the first attempt; waiting ones lose their back-off.
        """
        waiting = _events.c.state == EventState.WAITING
        statement = (
            update(_events)
            .where(*chosen.conditions())
            .values(
                state=EventState.WAITING,
                attempts=case((waiting, _events.c.attempts), else_=0),
                due_at=now,
                handled_at=None,
            )
        )
        return self._connection.execute(statement).rowcount

    def prune(self, *, handled_before: datetime, limit: int = 1000) -> int:
        """Delete up to ``limit`` old events that are over (applied or ignored); how many.

        What waits for the operator is kept. Whoever calls keeps more than the 30 days for
        which Stripe can send an event again: a deleted one would be taken for new.
        """
        old = (
            select(_events.c.id)
            .where(
                _events.c.state.in_((EventState.APPLIED, EventState.IGNORED)),
                _events.c.handled_at < handled_before,
            )
            .order_by(_events.c.id)
            .limit(limit)
        )
        return self._connection.execute(delete(_events).where(_events.c.id.in_(old))).rowcount

    @staticmethod
    def _still_held(event: ClaimedEvent) -> tuple[ColumnElement[bool], ...]:
        return (
            _events.c.id == event.id,
            _events.c.state == EventState.WAITING,
            _events.c.due_at == event.due_at,
            _events.c.attempts == event.attempts,
        )
