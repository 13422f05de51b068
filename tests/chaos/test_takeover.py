"""Two processes on one PostgreSQL: what one leaves when it dies, the other ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bridge.sandbox.examples import EXTRA_DISK_SPACE_ID
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import SandboxNetwork
from bridge.store.tables import ChangeState
from tests.chaos.test_kill import DEADLINE, SETTLE, WORKER, assert_done_once
from tests.upgrades.scene import Scene

pytestmark = pytest.mark.slow

MOMENTS = ("write before", "write after", "payment after", "proof before")


class Workers:
    """Two engines, each a process of its own."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self._scene = scene
        self._folder = folder
        self._running = {name: self._started(name) for name in ("one", "two")}

    def _started(self, name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(WORKER), self._scene.sandbox.url, str(self._folder)]
        return subprocess.Popen(
            [*command, SETTLE, name, self._scene.engine_url],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def dead(self) -> str:
        """Wait until one of the two has killed itself, and say which."""
        deadline = time.monotonic() + DEADLINE
        while True:
            for name, process in self._running.items():
                if process.poll() is not None:
                    assert process.returncode == -signal.SIGKILL, process.returncode
                    return name
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def restart(self, name: str) -> None:
        self._running[name] = self._started(name)

    def alive(self) -> list[str]:
        return [name for name, process in self._running.items() if process.poll() is None]

    def end(self, name: str) -> None:
        """Stop one in order."""
        self._running[name].terminate()
        assert self._running[name].wait(DEADLINE) == 0

    def kill(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


@pytest.fixture
def scene(tmp_path: Path, postgres_url: str) -> Iterator[Scene]:
    with SandboxNetwork() as network:
        made = Scene(network, tmp_path, postgres_url)
        yield made
        made.store.dispose()


@pytest.fixture
def workers(scene: Scene, tmp_path: Path) -> Iterator[Workers]:
    made = Workers(scene, tmp_path)
    yield made
    made.kill()


def test_the_survivor_ends_what_the_killed_one_left(
    scene: Scene, workers: Workers, tmp_path: Path
) -> None:
    """``kill -9`` at several moments; the dead one stays dead, the change is proven once."""
    for number, moment in enumerate(MOMENTS, start=1):
        (tmp_path / "kill").write_text(moment)
        given = scene.quote(addons={EXTRA_DISK_SPACE_ID: number})
        payment = f"pi_{number}"
        change_id = scene.pay(given, payment)
        dead = workers.dead()
        assert len(workers.alive()) == 1
        assert scene.change(change_id).is_open
        assert_done_once(scene, change_id, payment)
        assert len(workers.alive()) == 1, "nobody restarted the dead one"
        workers.restart(dead)


def test_what_an_ended_process_left_waiting_goes_on_elsewhere(
    scene: Scene, workers: Workers
) -> None:
    """A process that is scaled away in order hands over changes that wait for a next try."""
    scene.sandbox.faults = lambda request: None if request.method == "GET" else Fault(status=500)
    change_id = scene.pay(scene.quote(), "pi_1")
    scene.wait_for(change_id, ChangeState.ATTENTION, seconds=DEADLINE)
    owner = carrier(scene, change_id)
    workers.end(owner)
    scene.sandbox.faults = lambda _request: None
    assert_done_once(scene, change_id, "pi_1")
    assert workers.alive() == [carrier(scene, change_id)]
    assert owner not in workers.alive()


def carrier(scene: Scene, change_id: str) -> str:
    """The process that has the change in hand, or had it last."""
    query = text("SELECT executor_id FROM dbos.workflow_status WHERE workflow_uuid = :id")
    with scene.store.connect() as connection:
        return str(connection.scalar(query, {"id": change_id}))
