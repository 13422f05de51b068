"""Two processes with the same jobs: one at a time, and a killed one's job goes to the other."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.store import schedules as store
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.tables import JobSchedule, Network
from tests.upgrades.scene import utc_now

pytestmark = pytest.mark.slow

CLOCKWORK = Path(__file__).with_name("clockwork.py")


@pytest.fixture
def store_engine(database_url: str) -> Iterator[Engine]:
    """A network whose job is due."""
    engine = make_engine(database_url)
    schema.upgrade(engine)
    now = utc_now()
    with Session(engine) as session, session.begin():
        network = Network(name="main", url="http://x", sealed_credentials="", created_at=now)
        session.add(network)
        session.flush()
        store.ensure(session, {(network.key, "job"): now - timedelta(minutes=1)})
    yield engine
    engine.dispose()


@pytest.fixture
def processes(
    store_engine: Engine, database_url: str, tmp_path: Path
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    running = {
        name: subprocess.Popen([sys.executable, str(CLOCKWORK), name, database_url, str(tmp_path)])
        for name in ("one", "two")
    }
    yield running
    for each in running.values():
        each.kill()
        each.wait()


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def row(engine: Engine) -> JobSchedule:
    with Session(engine, expire_on_commit=False) as session:
        (found,) = store.schedules(session)
    return found


def test_a_job_of_a_killed_process_goes_to_the_other_and_is_done_once(
    store_engine: Engine, processes: dict[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """The lock goes with the process; the row it had marked does not keep the other away."""
    until(lambda: len(lines(tmp_path / "begun")) == 1)
    (first,) = lines(tmp_path / "begun")
    assert row(store_engine).running_by == first
    processes[first].kill()
    until(lambda: len(lines(tmp_path / "begun")) == 2)
    second = lines(tmp_path / "begun")[1]
    assert second != first
    (tmp_path / "go").touch()
    until(lambda: row(store_engine).succeeded_at is not None)
    assert lines(tmp_path / "ended") == [second]
    assert row(store_engine).running_by == ""
