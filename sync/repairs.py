"""Putting a site's limits right: its own limits row is written whole, then it is read back.

What changes a limit on one site by hand is the site's own row, an absolute override
(domain/limits.md §3.2). The row cannot be read by stock REST, so it is replaced by the one
planbridge knows, mostly none at all; what it made of the site stays in the finding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.limit_overrides import MEMBERSHIP, SITE
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.store import drift as store
from bridge.store.locks import exclusive
from bridge.store.networks import id_of
from bridge.store.tables import DriftFinding, DriftState, Network
from bridge.upgrades.expected import KnownRows
from sync.findings import keep_finding
from sync.judged import Judged, Verdict
from sync.judgement import Judge


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """The limits row that would be written; an empty one takes the override away.

    ``only_if`` says when it would not be written after all.
    """

    entity: Entity
    id: int
    row: Mapping[str, Any]
    only_if: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """What was or would be done about a site; ``state`` None where nothing was tried."""

    site_id: int
    state: DriftState | None
    note: str = ""
    differences: tuple[str, ...] = ()
    writes: tuple[PlannedWrite, ...] = field(default=())

    @property
    def differs(self) -> bool:
        """Whether the site still shows other limits than it is to; so does a dry run's."""
        return self.state in (None, DriftState.STUCK) and bool(self.differences)


def repair(
    engine: Engine,
    network: Network,
    client: NetworkClient,
    *,
    clock: Callable[[], datetime],
    sites: Sequence[int] = (),
    with_membership: bool = False,
    dry_run: bool = False,
) -> list[Repair]:
    """Put right the given sites, or all that were found and are not repaired yet.

    ``with_membership`` also writes the membership's own row where the site's alone does not
    help; it acts on all sites of the membership. ``dry_run`` reads but writes nothing.

    Raises:
        Fault: the network did not answer; what was repaired before is kept.
        Locked: a scan or repair of this network is under way.
    """
    network_id = id_of(network)
    with exclusive(engine, f"drift-{network_id}", what=f"A search for drift on {network.name}"):
        with Session(engine) as session:
            rows = KnownRows.load(session, network_id)
            found = store.findings(session, network_id, states=(DriftState.OPEN, DriftState.STUCK))
            wanted = sites or [finding.site_id for finding in found]
        judge = Judge(engine=engine, network_id=network_id, client=client, clock=clock, rows=rows)
        return [
            repair_site(judge, site_id, with_membership=with_membership, dry_run=dry_run)
            for site_id in wanted
        ]


def repair_site(
    judge: Judge, site_id: int, *, with_membership: bool = False, dry_run: bool = False
) -> Repair:
    """Look at a site again, write, and read it back; the finding follows.

    Raises:
        Fault: the network did not do as asked.
    """
    before = judge.judge(site_id)
    if before.verdict is not Verdict.DIFFERENT:
        return _nothing_to_do(judge, before, dry_run=dry_run)
    writes = _writes(judge, before, with_membership=with_membership)
    if dry_run:
        return Repair(site_id, None, before.note, before.differences, writes)
    if before.only_products:
        _keep(judge, before, DriftState.OPEN)
        return Repair(site_id, None, before.note, before.differences)
    after = before
    done: list[PlannedWrite] = []
    for write in writes:
        judge.client.write_limits(write.entity, write.id, write.row)
        done.append(write)
        after = judge.judge(site_id)
        if after.verdict is Verdict.EQUAL:
            break
    if after.verdict is Verdict.EQUAL:
        _keep(judge, replace(before, note=_told(done)), DriftState.REPAIRED)
        return Repair(site_id, DriftState.REPAIRED, _told(done), before.differences, tuple(done))
    note = after.note or _why_stuck(after, done, with_membership=with_membership)
    _keep(judge, replace(after, note=note), DriftState.STUCK)
    return Repair(site_id, DriftState.STUCK, note, after.differences, tuple(done))


_STUCK = (
    "The site was read back after the write and still differs: the limits of its products on "
    "the network are not those of the catalogue (`planbridge catalogue learn` or `push`)."
)
_MEMBERSHIP = "Or its membership has an override: `--with-membership` takes that away, too."
_ONLY_MEMBERSHIP = (
    "The override is that of its membership, since other sites of it differ in the same way; "
    "nothing was written. `--with-membership` takes it away."
)


def _writes(judge: Judge, judged: Judged, *, with_membership: bool) -> tuple[PlannedWrite, ...]:
    """The rows that are to be written one after the other; none that is not the cause."""
    if judged.only_products:
        return ()
    site = PlannedWrite(Entity.SITE, judged.site_id, judge.rows.sites.get(judged.site_id, {}))
    if judged.membership_id is None or judged.owners == {SITE}:
        return (site,)
    row = judge.rows.memberships.get(judged.membership_id, {})
    membership = PlannedWrite(Entity.MEMBERSHIP, judged.membership_id, row)
    if judged.owners == {MEMBERSHIP}:
        return (membership,) if with_membership else ()
    if not with_membership:
        return (site,)
    return site, replace(membership, only_if="the site still differs")


def _why_stuck(judged: Judged, done: Sequence[PlannedWrite], *, with_membership: bool) -> str:
    if not done:
        return _ONLY_MEMBERSHIP
    return _STUCK if with_membership or judged.owners == {SITE} else f"{_STUCK} {_MEMBERSHIP}"


def _told(writes: Sequence[PlannedWrite]) -> str:
    rows = " and ".join(
        f"the row of {write.entity.value} {write.id} was "
        + ("written whole" if write.row else "taken away")
        for write in writes
    )
    return f"{rows[:1].upper()}{rows[1:]}; then the site was read back."


def _nothing_to_do(judge: Judge, judged: Judged, *, dry_run: bool) -> Repair:
    """It was put right meanwhile, is gone, or cannot be judged."""
    if judged.verdict is Verdict.GONE:
        if not dry_run:
            _keep(judge, judged, DriftState.GONE)
        return Repair(judged.site_id, DriftState.GONE, judged.note)
    if judged.verdict is Verdict.UNPROVEN:
        return Repair(judged.site_id, None, judged.note)
    if not dry_run:
        with Session(judge.engine) as session, session.begin():
            store.settle(session, judge.network_id, judged.site_id)
    return Repair(judged.site_id, None, "Its limits are as computed; nothing to do.")


def _keep(judge: Judge, judged: Judged, state: DriftState) -> DriftFinding:
    with Session(judge.engine, expire_on_commit=False) as session, session.begin():
        return keep_finding(session, judge.network_id, judged, now=judge.clock(), state=state)
