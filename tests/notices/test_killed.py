"""A sender that is killed: nothing is lost, and what came twice is recognised as one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.store.seals import Seal
from bridge.store.tables import NoticeState
from tests.notices.post_box import PostBox
from tests.notices.town import Town

WORKER = Path(__file__).parent / "worker.py"


@pytest.fixture
def run(town: Town, box: PostBox) -> Callable[[], subprocess.Popen[bytes]]:
    """Starts a sender of its own process on the town's database."""
    key = Seal.new_key()
    town.seal = Seal([key])

    def start() -> subprocess.Popen[bytes]:
        database = town.engine.url.render_as_string(hide_password=False)
        return subprocess.Popen(
            [sys.executable, str(WORKER), database, str(box.port), key, town.clock().isoformat()]
        )

    return start


def test_killed_before_the_server_took_it(
    town: Town, box: PostBox, run: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """It is sent once, by the next one, when the lease is over."""
    town.switch()
    town.prove()
    workers: list[subprocess.Popen[bytes]] = []

    def kill(_address: str) -> str:
        os.kill(workers[0].pid, signal.SIGKILL)
        workers[0].wait()
        return "250 OK"

    box.handler.rcpt = kill
    workers.append(run())
    assert workers[0].wait(timeout=60) == -signal.SIGKILL
    box.handler.rcpt = lambda _address: "250 OK"
    [notice] = town.notices()
    assert (notice.state, notice.attempts) == (NoticeState.WAITING, 1)
    assert town.sender(box.office()).sweep() == 0
    town.clock.pass_(minutes=5)
    assert town.sender(box.office()).sweep() == 1
    assert len(box.mails) == 1
    assert town.notices()[0].state is NoticeState.SENT


def test_killed_after_the_server_took_it(
    town: Town, box: PostBox, run: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """The one window in which a mail comes twice: with the same Message-ID."""
    town.switch()
    town.prove()
    workers: list[subprocess.Popen[bytes]] = []

    def kill(_envelope: object) -> str:
        os.kill(workers[0].pid, signal.SIGKILL)
        workers[0].wait()
        return "250 OK"

    box.handler.answer = kill
    workers.append(run())
    assert workers[0].wait(timeout=60) == -signal.SIGKILL
    box.handler.answer = lambda _envelope: "250 OK"
    town.clock.pass_(minutes=5)
    assert town.sender(box.office()).sweep() == 1
    assert town.sender(box.office()).sweep() == 0
    first, second = box.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert town.notices()[0].state is NoticeState.SENT
