"""A process that runs one scheduled job until it is killed.

``python clockwork.py NAME DATABASE FOLDER``: the job appends ``NAME`` to the file ``begun``,
waits for a file ``go``, and appends ``NAME`` to the file ``ended``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sqlmodel import Session, select

from bridge.store.engine import make_engine
from bridge.store.tables import Network
from sync.rhythms import Every
from sync.schedules import Job, Schedules
from tests.upgrades.scene import utc_now


def main(name: str, database: str, folder: str) -> None:
    engine = make_engine(database)

    def networks() -> list[Network]:
        with Session(engine, expire_on_commit=False) as session:
            return list(session.exec(select(Network)))

    def work(_network: Network, _go_on: Callable[[], bool]) -> str:
        note(Path(folder) / "begun", name)
        while not (Path(folder) / "go").exists():
            time.sleep(0.01)
        note(Path(folder) / "ended", name)
        return "done"

    schedules = Schedules(
        engine,
        [Job("job", Every(timedelta(hours=1)), work)],
        networks=networks,
        executor_id=name,
        clock=utc_now,
    )
    schedules.start()
    while True:
        schedules.sweep()
        time.sleep(0.05)


def note(path: Path, name: str) -> None:
    with path.open("a") as file:
        file.write(f"{name}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
