"""A process that delivers what is due once: ``python worker.py DATABASE KEY TIME``."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bridge.hooks.sender import HookSender
from bridge.hooks.targets import Courier
from bridge.store.engine import make_engine
from bridge.store.seals import Seal


def main(database: str, key: str, time: str) -> None:
    moment = datetime.fromisoformat(time)
    HookSender(
        make_engine(database),
        seal=Seal([key]),
        courier=Courier(private=True),
        clock=lambda: moment,
    ).sweep()


if __name__ == "__main__":
    main(*sys.argv[1:])
