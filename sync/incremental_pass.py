"""What changed since the last pass over an entity, in a handful of requests.

Rows with a time of modification are asked for by it, a little further back than needed.
Others are found by their ids, the newest first, and by the network's own feed of changes,
which it keeps for a day. The network's count tells whether something was removed.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from sqlmodel import Session

from bridge.network.entities import Entity
from bridge.network.faults import UnreadableRow
from bridge.network.listing import Filters, modified_after, since
from bridge.network.rows import EventRow, Row
from bridge.store import passes
from bridge.store.mirror import Written, known_among, known_count, known_ids, remove_rows
from bridge.store.upserts import CHUNK
from sync.ahead import read_ahead
from sync.job import Job
from sync.pages import PageWriter
from sync.removals import (
    Difference,
    MiscountedRows,
    RowHidden,
    compare_all,
    confirm_gone,
    differing_ids,
)
from sync.results import EntityResult, PageDone

OVERLAP: Final = timedelta(minutes=5)
"""How much further back than the last pass is looked: a save takes its time."""

FEED_KEPT: Final = timedelta(hours=23)
"""The network forgets its feed of changes after a day."""

DATED: Final = frozenset(
    {Entity.PRODUCT, Entity.MEMBERSHIP, Entity.DISCOUNT_CODE, Entity.PAYMENT, Entity.DOMAIN}
)
"""Entities with a time of modification."""

# A domain's time of modification does not move with every save.
_IN_FEED = frozenset({Entity.CUSTOMER, Entity.DOMAIN})
_CONFIRMED = 100


def can_follow(entity: Entity, last: datetime | None, *, now: datetime) -> bool:
    """Whether what changed since ``last`` can be found out; if not, everything is read."""
    if last is None:
        return False
    return entity not in _IN_FEED or now - last <= FEED_KEPT


class IncrementalPass:
    """One incremental pass over one entity.

    ``last`` is when the last pass began. ``also`` are ids to read whatever else is found,
    because something that they depend on has changed.
    """

    def __init__(
        self, job: Job, entity: Entity, *, run_id: str, last: datetime, also: Sequence[int] = ()
    ) -> None:
        self._job = job
        self._entity = entity
        self._run_id = run_id
        self._also = also
        self._started = job.clock()
        self._after = last - OVERLAP + timedelta(seconds=job.clock_skew)
        self._written = Written()
        self._unreadable: dict[int, str] = {}
        self._gone: frozenset[int] = frozenset()
        self._writer = PageWriter(
            network_id=job.network_id,
            network=job.client.name,
            entity=entity,
            pass_id=None,
            limits_shown=job.limits_shown,
        )

    @property
    def changed(self) -> frozenset[int]:
        """Ids of the rows that are not as they were: written, or removed."""
        return self._written.created | self._written.changed | self._gone

    def run(self) -> EntityResult:
        """Take what changed and is new, remove what is gone.

        What was stored before an error stays; the next pass looks back as far as this one.

        Raises:
            NetworkError: the network kept it from its end.
        """
        if self._entity in DATED:
            self._take_modified()
        if self._entity in _IN_FEED:
            self._fetch(self._changes_in_feed())
        if self._entity not in DATED:
            self._take_newest()
        self._fetch(self._also)
        removed = self._remove_missing()
        if not self._unreadable:  # else it is looked for again
            with self._session() as session, session.begin():
                passes.record_delta(
                    session,
                    self._job.network_id,
                    self._entity,
                    run_id=self._run_id,
                    started_at=self._started,
                    written=self._written,
                    removed=removed,
                    now=self._job.clock(),
                )
        self._report(complete=True)
        return self.result(removed=removed)

    def result(self, *, removed: int = 0, error: str = "") -> EntityResult:
        """What was done so far."""
        return EntityResult(
            entity=self._entity.value,
            incremental=True,
            rows=self._rows,
            created=len(self._written.created),
            changed=len(self._written.changed),
            removed=removed,
            seconds=round((self._job.clock() - self._started).total_seconds(), 3),
            unreadable=tuple(self._unreadable.values()),
            error=error,
        )

    @property
    def _rows(self) -> int:
        return sum(
            map(len, (self._written.created, self._written.changed, self._written.unchanged))
        )

    def _take_modified(self) -> None:
        filters = modified_after(self._after)
        seen: set[int] = set()
        totals: list[int | None] = []
        listing = self._job.client.raw_pages(self._entity, filters=filters)
        for asked_at, raw in read_ahead(listing, clock=self._job.clock):
            page = self._job.client.read(self._entity, raw)
            self._store(page.rows, page.unreadable, asked_at=asked_at)
            seen.update(row.id for row in page.rows)
            totals.append(page.total)
        if totals == [None]:
            totals = [self._job.client.count(self._entity, filters=filters) if seen else 0]
        if set(totals) != {len(seen)}:
            # A row saved or removed meanwhile moves the ones behind it past a page's edge.
            ids = self._job.client.ids(self._entity, filters=filters)
            while chunk := list(islice(ids, CHUNK)):
                self._fetch([each for each in chunk if each not in seen])

    def _changes_in_feed(self) -> list[int]:
        filters: Filters = {
            "object_type": self._entity.value,
            "slug": "changed",
            **since(self._after, column="date_created"),
        }
        return sorted(
            {
                event.object_id
                for page in self._job.client.pages(Entity.EVENT, filters=filters)
                for event in page.rows
                if isinstance(event, EventRow) and event.object_type == self._entity.value
            }
        )

    def _take_newest(self) -> None:
        number = 1
        while ids := self._job.client.id_page(self._entity, page=number, newest_first=True):
            with self._session() as session:
                known = known_among(session.connection(), self._job.network_id, self._entity, ids)
            self._fetch([each for each in ids if each not in known])
            if known:
                return
            number += 1

    def _remove_missing(self) -> int:
        """Remove what the network no longer has, and take what was overlooked."""
        there = self._job.client.count(self._entity)
        with self._session() as session:
            connection = session.connection()
            if there == known_count(connection, self._job.network_id, self._entity):
                return 0
            known = known_ids(connection, self._job.network_id, self._entity)
        found = self._difference(known, there)
        self._fetch(found.unknown)
        with self._session() as session, session.begin():
            remove_rows(
                session,
                self._job.network_id,
                self._entity,
                found.missing,
                now=self._job.clock(),
            )
        self._gone = frozenset(found.missing)
        return len(found.missing)

    def _difference(self, known: array[int], there: int | None) -> Difference:
        client, entity = self._job.client, self._entity
        if there is not None:
            with suppress(MiscountedRows, RowHidden):
                found = differing_ids(
                    lambda page: client.id_page(entity, page=page), known, there=there
                )
                # Rows move between two looks at the listing, and the count may be wrong.
                confirm_gone(client, entity, found.missing[:: _every(found.missing)])
                return found
        found = compare_all(client.ids(entity), known)
        confirm_gone(client, entity, found.missing[:: _every(found.missing)])
        return found

    def _fetch(self, ids: Iterable[int]) -> None:
        """Read rows by their ids; those that are gone are none."""
        left = [each for each in ids if each not in self._unreadable]
        for start in range(0, len(left), CHUNK):
            asked_at = self._job.clock()
            rows, unreadable = self._job.client.rows(self._entity, left[start : start + CHUNK])
            self._store(rows, unreadable, asked_at=asked_at)

    def _store(
        self, rows: Sequence[Row], unreadable: Sequence[UnreadableRow], *, asked_at: datetime
    ) -> None:
        if rows:
            with self._session() as session, session.begin():
                written, refused = self._writer.write(session, rows, asked_at=asked_at)
            unreadable = [*unreadable, *refused]
            self._written = _both(self._written, written)
        for error in unreadable:
            self._unreadable[int(str(error.fields["id"]))] = str(error)
        self._report()

    def _report(self, *, complete: bool = False) -> None:
        self._job.progress(
            PageDone(self._entity.value, page=0, rows=self._rows, total=None, complete=complete)
        )

    def _session(self) -> Session:
        return Session(self._job.engine, expire_on_commit=False)


def _every(missing: Sequence[int]) -> int:
    return len(missing) // _CONFIRMED + 1


def _both(before: Written, now: Written) -> Written:
    """What became of rows that may have been looked at twice."""
    created = before.created | now.created
    changed = (before.changed | now.changed) - created
    return Written(created, changed, (before.unchanged | now.unchanged) - created - changed)
