"""What every pass of a run works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from bridge.network.client import NetworkClient
from sync.results import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run over one network.

    ``limits_shown``: the network shows effective limits. ``clock_skew`` is its clock minus
    ours, in seconds.
    """

    engine: Engine
    network_id: int
    client: NetworkClient
    clock: Callable[[], datetime]
    progress: Progress
    limits_shown: bool
    clock_skew: int = 0
