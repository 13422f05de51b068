"""Jobs that run by themselves: when due, once, whoever is first, and visibly."""

from __future__ import annotations

import json
import threading
import time as wall
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine
from sqlmodel import Session
from typer.testing import CliRunner

from bridge.cli import schedules as commands
from bridge.errors import NetworkError, PlanbridgeError
from bridge.jobs import schedule_alarms, sweep_billing
from bridge.network.faults import Maintenance
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import SandboxNetwork
from bridge.store import schedules as store
from bridge.store import schema
from bridge.store.locks import Locked
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.tables import Billing, JobSchedule, Network
from bridge.wiring import App, open_app
from sync.rhythms import Every, Nightly
from sync.schedules import Job, JobStopped, Schedules, UnknownJob
from tests.conftest import NOW

FIVE = Every(timedelta(minutes=5))
GoOn = Callable[[], bool]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Work:
    """A job that notes how often it ran, and does as told."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def __call__(self, network: Network, _go_on: GoOn) -> str:
        self.ran.append(network.name)
        self.begun.set()
        assert self.gate.wait(20)
        if self.error is not None:
            raise self.error
        return "all well"


class Stand:
    """A database with one network, and processes that look after its jobs."""

    def __init__(self, engine: Engine, network: Network) -> None:
        self.engine, self.network = engine, network
        self.clock = Clock()
        self.work = Work()

    def process(self, name: str = "one", *more: Job, work: Work | None = None) -> Schedules:
        return Schedules(
            self.engine,
            (Job("job", FIVE, work or self.work), *more),
            networks=lambda: [self.network],
            executor_id=name,
            clock=self.clock,
        )

    def row(self, job: str = "job") -> JobSchedule:
        with Session(self.engine, expire_on_commit=False) as session:
            found = store.find(session, self.network.key, job)
        assert found is not None
        return found

    def until(self, reached: Callable[[], bool]) -> None:
        deadline = wall.monotonic() + 20
        while not reached():
            assert wall.monotonic() < deadline
            wall.sleep(0.01)

    @contextmanager
    def at_work(self, *processes: Schedules) -> Iterator[None]:
        for each in processes:
            each.start()
        try:
            yield
        finally:
            self.work.gate.set()
            for each in processes:
                each.stop()


@pytest.fixture
def stand(engine: Engine, add_network: Callable[[Engine], Network]) -> Stand:
    return Stand(engine, add_network(engine))


class TestRhythms:
    def test_every_counts_from_the_end(self) -> None:
        """And waits longer with every failure, an hour at most."""
        assert FIVE.after(NOW, 1) == NOW + timedelta(minutes=5)
        waits = [(FIVE.retry(NOW, failures) - NOW) for failures in (1, 2, 3, 50)]
        assert waits == [timedelta(minutes=each) for each in (5, 10, 20, 60)]
        assert (FIVE.words, Every(timedelta(minutes=1)).words) == (
            "every 5 minutes",
            "every minute",
        )
        daily = Every(timedelta(hours=24))
        assert daily.retry(NOW, 9) - NOW == timedelta(hours=24)

    def test_nightly_is_the_next_night(self) -> None:
        """Networks some minutes apart, never today's past."""
        night = Nightly(time(1))
        assert night.after(NOW, 60) == datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
        assert night.after(NOW, 1) == datetime(2026, 11, 25, 1, 7, tzinfo=UTC)
        early = datetime(2026, 11, 25, 0, 30, tzinfo=UTC)
        assert night.after(early, 60) == datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
        assert night.retry(NOW, 1) - NOW == timedelta(minutes=15)
        assert night.retry(NOW, 30) - NOW == timedelta(hours=4)


class TestRunning:
    def test_a_job_runs_when_it_is_due_and_then_waits_its_pause(self, stand: Stand) -> None:
        """A new network's first turn comes after one pause."""
        one = stand.process()
        with stand.at_work(one):
            assert one.sweep() == 0
            stand.clock.now += timedelta(minutes=5)
            assert one.sweep() == 1
            stand.until(lambda: stand.row().succeeded_at is not None)
            row = stand.row()
            assert (row.result, row.succeeded, row.running_by) == ("all well", True, "")
            assert row.due_at == stand.clock.now + timedelta(minutes=5)
            assert one.sweep() == 0
        assert stand.work.ran == ["lab"]

    def test_two_processes_do_it_once(self, stand: Stand) -> None:
        """Who comes second finds it in hand, and afterwards no longer due."""
        one, two = stand.process("one"), stand.process("two")
        one.ensure()
        stand.clock.now += timedelta(minutes=5)
        stand.work.gate.clear()
        with stand.at_work(one, two):
            one.sweep()
            assert stand.work.begun.wait(20)
            assert stand.row().running_by == "one"
            assert two.is_running(stand.network, "job")
            two.sweep()
            with pytest.raises(Locked):
                two.run(stand.network, "job")
            stand.work.gate.set()
            stand.until(lambda: stand.row().succeeded_at is not None)
            two.sweep()
        assert stand.work.ran == ["lab"]

    def test_what_a_dead_process_had_in_hand_is_still_due(self, stand: Stand) -> None:
        """Its lock went with it; the row it left over does not stand in the way."""
        two = stand.process("two")
        two.ensure()
        stand.clock.now += timedelta(minutes=5)
        with Session(stand.engine) as session, session.begin():
            row = store.find(session, stand.network.key, "job")
            assert row is not None
            store.begin(session, row, by="one", now=stand.clock.now)
        assert not two.is_running(stand.network, "job")
        with stand.at_work(two):
            assert two.sweep() == 1
            stand.until(lambda: stand.row().succeeded_at is not None)

    def test_a_failure_is_kept_and_tried_again_later_and_later(self, stand: Stand) -> None:
        """A success ends the count."""
        one = stand.process()
        stand.work.error = NetworkError(network="lab", what="it is away")
        for failures, minutes in ((1, 5), (2, 10)):
            row = one.run(stand.network, "job")
            assert (row.succeeded, row.failures) == (False, failures)
            assert "away" in row.result
            assert row.due_at == stand.clock.now + timedelta(minutes=minutes)
        stand.work.error = RuntimeError("secret detail")
        assert one.run(stand.network, "job").result == "unexpected RuntimeError"
        stand.work.error = None
        assert one.run(stand.network, "job").failures == 0

    def test_a_network_that_asks_for_patience_gets_it(self, stand: Stand) -> None:
        """Ten minutes of maintenance are ten minutes."""
        stand.work.error = Maintenance(network="lab", retry_after=600.0)
        row = stand.process().run(stand.network, "job")
        assert row.due_at == stand.clock.now + timedelta(minutes=10)

    @pytest.mark.parametrize(
        ("reason", "wait"), [(JobStopped(), 0), (Locked(what="A sync of lab"), 1)]
    )
    def test_what_was_put_off_is_no_failure(
        self, stand: Stand, reason: Exception, wait: int
    ) -> None:
        """Stopped with its process: due at once. Another at it: a minute later."""
        stand.work.error = reason
        row = stand.process().run(stand.network, "job")
        assert (row.succeeded, row.failures) == (None, 0)
        assert row.due_at == stand.clock.now + timedelta(minutes=wait)

    def test_a_paused_job_waits_for_its_operator(self, stand: Stand) -> None:
        """It can be run by hand all the same."""
        one = stand.process()
        one.ensure()
        with Session(stand.engine) as session, session.begin():
            store.pause(session, stand.network.key, ["job"], paused=True)
        stand.clock.now += timedelta(days=1)
        with stand.at_work(one):
            assert one.sweep() == 0
        assert one.run(stand.network, "job").succeeded
        assert stand.row().paused

    def test_a_long_job_does_not_hold_up_short_ones(self, stand: Stand) -> None:
        """They have threads of their own."""
        long, short = Work(), Work()
        long.gate.clear()
        jobs = [Job(f"long-{number}", FIVE, long, long=True) for number in range(5)]
        one = stand.process("one", *jobs, work=short)
        one.ensure()
        stand.clock.now += timedelta(minutes=5)
        with stand.at_work(one):
            one.sweep()
            stand.until(lambda: stand.row("job").succeeded_at is not None)
            assert stand.row("long-0").succeeded_at is None
            long.gate.set()

    def test_stopping_asks_jobs_to_stop(self, stand: Stand) -> None:
        """A long job stops where it is and is due at once."""

        def work(_network: Network, go_on: GoOn) -> str:
            stand.work.begun.set()
            stand.until(lambda: not go_on())
            raise JobStopped

        one = stand.process("one", Job("slow", FIVE, work, long=True))
        one.ensure()
        stand.clock.now += timedelta(minutes=5)
        with stand.at_work(one):
            one.sweep()
            assert stand.work.begun.wait(20)
        stand.until(lambda: stand.row("slow").finished_at is not None)
        assert stand.row("slow").due_at == stand.clock.now

    def test_jobs_in_trouble_raise_an_alarm(self, stand: Stand) -> None:
        """Three failures in a row, or nobody there to take it up; not one that is held."""

        def alarms() -> str:
            with Session(stand.engine) as session:
                return schedule_alarms(session, clock=stand.clock)

        one = stand.process()
        stand.work.error = NetworkError(network="lab", what="it is away")
        for expected in ("", "", "job of lab failed 3 times"):
            one.run(stand.network, "job")
            assert alarms() == expected
        stand.work.error = None
        one.run(stand.network, "job")
        assert alarms() == ""
        stand.clock.now += timedelta(minutes=21)
        assert alarms() == "job of lab is overdue"
        with Session(stand.engine) as session, session.begin():
            store.pause(session, stand.network.key, ["job"], paused=True)
        assert alarms() == ""

    def test_an_unknown_job_is_told(self, stand: Stand) -> None:
        with pytest.raises(UnknownJob, match="schedules list"):
            stand.process().run(stand.network, "nonsense")


class TestRealJobs:
    @pytest.fixture
    def sandbox(self) -> Iterator[SandboxNetwork]:
        with SandboxNetwork() as running:
            yield running

    @pytest.fixture
    def planbridge(
        self, sandbox: SandboxNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[App]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path / "data"))
        app = open_app(check_schema=False)
        schema.upgrade(app.engine)
        with app.session() as session:
            NetworkRepository(session, app.seal).add(
                "lab",
                sandbox.url,
                Credentials(sandbox.api_key, sandbox.api_secret),
                now=app.clock(),
            )
        yield app
        structlog.reset_defaults()  # it writes to what the command line's runner has closed

    def call(self, *arguments: str) -> str:
        result = CliRunner().invoke(commands.app, arguments)
        if isinstance(result.exception, PlanbridgeError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    def listed(self) -> dict[str, dict[str, Any]]:
        return {each["job"]: each for each in json.loads(self.call("list", "--json"))}

    def test_every_job_can_be_run_and_is_listed_with_its_result(self, planbridge: App) -> None:
        """What was never run has no result yet."""
        assert {each["last result"] for each in self.listed().values()} == {""}
        for job in ("mirror", "changes", "drift", "events", "billing", "uses", "notices"):
            assert f"{job} of lab: " in self.call("run", "lab", job)
        listed = self.listed()
        assert "rows seen" in listed["mirror"]["last result"]
        assert "rows seen" in listed["changes"]["last result"]
        assert "sites looked at" in listed["drift"]["last result"]
        assert listed["events"]["last result"] == "nothing to ask Stripe for"
        assert all(each["last success"] for each in listed.values())

    def test_pausing_and_resuming(self, planbridge: App) -> None:
        """One job, or all of them."""
        self.call("pause", "lab", "drift")
        assert {name: each["state"] for name, each in self.listed().items()} == {
            "billing": "waits",
            "changes": "waits",
            "drift": "paused",
            "events": "waits",
            "mirror": "waits",
            "notices": "waits",
            "uses": "waits",
        }
        self.call("resume", "lab")
        assert "paused" not in {each["state"] for each in self.listed().values()}
        with pytest.raises(UnknownJob):
            self.call("pause", "lab", "nonsense")

    def test_holding_the_billing_holds_the_rounds_over_it(self, planbridge: App) -> None:
        """Renewals and the ladder of that network wait, those of others go on."""
        network = planbridge.network("lab")
        with planbridge.session() as session:
            session.add(
                Billing(
                    network_id=network.key,
                    membership_id=1,
                    due_at=planbridge.clock(),
                    updated_at=planbridge.clock(),
                )
            )
        renewals = planbridge.renewals()
        sweep = sweep_billing(planbridge, renewals)
        self.call("pause", "lab", "billing")
        assert sweep() == 0
        assert "memberships worked at: 1, due still: 0" in self.call("run", "lab", "billing")
        with planbridge.session() as session:
            row = session.get_one(Billing, (network.key, 1))
            row.due_at = planbridge.clock()
            session.add(row)
        self.call("resume", "lab", "billing")
        assert sweep() == 1
        renewals.close()

    def test_an_old_network_that_hides_limits_is_no_failure(self, planbridge: App) -> None:
        """Trying again every quarter of an hour would change nothing."""
        with SandboxNetwork(release="2.4.12") as old:
            with planbridge.session() as session:
                NetworkRepository(session, planbridge.seal).add(
                    "old", old.url, Credentials(old.api_key, old.api_secret), now=NOW
                )
            self.call("run", "old", "mirror")
            assert "does not show the limits" in self.call("run", "old", "drift")

    def test_a_failed_run_is_an_error_of_the_command(
        self, planbridge: App, sandbox: SandboxNetwork
    ) -> None:
        """And listed as failed, late once its next turn is over."""
        sandbox.faults = lambda _request: Fault(status=500)
        with pytest.raises(commands.JobFailed, match="HTTP 500"):
            self.call("run", "lab", "changes")
        assert self.listed()["changes"]["state"] == "failed"
        planbridge_rows(planbridge, due_at=planbridge.clock() - timedelta(minutes=3))
        assert self.listed()["changes"]["lag"].startswith("18")


def planbridge_rows(planbridge: App, *, due_at: datetime) -> None:
    """Make every job overdue since then."""
    with planbridge.session() as session:
        for row in store.schedules(session):
            row.due_at = due_at
            session.add(row)
