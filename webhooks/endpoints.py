"""Which network an address belongs to, from memory.

The whole table is held and read again when it is older than a few seconds, so that
neither a flood of forged events nor one of unknown names costs a query each.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.store.identities import StripeIdentity
from bridge.store.networks import NetworkRepository
from bridge.store.seals import Seal, SealBroken

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EndpointInfo(StripeIdentity):
    """A network and the signing secrets that are valid now: two while one is rotated."""

    secrets: tuple[str, ...] = field(default=(), repr=False)


class Endpoints:
    """The endpoints by network name, at most ``ttl`` seconds old.

    Args:
        load: Reads all endpoints; called in a thread, one call at a time.
        ttl: Seconds for which an answer is good. A rotated secret or a new network is
            known after this time, or at once with `invalidate`.
        monotonic: The clock for ``ttl``, in seconds.
    """

    def __init__(
        self,
        load: Callable[[], Iterable[EndpointInfo]],
        *,
        ttl: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._ttl = ttl
        self._monotonic = monotonic
        self._table: dict[str, EndpointInfo] = {}
        self._good_until = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, name: str) -> EndpointInfo | None:
        """The endpoint of a network, or None where there is no such network."""
        if self._monotonic() >= self._good_until:
            async with self._lock:
                if self._monotonic() >= self._good_until:
                    found = await asyncio.to_thread(self._load)
                    self._table = {endpoint.name: endpoint for endpoint in found}
                    self._good_until = self._monotonic() + self._ttl
        return self._table.get(name)

    def invalidate(self) -> None:
        """Read the table again before the next answer."""
        self._good_until = float("-inf")


def read_endpoints(engine: Engine, seal: Seal) -> list[EndpointInfo]:
    """All networks that have a signing secret, from the database.

    A network whose secrets cannot be opened is left out and logged: the others go on.
    """
    endpoints = []
    with Session(engine) as session:
        repository = NetworkRepository(session, seal)
        for network in repository.list():
            try:
                secrets = repository.stripe_secrets(network)
            except SealBroken as error:
                _log.error("stripe secrets unreadable", network=network.name, error=str(error))
                continue
            if secrets and network.id is not None:
                endpoints.append(
                    EndpointInfo(
                        network_id=network.id,
                        name=network.name,
                        account=network.stripe_account,
                        livemode=network.livemode,
                        secrets=secrets,
                    )
                )
    return endpoints
