"""Reading again what somebody said has changed: soon, once, and only for what it is now.

Hints are kept in memory. One that is lost with the process costs a few minutes: the next
incremental sync finds the change by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import Engine

from bridge.errors import NotFound, PlanbridgeError
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.faults import Fault, UnreadableRow
from bridge.store.networks import id_of
from bridge.store.tables import Network
from sync.pace import Pace
from sync.reread import reread

_log = structlog.get_logger(__name__)

DELAY: Final = 2.0
"""Seconds between the first hint of a row and its reading: calls come in bursts, and before
the network has committed what they tell of (domain/events-webhooks.md §2)."""

_WAITS = (5.0, 30.0, 120.0)
_PER_SECOND = 4.0


@dataclass(frozen=True, slots=True)
class _Row:
    network: str
    entity: Entity
    id: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    due: float
    failures: int = 0


class Hints:
    """Rows to read again. A row is asked for once however often it is told of meanwhile.

    Args:
        engine: The database with the mirror.
        network: The network of a name; raises NotFound.
        client: Opens its client.
        clock: Aware UTC time.
        delay: Seconds between the first hint of a row and its reading.
        capacity: Rows that may wait; more are left to the next sync.
        monotonic: The clock of the delays, in seconds.
        pace: Between two rows.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        network: Callable[[str], Network],
        client: Callable[[Network], NetworkClient],
        clock: Callable[[], datetime],
        delay: float = DELAY,
        capacity: int = 2000,
        monotonic: Callable[[], float] = time.monotonic,
        pace: Pace | None = None,
    ) -> None:
        self._engine = engine
        self._network = network
        self._client = client
        self._clock = clock
        self._delay = delay
        self._capacity = capacity
        self._monotonic = monotonic
        self._pace = pace or Pace(_PER_SECOND)
        self._lock = threading.Lock()
        self._waiting: dict[_Row, _Waiting] = {}

    def take(self, network: str, ids: Mapping[str, int]) -> None:
        """Note rows by entity; returns at once, any thread."""
        due = self._monotonic() + self._delay
        with self._lock:
            for entity, row_id in ids.items():
                row = _Row(network, Entity(entity), row_id)
                if row not in self._waiting and len(self._waiting) < self._capacity:
                    self._waiting[row] = _Waiting(due)

    def sweep(self) -> int:
        """Read every row whose time has come; how many were."""
        now = self._monotonic()
        with self._lock:
            due = {row: each for row, each in self._waiting.items() if each.due <= now}
            for row in due:
                # A hint that comes from here on is of another change.
                del self._waiting[row]
        for name in dict.fromkeys(row.network for row in due):
            self._read(name, {row: each for row, each in due.items() if row.network == name})
        return len(due)

    def _read(self, name: str, rows: Mapping[_Row, _Waiting]) -> None:
        left = dict(rows)
        try:
            network = self._network(name)
            with self._client(network) as client:
                for row in rows:
                    self._pace.wait()
                    try:
                        self._one(id_of(network), client, row)
                    except UnreadableRow as fault:
                        _log.warning("row cannot be read", network=name, reason=str(fault))
                    del left[row]
        except NotFound:
            return  # the network was removed
        except Fault as fault:
            # What holds for one row holds for the others just now.
            if fault.transient:
                self._again(left)
            _log.warning(
                "hints wait" if fault.transient else "hints left to the next sync",
                network=name,
                rows=len(left),
                reason=str(fault),
            )
        except PlanbridgeError as error:
            _log.warning("hints left to the next sync", network=name, reason=str(error))

    def _one(self, network_id: int, client: NetworkClient, row: _Row) -> None:
        found = reread(
            self._engine,
            network_id,
            client,
            entity=row.entity,
            row_id=row.id,
            clock=self._clock,
        )
        _log.debug(
            "row read again", network=row.network, entity=row.entity, id=row.id, gone=not found
        )

    def _again(self, rows: Mapping[_Row, _Waiting]) -> None:
        now = self._monotonic()
        with self._lock:
            for row, each in rows.items():
                if each.failures < len(_WAITS) and row not in self._waiting:
                    due = now + _WAITS[each.failures]
                    self._waiting[row] = replace(each, due=due, failures=each.failures + 1)
