"""Locks between processes: held once, let go by death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bridge.errors import StoreError
from bridge.store.engine import make_engine
from bridge.store.locks import Locked, exclusive
from tests.dead_locks import until_free

_HOLD = """
import sys, time
from bridge.store.engine import make_engine
from bridge.store.locks import exclusive

with exclusive(make_engine(sys.argv[1]), "sync-1", what="x"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_of_a_killed_process_is_free(engine: Engine, database_url: str) -> None:
    """While it lives nobody else gets in; another purpose does not mind."""
    root = Path(__file__).parents[2]
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, database_url], cwd=root, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(Locked, match="A sync of lab is under way"),
            exclusive(engine, "sync-1", what="A sync of lab"),
        ):
            pass
        with exclusive(engine, "sync-2", what="y"):
            pass
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
    until_free(engine, "sync-1")


def test_a_lock_is_let_go_after_an_error(engine: Engine) -> None:
    """Whatever happens inside the block."""
    with pytest.raises(ZeroDivisionError), exclusive(engine, "sync-1", what="x"):
        raise ZeroDivisionError
    with exclusive(engine, "sync-1", what="x"):
        pass


def test_no_place_for_a_lock_is_not_taken_for_a_lock() -> None:
    """A folder that is not there is said to be the trouble."""
    engine = make_engine("sqlite:///:memory:")
    engine.url = engine.url.set(database="/nowhere/at/all.db")
    with pytest.raises(StoreError, match="/nowhere"), exclusive(engine, "sync-1", what="x"):
        pass
