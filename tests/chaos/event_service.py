"""The service in a process of its own, with leases that suit a test.

``python event_service.py FOLDER PORT``. Nothing else differs from ``planbridge serve``: a
killed process' leases end after three seconds instead of thirty and more.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import uvicorn

from bridge import wiring
from bridge.settings import Settings
from bridge.upgrades.renewals import Renewals
from webhooks.dispatch import Dispatcher

LEASE = timedelta(seconds=3)


def main(folder: str, port: str) -> None:
    wiring.Dispatcher = partial(Dispatcher, lease=LEASE)  # type: ignore[misc, assignment]
    wiring.Renewals = partial(  # type: ignore[misc, assignment]
        Renewals, settle=1.0, lease=timedelta(seconds=10)
    )
    planbridge = wiring.open_app(Settings(data_dir=Path(folder), log_level="error"))
    uvicorn.run(
        wiring.web_app(planbridge, settle=1.0), host="127.0.0.1", port=int(port), log_level="error"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
