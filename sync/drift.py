"""Drift: sites whose limits in force are no longer the computed ones.

A scan reads every customer's site from the network at a set pace and compares. It goes on
where it was cut off, and its findings are kept. By policy it puts right what it found
(`sync.repairs`), unless so much differs that the mistake must be ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.errors import NetworkError
from bridge.network.client import NetworkClient
from bridge.network.faults import Fault
from bridge.store import drift as store
from bridge.store.limits import shows_effective
from bridge.store.locks import exclusive
from bridge.store.networks import id_of
from bridge.store.tables import DriftPolicy, DriftScan, DriftState, Network
from bridge.upgrades.expected import KnownRows
from sync.findings import keep_finding
from sync.judged import OF_ONE_SITE, Judged, Verdict
from sync.judgement import Judge
from sync.pace import Pace
from sync.repairs import repair_site

PER_SECOND: Final = 2.0
"""Sites a second unless told otherwise: a quarter of what a small network can answer."""

_TOGETHER = 200
_IN_A_ROW = 5
_FEW = 3
_SHARE = 10


class LimitsNotShown(NetworkError):
    """The network {network} does not show the limits in force on its sites."""

    hint = "Drift cannot be seen there; a release after 2.4.12 or the companion plugin would."


@dataclass(frozen=True, slots=True)
class Looked:
    """How far a scan has come: sites looked at of all, and how many of them differ."""

    sites: int
    total: int
    drifted: int


Progress = Callable[[Looked], None]


def _silently(_looked: Looked) -> None:
    """No progress is shown."""


def _to_the_end() -> bool:
    return True


def scan(
    engine: Engine,
    network: Network,
    client: NetworkClient,
    *,
    clock: Callable[[], datetime],
    pace: Pace | None = None,
    progress: Progress = _silently,
    go_on: Callable[[], bool] = _to_the_end,
) -> DriftScan:
    """Look at every customer's site, and repair what differs where that is the policy.

    ``go_on`` is asked before each site; on False the scan stops, to be gone on with later.

    Raises:
        LimitsNotShown: there is nothing to compare with.
        Fault: the network kept it from its end; the next scan goes on there.
        Locked: another scan or repair of this network is under way.
    """
    network_id = id_of(network)
    with (
        exclusive(engine, f"drift-{network_id}", what=f"A search for drift on {network.name}"),
        Session(engine, expire_on_commit=False) as session,
    ):
        if store.count_of_sites(session, network_id) and not shows_effective(session, network_id):
            raise LimitsNotShown(network=network.name)
        opened = store.open_scan(session, network_id, now=clock())
        rows = KnownRows.load(session, network_id)
        session.commit()
        judge = Judge(engine=engine, network_id=network_id, client=client, clock=clock, rows=rows)
        try:
            return _Scan(session, opened, judge, network.name).run(
                pace or Pace(PER_SECOND), progress, go_on
            )
        except NetworkError as error:
            session.rollback()
            opened.error = str(error)
            session.add(opened)
            session.commit()
            raise


class _Scan:
    """One scan under way; every site is committed together with the cursor."""

    def __init__(self, session: Session, scan: DriftScan, judge: Judge, name: str) -> None:
        self._session = session
        self._scan = scan
        self._judge = judge
        self._name = name
        self._total = store.count_of_sites(session, scan.network_id)
        self._in_a_row = 0

    def run(self, pace: Pace, progress: Progress, go_on: Callable[[], bool]) -> DriftScan:
        while batch := [
            site.id
            for site in store.sites_to_look_at(
                self._session, self._scan.network_id, after=self._scan.cursor, limit=_TOGETHER
            )
        ]:
            self._session.commit()
            for site_id in batch:
                if not go_on():
                    return self._scan
                pace.wait()
                self._note(self._look(site_id))
                progress(Looked(self._scan.sites, self._total, self._scan.drifted))
        if self._scan.policy is DriftPolicy.REPAIR:
            self._repair(pace, go_on)
        store.forget_old(self._session, self._scan.network_id, now=self._judge.clock())
        self._scan.finished_at = self._judge.clock()
        self._commit()
        return self._scan

    def _look(self, site_id: int) -> Judged:
        try:
            judged = self._judge.judge(site_id)
        except OF_ONE_SITE as fault:
            self._in_a_row += 1
            if self._in_a_row >= _IN_A_ROW:
                raise
            return Judged(site_id, Verdict.UNPROVEN, str(fault))
        self._in_a_row = 0
        return judged

    def _note(self, judged: Judged) -> None:
        scan = self._scan
        scan.cursor = judged.site_id
        scan.sites += 1
        match judged.verdict:
            case Verdict.EQUAL:
                store.settle(self._session, scan.network_id, judged.site_id)
            case Verdict.UNPROVEN:
                scan.unproven += 1
                self._mention(judged.note)
            case Verdict.GONE:
                scan.gone += 1
                keep_finding(self._session, scan.network_id, judged, now=self._judge.clock())
            case Verdict.DIFFERENT:
                scan.drifted += 1
                self._mention(judged.note)
                keep_finding(self._session, scan.network_id, judged, now=self._judge.clock())
        self._commit()

    def _repair(self, pace: Pace, go_on: Callable[[], bool]) -> None:
        # A product that changed is no matter of single sites: nothing could be taken away there.
        found = [
            finding
            for finding in store.findings(
                self._session, self._scan.network_id, states=(DriftState.OPEN,)
            )
            if finding.overrides
        ]
        self._session.commit()
        if len(found) > max(_FEW, self._scan.sites // _SHARE):
            self._mention(
                f"{len(found)} of {self._scan.sites} sites differ: that is no single hand. Nothing "
                "was repaired; compare the catalogue's limits with the network's "
                f"(`planbridge catalogue learn {self._name}`), then repair on request."
            )
            return
        for finding in found:
            if not go_on():
                return
            pace.wait()
            try:
                done = repair_site(self._judge, finding.site_id)
            except Fault as fault:
                self._mention(f"Site {finding.site_id} was not repaired: {fault}")
                continue
            self._scan.repaired += done.state is DriftState.REPAIRED
            self._commit()

    def _mention(self, note: str) -> None:
        if note and note not in self._scan.notes and len(self._scan.notes) < _TOGETHER:
            self._scan.notes = [*self._scan.notes, note]

    def _commit(self) -> None:
        self._session.add(self._scan)
        self._session.commit()
