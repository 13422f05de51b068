"""The upgrade engine of one process: starts workflows, keeps them going, wakes them."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy import Engine, create_engine, event, make_url
from sqlmodel import Session

from bridge.network.client import NetworkClient
from bridge.payments.client import StripeAccount
from bridge.store.changes import ChangeRepository
from bridge.store.tables import Change, ChangeState
from bridge.upgrades.intent import retry_change
from bridge.upgrades.names import HeldName
from bridge.upgrades.outcomes import DEFAULT_BACKOFF, Backoff
from bridge.upgrades.steps import Steps
from bridge.upgrades.takeover import BEAT, SILENCE, Heart
from bridge.upgrades.workflow import VERSION, WAKE, CarryOut, register

_log = structlog.get_logger(__name__)

_QUEUE = "changes"
_KNOWS_SUBSEC = (3, 42)
_DEAD = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED", "SUCCESS")


class UpgradeEngine:
    """Carries out every accepted change, and scheduled ones when they are due.

    The row of a change is the message: a change is taken up because it stands in the store,
    not because somebody called. Its workflow has its id, so it starts once however often
    it is found. What was under way when a process died goes on when one with the same
    ``executor_id`` starts again.

    Args:
        store: The database with changes and mirror.
        client_for: Opens the client of a network by its id.
        clock: Aware UTC time.
        executor_id: Stable name of this process; no two at the same time.
        system_database_url: Where the engine keeps its checkpoints, ``sqlite:///path`` or
            ``postgresql://…``.
        account_for: The Stripe account of a network by its id; None where it has no key.
        backoff: How long failed tries wait.
        settle: Seconds in which a request of a dead process may still take effect on a
            network: longer than any request may take there.
        poll: Seconds between two looks of the engine into its own tables.
        sweep: Seconds between two looks for changes that nobody announced.
        threads: Stages that run at the same time.
        beat: Seconds between two signs of life of this process.
        silence: Seconds without one after which another process may be dead.
    """

    def __init__(
        self,
        *,
        store: Engine,
        client_for: Callable[[int], NetworkClient],
        clock: Callable[[], datetime],
        executor_id: str,
        system_database_url: str,
        account_for: Callable[[int], StripeAccount | None] = lambda _network: None,
        backoff: Backoff = DEFAULT_BACKOFF,
        settle: float = 90.0,
        poll: float = 0.1,
        sweep: float = 1.0,
        threads: int = 8,
        beat: float = BEAT,
        silence: float = SILENCE,
    ) -> None:
        self._store = store
        self._clock = clock
        self._executor_id = executor_id
        self._url = system_database_url
        self._poll = poll
        self._sweep_seconds = sweep
        self._threads = threads
        self._steps = Steps(
            store=store,
            client_for=client_for,
            account_for=account_for,
            clock=clock,
            backoff=backoff,
            settle=settle,
        )
        self._carry_out: CarryOut | None = None
        self._name = HeldName(store, executor_id)
        self._heart = Heart(
            store, executor_id, clock=clock, recover=_recover, beat=beat, silence=silence
        )
        self._begun: set[str] = set()
        self._signal = threading.Event()
        self._stopping = False
        self._sweeper: threading.Thread | None = None

    def start(self) -> None:
        """Continue what was under way, and begin to take up changes.

        Raises:
            Locked: another engine with the same ``executor_id`` is at work on this store.
        """
        if self._sweeper is not None:
            return
        self._name.take()
        try:
            self._heart.show()
            self._launch()
        except BaseException:
            DBOS.destroy()
            self._name.give_back()
            raise
        self._heart.start()
        self._stopping = False
        self._sweeper = threading.Thread(
            target=self._sweep_always, name="change-sweeper", daemon=True
        )
        self._sweeper.start()

    def stop(self, patience: float = 30.0) -> None:
        """Finish the stages under way, at most ``patience`` seconds; the rest goes on later."""
        if self._sweeper is None:
            return
        self._stopping = True
        self._signal.set()
        self._sweeper.join()
        self._sweeper = None
        self._steps.close(patience)
        self._heart.stop()
        DBOS.destroy()
        self._heart.bow_out()
        self._name.give_back()
        self._begun.clear()

    def wake(self, change_id: str | None = None) -> None:
        """Look for changes to take up now. Cheap; any thread, also while not started."""
        self._signal.set()

    def retry(self, change_id: str) -> None:
        """Try a change again now, whether it waits in a workflow or was put aside.

        Works from a process whose engine is not started: the running one sees it.

        Raises:
            UnknownChange: there is none of that id.
            ChangeNotRetried: there is nothing to try.
            ChangeStandsInTheWay: another change of the membership is under way.
        """
        with Session(self._store, expire_on_commit=False) as session:
            change = retry_change(session, change_id, self._clock())
            session.commit()
        if change.state is ChangeState.ACCEPTED:
            self.wake(change_id)
        else:
            self._send(_workflow_id(change))

    def sweep(self) -> int:
        """Start the workflows of changes that are ready, and return how many were found."""
        now = self._clock()
        with Session(self._store, expire_on_commit=False) as session:
            changes = ChangeRepository(session)
            ready = changes.ready(now)
            for change in ready:
                if change.state is ChangeState.SCHEDULED:
                    changes.move(
                        change.id,
                        to=ChangeState.ACCEPTED,
                        came_from=(ChangeState.SCHEDULED,),
                        now=now,
                    )
            session.commit()
        for change in ready:
            self._begin(_workflow_id(change), change.id)
        self._begun &= {_workflow_id(change) for change in ready}
        return len(ready)

    def _launch(self) -> None:
        self._steps.open()
        DBOS(config=self._configuration())
        self._carry_out = register(self._steps)
        DBOS.launch()
        DBOS.register_queue(_QUEUE, polling_interval_sec=self._poll)

    def _sweep_always(self) -> None:
        adopted = False
        while not self._stopping:
            self._signal.clear()
            try:
                if not adopted:
                    self._adopt()
                    adopted = True
                self.sweep()
            except Exception:
                # Most likely a database is away; the changes stand where they are.
                _log.exception("change sweeper disturbed")
            self._signal.wait(self._sweep_seconds)

    def _adopt(self) -> None:
        """Give a workflow to changes under way that have none (any more).

        They have one unless the engine's own database was lost or is an older copy. Their
        stages come to the same when they run again.
        """
        with Session(self._store, expire_on_commit=False) as session:
            changes = ChangeRepository(session)
            for change in changes.at_work():
                status = DBOS.get_workflow_status(_workflow_id(change))
                if status is not None and status.status in _DEAD:
                    changes.move(
                        change.id,
                        to=change.state,
                        came_from=(change.state,),
                        now=self._clock(),
                        attempts=change.attempts + 1,
                    )
                    session.commit()
                if status is None or status.status in _DEAD:
                    self._begin(_workflow_id(change), change.id)

    def _begin(self, workflow_id: str, change_id: str) -> None:
        if workflow_id in self._begun or self._carry_out is None:
            return
        with SetWorkflowID(workflow_id):
            DBOS.enqueue_workflow(_QUEUE, self._carry_out, change_id)
        self._begun.add(workflow_id)

    def _send(self, workflow_id: str) -> None:
        if self._sweeper is not None:
            DBOS.send(workflow_id, "now", topic=WAKE)
            return
        client = DBOSClient(
            system_database_url=self._url,
            system_database_engine=_sqlite_engine(self._url),
            serializer=DBOSPortableJSONSerializer(),
        )
        try:
            client.send(workflow_id, "now", topic=WAKE)
        finally:
            client.destroy()

    def _configuration(self) -> DBOSConfig:
        return {
            "name": "planbridge",
            "system_database_url": self._url,
            "system_database_engine": _sqlite_engine(self._url),
            "executor_id": self._executor_id,
            "application_version": VERSION,
            "serializer": DBOSPortableJSONSerializer(),
            "notification_listener_polling_interval_sec": self._poll,
            "max_executor_threads": self._threads * 2,
            "log_level": "WARNING",
        }


def _recover(name: str) -> int:
    """Take over the runs of a dead process; how many are left, of versions we do not have."""
    DBOS._recover_pending_workflows([name])
    left = DBOS.list_workflows(
        executor_id=name, status="PENDING", load_input=False, load_output=False
    )
    return len(left)


def _workflow_id(change: Change) -> str:
    """The change's id; a change that was opened again has another run."""
    return change.id if change.attempts <= 1 else f"{change.id}.{change.attempts}"


def _sqlite_engine(url: str) -> Engine | None:
    """SQLite in WAL mode with writers one after the other; None for PostgreSQL.

    ``synchronous=NORMAL``: a power cut may take back the last checkpoints, and then their
    stages run again, which they may.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    engine = create_engine(parsed, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "busy_timeout=30000",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if sqlite3.sqlite_version_info < _KNOWS_SUBSEC:
            connection.create_function("unixepoch", -1, _unixepoch)

    return engine


def _unixepoch(*modifiers: str) -> float:
    """What newer SQLite answers: on Python 3.12 and later the engine asks for ``subsec``,
    to which an older library, such as Debian 12's, says NULL.
    """
    now = time.time()
    return now if "subsec" in modifiers else int(now)
