"""A process that runs the upgrade engine until it is killed.

``python worker.py URL FOLDER SETTLE [NAME DATABASE]``, as `UpgradeEngine` understands them:
with a database, that of a store and engine which several processes share. SIGTERM stops it
in order.

While there is a file ``kill`` in the folder with a stage and ``before`` or ``after``, the
process kills itself there: ``before`` the stage is tried, or ``after`` it was written down
in the store, when the engine has not yet noted that it is done.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bridge.store.engine import make_engine
from bridge.upgrades import engine as upgrades
from bridge.upgrades.steps import Next, Steps
from tests.upgrades.scene import QUICK, client_of, utc_now


class MortalSteps(Steps):
    """Steps that die where the file says."""

    folder: Path

    def run(self, stage: str, change_id: str, failures: int) -> Next:
        self._die_at(stage, "before")
        result = super().run(stage, change_id, failures)
        self._die_at(stage, "after")
        return result

    def _die_at(self, stage: str, moment: str) -> None:
        order = self.folder / "kill"
        if order.exists() and order.read_text() == f"{stage} {moment}":
            order.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, folder: str, settle: str, name: str = "worker-1", database: str = "") -> None:
    MortalSteps.folder = Path(folder)
    upgrades.Steps = MortalSteps  # type: ignore[misc]
    engine = upgrades.UpgradeEngine(
        store=make_engine(database or f"sqlite:///{folder}/store.sqlite"),
        client_for=lambda _network_id: client_of(url),
        clock=utc_now,
        executor_id=name,
        system_database_url=database or f"sqlite:///{folder}/engine.sqlite",
        backoff=QUICK,
        settle=float(settle),
        poll=0.02,
        sweep=0.05,
        beat=0.3,
        silence=1.5,
    )
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: over.set())
    engine.start()
    over.wait()
    engine.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
