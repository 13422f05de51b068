"""How the scheduled jobs of all networks stand, for whoever looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.store import schedules as store
from bridge.store.tables import JobSchedule, Network
from sync.schedules import Schedules


@dataclass(frozen=True, slots=True)
class Standing:
    """One job of one network. ``running_by`` is "" unless a process has it in hand now.

    ``lag`` is how late it is; none while it runs or is held.
    """

    network: Network
    job: str
    rhythm: str
    running_by: str
    lag: timedelta
    row: JobSchedule

    @property
    def state(self) -> str:
        """In a word: running, paused, failed or waits."""
        if self.running_by:
            return "running"
        if self.row.paused:
            return "paused"
        return "failed" if self.row.succeeded is False else "waits"


def standings(
    engine: Engine, jobs: Schedules, *, now: datetime, network_id: int | None = None
) -> list[Standing]:
    """Every job of every network, or of one, by network and job."""
    networks = jobs.ensure()
    rhythms = {job.name: job.rhythm.words for job in jobs.jobs}
    with Session(engine, expire_on_commit=False) as session:
        rows = store.schedules(session, network_id)
    found = []
    for row in rows:
        network = networks.get(row.network_id)
        if network is None:
            continue
        running = bool(row.running_by) and jobs.is_running(network, row.job)
        held = running or row.paused
        found.append(
            Standing(
                network=network,
                job=row.job,
                rhythm=rhythms.get(row.job, "no more"),
                running_by=row.running_by if running else "",
                lag=timedelta() if held else max(now - row.due_at, timedelta()),
                row=row,
            )
        )
    return found
