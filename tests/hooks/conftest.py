"""A town whose operator listens, and what delivers to him."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine

from bridge.hooks.sender import HookSender
from bridge.hooks.signing import new_secret
from bridge.hooks.targets import Courier
from bridge.store.hooks import HookRepository
from bridge.store.outgoing import Fact, tell
from bridge.store.tables import HookDelivery, HookEndpoint, OutgoingEvent
from tests.hooks.receiver import Receiver
from tests.notices.town import Town


@dataclass
class Operator:
    """The operator of a town, and his endpoints."""

    town: Town

    def listen(self, url: str, *types: str) -> HookEndpoint:
        with self.town.session() as session:
            endpoint = HookRepository(session).add(
                self.town.network_id,
                url,
                types=types,
                secret=new_secret(),
                seal=self.town.seal,
                now=self.town.clock(),
            )
            session.commit()
        return endpoint

    def endpoint(self, endpoint_id: str) -> HookEndpoint:
        with self.town.session() as session:
            return HookRepository(session).get(endpoint_id)

    def tell(self, *facts: Fact) -> int:
        with self.town.session() as session:
            told = tell(session.connection(), self.town.network_id, facts, now=self.town.clock())
            session.commit()
        return told

    def deliveries(self) -> list[tuple[HookDelivery, OutgoingEvent]]:
        """Oldest first."""
        with self.town.session() as session:
            return [*reversed(HookRepository(session).deliveries(limit=1000))]

    def types(self) -> list[str]:
        return [event.type for _, event in self.deliveries()]

    def sender(self, courier: Courier | None = None, **options: Any) -> HookSender:
        return HookSender(
            self.town.engine,
            seal=self.town.seal,
            courier=courier or Courier(private=True, connect=2, read=5),
            clock=self.town.clock,
            **options,
        )


@pytest.fixture
def operator(sqlite_engine: Engine) -> Operator:
    return Operator(Town(sqlite_engine))


@pytest.fixture
def each_operator(engine: Engine) -> Operator:
    """Once on each kind of database."""
    return Operator(Town(engine))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running
