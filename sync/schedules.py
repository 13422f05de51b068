"""Jobs that run by themselves: each one at a time per network, whoever runs it.

Not the workflow engine's own schedules: those start a run at every tick, whether or not
the last one has ended, and keep each for ever. A job here is due so long after its last end,
goes on by its own checkpoints, and what is known of it is one row. A process that dies with
a job in hand lets its lock go and leaves the job due.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.night import Night
from bridge.errors import NotFound, PlanbridgeError
from bridge.network.faults import Fault
from bridge.store import schedules as store
from bridge.store.locks import Locked, exclusive
from bridge.store.networks import id_of
from bridge.store.options import night_of
from bridge.store.tables import JobSchedule, Network
from sync.rhythms import Rhythm

_log = structlog.get_logger(__name__)

_PUT_OFF: Final = timedelta(minutes=1)

_INDULGENCE: Final = timedelta(days=1)
"""So long after the last success a network may ask us to come again later; then it is a
failure."""


class JobStopped(Exception):
    """The process is ending; the job goes on where it was."""


class UnknownJob(NotFound):
    """There is no job {job!r}."""

    hint = "`planbridge schedules list` shows them."


@dataclass(frozen=True, slots=True)
class Job:
    """Something done for a network again and again.

    ``run`` gets the network and a question whether to go on, and returns what came of it
    in a sentence; it may raise JobStopped when the answer is no. ``long`` ones have threads
    of their own, so that short ones never wait for them.
    """

    name: str
    rhythm: Rhythm
    run: Callable[[Network, Callable[[], bool]], str]
    long: bool = False


class Schedules:
    """Runs jobs when they are due.

    Args:
        engine: The database with the schedules.
        jobs: All jobs there are.
        networks: All networks, as they are now.
        executor_id: The name of this process.
        clock: Aware UTC time.
        threads: Short jobs at the same time, and as many long ones.
    """

    def __init__(
        self,
        engine: Engine,
        jobs: Sequence[Job],
        *,
        networks: Callable[[], Sequence[Network]],
        executor_id: str,
        clock: Callable[[], datetime],
        threads: int = 2,
    ) -> None:
        self._engine = engine
        self._jobs = {job.name: job for job in jobs}
        self._networks = networks
        self._executor_id = executor_id
        self._clock = clock
        self._threads = threads
        self._pools: dict[bool, ThreadPoolExecutor] = {}
        self._in_hand: set[tuple[int, str]] = set()
        self._lock = threading.Lock()
        self._stopping = False

    @property
    def jobs(self) -> Sequence[Job]:
        """All jobs there are."""
        return tuple(self._jobs.values())

    def start(self) -> None:
        """Begin to take up jobs with `sweep`."""
        self._stopping = False
        self._pools = {
            long: ThreadPoolExecutor(
                self._threads, thread_name_prefix="long-job" if long else "job"
            )
            for long in (False, True)
        }

    def stop(self) -> None:
        """Begin nothing more, and wait until what is under way has stopped where it is."""
        self._stopping = True
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)
        self._pools = {}
        self._in_hand.clear()

    def ensure(self) -> dict[int, Network]:
        """Give every network its schedules; the networks by id."""
        now = self._clock()
        networks = {id_of(network): network for network in self._networks()}
        with Session(self._engine) as session, session.begin():
            store.ensure(
                session,
                {
                    (network_id, job.name): job.rhythm.after(now, network_id, night_of(network))
                    for network_id, network in networks.items()
                    for job in self.jobs
                },
            )
        return networks

    def sweep(self) -> int:
        """Take up every job that is due; how many were."""
        networks = self.ensure()
        with Session(self._engine) as session:
            due = [
                (row.network_id, row.job)
                for row in store.due(session, self._jobs, now=self._clock())
            ]
        taken = 0
        for network_id, name in due:
            network = networks.get(network_id)
            if network is not None and self._take(network, self._jobs[name]):
                taken += 1
        return taken

    def run(self, network: Network, name: str) -> JobSchedule:
        """Run a job of a network here and now, paused or not; how it ended.

        Raises:
            UnknownJob: there is none of that name.
            Locked: another process has it in hand.
        """
        job = self._jobs.get(name)
        if job is None:
            raise UnknownJob(job=name)
        self.ensure()
        self._run(network, job, asked=True)
        with Session(self._engine, expire_on_commit=False) as session:
            found = store.find(session, id_of(network), name)
        if found is None:
            raise UnknownJob(job=name)
        return found

    def ask(self, network: Network, name: str) -> bool:
        """Run a job of a network soon, in a thread of this process, paused or not.

        False when this process has it in hand already, or runs no jobs.

        Raises:
            UnknownJob: there is none of that name.
        """
        job = self._jobs.get(name)
        if job is None:
            raise UnknownJob(job=name)
        self.ensure()
        return self._take(network, job, asked=True)

    def is_running(self, network: Network, name: str) -> bool:
        """Whether some process has the job in hand now."""
        try:
            with self._alone(network, name):
                return False
        except Locked:
            return True

    def _take(self, network: Network, job: Job, *, asked: bool = False) -> bool:
        key = (id_of(network), job.name)
        with self._lock:
            if self._stopping or key in self._in_hand or not self._pools:
                return False
            self._in_hand.add(key)
            self._pools[job.long].submit(self._carry_out, network, job, asked)
        return True

    def _carry_out(self, network: Network, job: Job, asked: bool) -> None:
        try:
            self._run(network, job, asked=asked)
        except Locked:
            pass  # another process was first
        except Exception:
            # Most likely the database is away; the job stays due.
            _log.exception("job disturbed", network=network.name, job=job.name)
        finally:
            with self._lock:
                self._in_hand.discard((id_of(network), job.name))

    def _run(self, network: Network, job: Job, *, asked: bool) -> None:
        with self._alone(network, job.name):
            began = self._clock()
            with Session(self._engine) as session, session.begin():
                row = store.find(session, id_of(network), job.name)
                if row is None or not (asked or (row.due_at <= began and not row.paused)):
                    return  # another process did it meanwhile, or somebody paused it
                night = None if asked else night_of(network)
                may_begin = job.rhythm.not_before(began, night)
                if may_begin > began:
                    store.put_off(session, row, due_at=may_begin)
                    return
                store.begin(session, row, by=self._executor_id, now=began)
                turn = _Turn(job, network, night, row.failures, row.succeeded_at)
            ended = self._result(turn)
            with Session(self._engine) as session, session.begin():
                row = store.find(session, id_of(network), job.name)
                if row is not None:
                    store.end(
                        session,
                        row,
                        succeeded=ended.succeeded,
                        result=ended.result,
                        due_at=ended.due_at,
                        now=self._clock(),
                    )

    def _result(self, turn: _Turn) -> _Ended:
        network, job = turn.network, turn.job
        try:
            result = job.run(network, lambda: not self._stopping and turn.goes_on(self._clock()))
        except JobStopped:
            return self._stopped(turn)
        except Locked as error:
            return _Ended(None, str(error), self._clock() + _PUT_OFF)
        except PlanbridgeError as error:
            return self._failed(turn, error, str(error))
        except Exception as error:
            _log.exception("job failed", network=network.name, job=job.name)
            return self._failed(turn, error, f"unexpected {type(error).__name__}")
        now = self._clock()
        return _Ended(True, result, job.rhythm.after(now, id_of(network), night_of(network)))

    def _stopped(self, turn: _Turn) -> _Ended:
        now = self._clock()
        due_at = turn.job.rhythm.not_before(now, turn.night)
        if due_at == now:
            return _Ended(None, "Stopped with its process; goes on later.", now)
        return _Ended(None, f"The night is over; goes on where it is at {_told(due_at)}.", due_at)

    def _failed(self, turn: _Turn, error: Exception, sentence: str) -> _Ended:
        now, job = self._clock(), turn.job
        asked_for = error.retry_after if isinstance(error, Fault) else None
        if asked_for is not None:
            resumes = job.rhythm.not_before(now + timedelta(seconds=asked_for), turn.night)
            if turn.indulges(now):
                told = f"{sentence} It asked for {asked_for:g} s; goes on where it is at "
                return _Ended(None, f"{told}{_told(resumes)}.", resumes)
        _log.warning("job failed", network=turn.network.name, job=job.name, reason=sentence)
        due_at = job.rhythm.not_before(job.rhythm.retry(now, turn.failures + 1), turn.night)
        if asked_for is not None:
            due_at = max(due_at, resumes)
        return _Ended(False, sentence, due_at)

    def _alone(self, network: Network, name: str) -> AbstractContextManager[None]:
        return exclusive(
            self._engine,
            f"job-{id_of(network)}-{name}",
            what=f"The job {name} of {network.name}",
        )


@dataclass(frozen=True, slots=True)
class _Turn:
    """One run of a job; ``night`` is None where it may go on at any time."""

    job: Job
    network: Network
    night: Night | None
    failures: int
    succeeded_at: datetime | None

    def goes_on(self, now: datetime) -> bool:
        return self.job.rhythm.not_before(now, self.night) <= now

    def indulges(self, now: datetime) -> bool:
        return now - (self.succeeded_at or self.network.created_at) <= _INDULGENCE


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a job ended; ``succeeded`` None when it was put off."""

    succeeded: bool | None
    result: str
    due_at: datetime
