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

from bridge.errors import NotFound, PlanbridgeError
from bridge.network.faults import Fault
from bridge.store import schedules as store
from bridge.store.locks import Locked, exclusive
from bridge.store.networks import id_of
from bridge.store.tables import JobSchedule, Network
from sync.rhythms import Rhythm

_log = structlog.get_logger(__name__)

_PUT_OFF: Final = timedelta(minutes=1)


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
                    (network_id, job.name): job.rhythm.after(now, network_id)
                    for network_id in networks
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

    def is_running(self, network: Network, name: str) -> bool:
        """Whether some process has the job in hand now."""
        try:
            with self._alone(network, name):
                return False
        except Locked:
            return True

    def _take(self, network: Network, job: Job) -> bool:
        key = (id_of(network), job.name)
        with self._lock:
            if self._stopping or key in self._in_hand or not self._pools:
                return False
            self._in_hand.add(key)
            self._pools[job.long].submit(self._carry_out, network, job)
        return True

    def _carry_out(self, network: Network, job: Job) -> None:
        try:
            self._run(network, job, asked=False)
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
                store.begin(session, row, by=self._executor_id, now=began)
                failures = row.failures
            ended = self._result(network, job, failures)
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

    def _result(self, network: Network, job: Job, failures: int) -> _Ended:
        try:
            result = job.run(network, lambda: not self._stopping)
        except JobStopped:
            return _Ended(None, "Stopped with its process; goes on later.", self._clock())
        except Locked as error:
            return _Ended(None, str(error), self._clock() + _PUT_OFF)
        except PlanbridgeError as error:
            return self._failed(network, job, failures, error, str(error))
        except Exception as error:
            _log.exception("job failed", network=network.name, job=job.name)
            return self._failed(network, job, failures, error, f"unexpected {type(error).__name__}")
        now = self._clock()
        return _Ended(True, result, job.rhythm.after(now, id_of(network)))

    def _failed(
        self, network: Network, job: Job, failures: int, error: Exception, sentence: str
    ) -> _Ended:
        _log.warning("job failed", network=network.name, job=job.name, reason=sentence)
        now = self._clock()
        due_at = job.rhythm.retry(now, failures + 1)
        asked_for = error.retry_after if isinstance(error, Fault) else None
        if asked_for is not None:
            due_at = max(due_at, now + timedelta(seconds=asked_for))
        return _Ended(False, sentence, due_at)

    def _alone(self, network: Network, name: str) -> AbstractContextManager[None]:
        return exclusive(
            self._engine,
            f"job-{id_of(network)}-{name}",
            what=f"The job {name} of {network.name}",
        )


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a job ended; ``succeeded`` None when it was put off."""

    succeeded: bool | None
    result: str
    due_at: datetime
