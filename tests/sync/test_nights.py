"""Jobs that keep to the night of a network, and to the rest that a network asks for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.night import Night
from bridge.domain.terms import NetworkTerms
from bridge.jobs import schedules as all_jobs
from bridge.network.faults import Maintenance
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.wire import Request
from bridge.store import schedules as store
from bridge.store import schema
from bridge.store.networks import Credentials, NetworkRepository, save_terms
from bridge.store.options import NetworkOptions, save_options
from bridge.store.tables import JobSchedule, Network
from bridge.wiring import App, open_app
from sync.rhythms import Every, Nightly
from sync.schedules import Job, JobStopped, Schedules
from tests.conftest import NOW

GoOn = Callable[[], bool]
NIGHT = Night(time(1), time(5), "Europe/Paris")  # 00:00 to 04:00 UTC in winter


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


class Clock:
    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Stand:
    """A network with a night of its own, and one job that runs in it."""

    def __init__(self, engine: Engine, network: Network) -> None:
        self.engine, self.network = engine, network
        self.clock = Clock(utc(24, 12))
        self.ran: list[datetime] = []
        self.work: Callable[[GoOn], str] = lambda _go_on: "all well"
        self.job = Job("job", Nightly(time(1)), self._run, long=True)
        with Session(engine) as session, session.begin():
            kept = session.merge(network)
            save_terms(session, kept, NetworkTerms(timezone=NIGHT.zone))
            save_options(session, kept, NetworkOptions(night=NIGHT.words))
        with Session(engine, expire_on_commit=False) as session:
            self.network = session.get_one(Network, network.key)

    def _run(self, _network: Network, go_on: GoOn) -> str:
        self.ran.append(self.clock.now)
        return self.work(go_on)

    def process(self) -> Schedules:
        return Schedules(
            self.engine,
            [self.job],
            networks=lambda: [self.network],
            executor_id="one",
            clock=self.clock,
        )

    def turn(self) -> JobSchedule:
        """One sweep of a process that then ends its work; how the job stands."""
        one = self.process()
        one.start()
        one.sweep()
        for pool in one._pools.values():
            pool.shutdown(wait=True)
        with Session(self.engine, expire_on_commit=False) as session:
            found = store.find(session, self.network.key, "job")
        assert found is not None
        return found


@pytest.fixture
def stand(engine: Engine, add_network: Callable[[Engine], Network]) -> Stand:
    return Stand(engine, add_network(engine))


class TestRhythm:
    def test_a_nightly_job_begins_with_the_networks_night(self) -> None:
        """Networks some minutes apart, within the first quarter; others later in the night."""
        first, later = Nightly(time(1)), Nightly(time(3), 0.5)
        assert first.after(utc(24, 12), 60, NIGHT) == utc(25, 0)
        assert first.after(utc(24, 12), 5, NIGHT) == utc(25, 0, 35)
        assert later.after(utc(24, 12), 60, NIGHT) == utc(25, 2)
        assert later.after(utc(25, 1), 60, NIGHT) == utc(25, 2)
        assert later.after(utc(25, 2), 60, NIGHT) == utc(26, 2)

    def test_only_nightly_jobs_keep_to_it(self) -> None:
        """What asks for little goes on by day."""
        nightly, every = Nightly(time(1)), Every(timedelta(minutes=5))
        assert nightly.not_before(utc(24, 12), NIGHT) == utc(25, 0)
        assert nightly.not_before(utc(25, 2), NIGHT) == utc(25, 2)
        assert nightly.not_before(utc(24, 12), None) == utc(24, 12)
        assert every.not_before(utc(24, 12), NIGHT) == utc(24, 12)


class TestNight:
    def test_a_job_that_is_due_by_day_waits(self, stand: Stand) -> None:
        """As when the night was set after it had been planned."""
        stand.process().ensure()
        with Session(stand.engine) as session, session.begin():
            session.get_one(JobSchedule, (stand.network.key, "job")).due_at = utc(24, 11)
        row = stand.turn()
        assert stand.ran == []
        assert row.due_at == utc(25, 0)
        assert row.succeeded is None
        stand.clock.now = utc(25, 0)
        assert stand.turn().result == "all well"

    def test_it_stops_with_the_night_and_goes_on_in_the_next(self, stand: Stand) -> None:
        """That is no failure; it is told when it goes on."""

        def long(go_on: GoOn) -> str:
            assert go_on()
            stand.clock.now = utc(25, 4, 1)
            if not go_on():
                raise JobStopped
            return "done by day"

        stand.process().ensure()
        stand.clock.now, stand.work = utc(25, 3), long
        row = stand.turn()
        assert (row.succeeded, row.failures) == (None, 0)
        assert row.result == "The night is over; goes on where it is at 2026-11-26 00:00 UTC."
        assert row.due_at == utc(26, 0)

    def test_whoever_asks_for_it_gets_it_by_day(self, stand: Stand) -> None:
        """`planbridge schedules run` is the operator's own word."""
        stand.work = lambda go_on: "done" if go_on() else "stopped"
        assert stand.process().run(stand.network, "job").result == "done"

    def test_a_failure_is_tried_again_in_the_night_only(self, stand: Stand) -> None:
        """A quarter of an hour later is day again."""

        def fail(_go_on: GoOn) -> str:
            raise Maintenance(network="lab", retry_after=None)

        stand.process().ensure()
        stand.clock.now, stand.work = utc(25, 3, 50), fail
        row = stand.turn()
        assert (row.succeeded, row.due_at) == (False, utc(26, 0))


class TestRest:
    def test_a_rest_that_was_asked_for_is_no_failure(self, stand: Stand) -> None:
        """The job goes on afterwards, and says when."""

        def rest(_go_on: GoOn) -> str:
            raise Maintenance(network="lab", retry_after=600.0)

        stand.process().ensure()
        stand.clock.now, stand.work = utc(25, 1), rest
        row = stand.turn()
        assert (row.succeeded, row.failures) == (None, 0)
        assert row.due_at == utc(25, 1, 10)
        assert "It asked for 600 s; goes on where it is at 2026-11-25 01:10 UTC." in row.result

    def test_one_that_never_ends_is_a_failure(self, stand: Stand) -> None:
        """A day after the last success; the rest is kept all the same."""

        def rest(_go_on: GoOn) -> str:
            raise Maintenance(network="lab", retry_after=3600.0)

        stand.process().ensure()
        stand.clock.now, stand.work = utc(27, 1), rest
        row = stand.turn()
        assert (row.succeeded, row.failures, row.due_at) == (False, 1, utc(27, 2))


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path / "data"))
    app = open_app(check_schema=False)
    schema.upgrade(app.engine)
    app.clock = Clock(utc(24, 12))
    return app


def add(app: App, sandbox: SandboxNetwork, options: NetworkOptions) -> Network:
    with app.session() as session:
        network = NetworkRepository(session, app.seal).add(
            "lab", sandbox.url, Credentials(sandbox.api_key, sandbox.api_secret), now=app.clock()
        )
        save_options(session, network, options)
        return network


def resting(after: int) -> Callable[[Request], Fault | None]:
    """Maintenance of ten minutes from the so many-th page of memberships on, until ended."""
    pages = [0]

    def faults(request: Request) -> Fault | None:
        if request.path.endswith("/membership") and "fields" not in request.query:
            pages[0] += 1
            if pages[0] > after:
                return Fault(status=503, html="Briefly unavailable", headers={"retry-after": "600"})
        return None

    return faults


def test_a_pass_goes_on_at_its_page_after_the_rest(opened: App) -> None:
    """The mirror job pauses when the network says for how long, and reads no page twice."""
    with SandboxNetwork(memberships=450, clock=opened.clock) as sandbox:
        network = add(opened, sandbox, NetworkOptions())
        jobs = all_jobs(opened)
        sandbox.faults = resting(after=5)  # two looks of the probe, then three pages
        row = jobs.run(network, "mirror")
        assert (row.succeeded, row.failures) == (None, 0)
        assert row.due_at == opened.clock() + timedelta(seconds=600)
        sandbox.faults = lambda _request: None
        sandbox.journal.clear()
        opened.clock = Clock(row.due_at)
        row = all_jobs(opened).run(opened.network("lab"), "mirror")
    assert row.succeeded, row.result
    pages = [
        each.query
        for each in sandbox.journal
        if each.path.endswith("/membership") and "per_page=100" in each.query
    ]
    assert pages
    assert not any("page=1&" in each for each in pages if "fields" not in each)


def test_by_day_nothing_is_read_whole(opened: App) -> None:
    """The job that follows changes leaves it to the night, and says so."""
    with SandboxNetwork(clock=opened.clock) as sandbox:
        network = add(opened, sandbox, NetworkOptions(night="01:00-05:00"))
        row = all_jobs(opened).run(network, "changes")
        assert row.succeeded
        assert "Left to the night, to be read whole: product, customer" in row.result
        assert opened.network("lab").synced_at is None
        opened.clock = Clock(utc(25, 2))
        assert all_jobs(opened).run(network, "changes").succeeded
        assert opened.network("lab").synced_at is not None
