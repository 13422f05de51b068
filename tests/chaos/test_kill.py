"""``kill -9`` at any moment of a change: after the restart it is proven, and paid for once.

The network is in this process, so it survives. Each kill is followed by a restart; the
change after it belongs to the same membership and is another one.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from bridge.network.client import Entity
from bridge.sandbox.examples import EXTRA_DISK_SPACE_ID
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.wire import Request
from bridge.store.tables import ChangeState
from bridge.upgrades.steps import STAGES
from tests.upgrades.scene import Scene

pytestmark = pytest.mark.slow

WORKER = Path(__file__).with_name("worker.py")
DEADLINE = 30.0
SETTLE = "2.5"
"""Longer than any request takes effect here after its sender died."""


class Worker:
    """The engine in a process of its own, started again after each kill."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self._command = [sys.executable, str(WORKER), scene.sandbox.url, str(folder), SETTLE]
        self._process = self._started()

    def restart(self) -> None:
        self.kill()
        self._process = self._started()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def dies(self) -> None:
        """Wait until it has killed itself."""
        self._process.wait(DEADLINE)

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class KillAt:
    """Tells when the n-th request arrives; it takes effect a while after its sender died.

    The one that books the payment takes effect when its sender's successor is long at work.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._lock = threading.Lock()
        self._seen = 0
        self.reached = threading.Event()

    def __call__(self, request: Request) -> Fault | None:
        with self._lock:
            self._seen += 1
            if self._seen != self._number:
                return None
        self.reached.set()
        return Fault(delay=2.0 if request.method == "POST" else 0.1)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with SandboxNetwork() as network:
        made = Scene(network, tmp_path)
        yield made
        made.store.dispose()


@pytest.fixture
def worker(scene: Scene, tmp_path: Path) -> Iterator[Worker]:
    made = Worker(scene, tmp_path)
    yield made
    made.kill()


def another_change(scene: Scene, number: int, *, membership: int = 1) -> tuple[str, str]:
    """Pay for Premium with ``number`` times disk space; the ids of change and payment."""
    payment = f"pi_{membership}_{number}"
    given = scene.quote(membership=membership, addons={EXTRA_DISK_SPACE_ID: number})
    return scene.pay(given, payment), payment


def assert_done_once(scene: Scene, change_id: str, payment: str) -> None:
    """Proven, with one payment on the network, and every write of it the same."""
    change = scene.wait_for(change_id, ChangeState.PROVEN, seconds=DEADLINE)
    assert booked(scene, payment) == 1
    written = {
        str(each.body)
        for each in scene.sandbox.journal.writes(f"/membership/{change.membership_id}")
        if each.body["addon_products"] == change.target["addons"]
    }
    assert len(written) == 1


def booked(scene: Scene, payment: str) -> int:
    with scene.client() as client:
        return len(client.find(Entity.PAYMENT, gateway_payment_id=payment))


def until(scene: Scene, reached: Callable[[], bool], *changes: str) -> bool:
    """Wait for a moment; False when all changes have ended before it."""
    deadline = time.monotonic() + DEADLINE
    while not reached():
        if not any(scene.change(each).is_open for each in changes):
            return False
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return True


def asked(scene: Scene) -> int:
    return sum(1 for _ in scene.sandbox.journal)


def has_asked(scene: Scene, requests: int) -> bool:
    return asked(scene) >= requests


def test_killed_at_every_boundary_between_stages(
    scene: Scene, worker: Worker, tmp_path: Path
) -> None:
    """Before a stage is tried, and after it is done but before the engine knows."""
    for number, (stage, moment) in enumerate(itertools.product(STAGES, ("before", "after")), 1):
        (tmp_path / "kill").write_text(f"{stage} {moment}")
        change_id, payment = another_change(scene, number)
        worker.dies()
        worker.restart()
        assert_done_once(scene, change_id, payment)


def test_killed_at_every_request_to_the_network(scene: Scene, worker: Worker) -> None:
    """The request goes through, but nobody is there any more to hear the answer."""
    payments: list[str] = []
    for number in itertools.count(1):
        moment = KillAt(number)
        scene.sandbox.faults = moment
        change_id, payment = another_change(scene, number)
        payments.append(payment)
        if not until(scene, moment.reached.is_set, change_id):
            break
        worker.restart()
        assert_done_once(scene, change_id, payment)
    assert len(payments) > len(STAGES)
    # By now the late requests of the dead have taken effect, too.
    assert [booked(scene, payment) for payment in payments] == [1] * len(payments)


def test_killed_at_random_moments_with_several_changes_under_way(
    scene: Scene, worker: Worker
) -> None:
    """A slow network, four memberships, and a kill every time the worker has come up."""
    chance = random.Random(20261124)
    scene.sandbox.faults = lambda _request: Fault(delay=0.02)
    changes = [another_change(scene, 1, membership=number) for number in (1, 2, 4, 5)]
    for _ in range(8):
        goal = asked(scene) + chance.randrange(1, 25)
        until(scene, partial(has_asked, scene, goal), *(each for each, _payment in changes))
        time.sleep(chance.random() * 0.05)
        worker.restart()
    for change_id, payment in changes:
        assert_done_once(scene, change_id, payment)
