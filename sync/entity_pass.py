"""One pass over one entity: its pages, a second look where the listing is in doubt, removals.

Each page is committed together with the number of the next one, so that a pass killed at
any moment goes on where it was. What it has not seen is removed only after it has come to
its end, and only when the network's own list of ids does not have it either: rows shift
between pages while others are deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from sqlmodel import Session

from bridge.errors import NetworkError
from bridge.network.entities import Entity
from bridge.network.faults import UnreadableRow
from bridge.store import due, passes
from bridge.store.mirror import remove_rows, seen_among, seen_count, unseen_ids
from bridge.store.prices import forget_unseen_prices
from bridge.store.tables import SyncPass
from bridge.store.upserts import CHUNK
from sync.ahead import read_ahead
from sync.job import Job
from sync.pages import PageWriter
from sync.removals import confirm_gone
from sync.results import EntityResult, PageDone

_PROBES = 3
"""Rows about to be removed that are asked for once more by their id."""


class EntityPass:
    """A pass that was begun or taken up again; `run` brings it to its end."""

    def __init__(self, job: Job, entity: Entity, begun: SyncPass) -> None:
        if begun.id is None:
            raise ValueError("a pass is stored before it is run")
        self._job = job
        self._entity = entity
        self._id = begun.id
        self._start_page = begun.next_page
        self._started = job.clock()
        self._unreadable: dict[int, str] = {}
        self._writer = PageWriter(
            network_id=job.network_id,
            network=job.client.name,
            entity=entity,
            pass_id=begun.id,
            limits_shown=job.limits_shown,
        )

    def run(self) -> EntityResult:
        """See everything, remove what is gone, complete the pass.

        Raises:
            NetworkError: the network kept it from its end; the mirror has what was stored
                so far, nothing is removed, and the pass can be taken up again.
            PassOvertaken: another process went on with it.
        """
        totals = self._read_pages()
        if self._in_doubt(totals):
            self._look_again()
        with self._session() as session:
            gone = unseen_ids(session.connection(), self._job.network_id, self._entity, self._id)
        confirm_gone(self._job.client, self._entity, gone[:_PROBES])
        with self._session() as session, session.begin():
            now = self._job.clock()
            remove_rows(session, self._job.network_id, self._entity, gone, now=now)
            if self._entity is Entity.MEMBERSHIP:
                forget_unseen_prices(session.connection(), self._job.network_id, pass_id=self._id)
            ended = passes.complete(session, self._id, removed=len(gone), now=now)
            if self._entity is Entity.SITE:
                due.settle_all(
                    session.connection(), self._job.network_id, started_at=ended.started_at
                )
            result = self._result(ended)
        self._report(page=ended.next_page - 1, rows=result.rows, total=result.rows, complete=True)
        return result

    def stopped(self, error: NetworkError, *, alone: bool) -> EntityResult:
        """Note why it could not come to its end; ``alone`` if the run goes on without it."""
        with self._session() as session, session.begin():
            passes.stop(session, self._id, str(error), alone=alone)
            return self._result(session.get_one(SyncPass, self._id))

    def _read_pages(self) -> list[int | None]:
        """Store every page; what the network said with each how many rows there are."""
        totals: list[int | None] = []
        listing = self._job.client.raw_pages(self._entity, start_page=self._start_page)
        for asked_at, raw in read_ahead(listing, clock=self._job.clock):
            page = self._job.client.read(self._entity, raw)
            with self._session() as session, session.begin():
                written, refused = self._writer.write(session, page.rows, asked_at=asked_at)
                self._spare(session, [*page.unreadable, *refused])
                reached = passes.advance(session, self._id, page=page.number, written=written)
                rows = reached.rows
            totals.append(page.total)
            self._report(page=page.number, rows=rows, total=page.total)
        return totals

    def _in_doubt(self, totals: Sequence[int | None]) -> bool:
        """Whether rows may have slipped through between two pages."""
        with self._session() as session:
            connection = session.connection()
            of_pass = (self._job.network_id, self._entity, self._id)
            seen = seen_count(connection, *of_pass) + len(self._unreadable)
            unseen = unseen_ids(connection, *of_pass)
            created = session.get_one(SyncPass, self._id).created
        if unseen or self._start_page > 1:
            return True
        if None not in totals:
            return set(totals) != {seen}
        # Without a count, only a row that was never known can be missed unnoticed.
        return len(totals) > 1 and created > 0

    def _look_again(self) -> None:
        """Compare with the list of ids, and fetch what the pages did not show."""
        ids = self._job.client.ids(self._entity)
        while chunk := list(islice(ids, CHUNK)):
            with self._session() as session:
                seen = seen_among(
                    session.connection(),
                    self._job.network_id,
                    self._entity,
                    chunk,
                    pass_id=self._id,
                )
            missed = [each for each in chunk if each not in seen and each not in self._unreadable]
            self._fetch(missed)

    def _fetch(self, ids: Sequence[int]) -> None:
        if not ids:
            return
        asked_at = self._job.clock()
        rows, unreadable = self._job.client.rows(self._entity, ids)
        with self._session() as session, session.begin():
            written, refused = self._writer.write(session, rows, asked_at=asked_at)
            self._spare(session, [*unreadable, *refused])
            passes.count(session, session.get_one(SyncPass, self._id), written)

    def _spare(self, session: Session, unreadable: Sequence[UnreadableRow]) -> None:
        self._writer.spare(session, unreadable)
        for error in unreadable:
            self._unreadable[int(str(error.fields["id"]))] = str(error)

    def _report(self, *, page: int, rows: int, total: int | None, complete: bool = False) -> None:
        self._job.progress(
            PageDone(self._entity.value, page=page, rows=rows, total=total, complete=complete)
        )

    def _result(self, found: SyncPass) -> EntityResult:
        return EntityResult(
            entity=self._entity.value,
            rows=found.rows,
            created=found.created,
            changed=found.changed,
            removed=found.removed,
            resumed_at=self._start_page if self._start_page > 1 else None,
            seconds=round((self._job.clock() - self._started).total_seconds(), 3),
            unreadable=tuple(self._unreadable.values()),
            error=found.error,
        )

    def _session(self) -> Session:
        return Session(self._job.engine, expire_on_commit=False)
