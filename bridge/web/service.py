"""What the routes need from the running service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import Depends, Request
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.notices.links import LinkMail
from bridge.store.networks import NetworkRepository
from bridge.store.seals import Seal
from bridge.store.tables import Network
from bridge.upgrades.cancelling import Cancelling
from bridge.upgrades.collecting import Collecting
from bridge.upgrades.usages import UsageOf

Clock = Callable[[], datetime]


class Waker(Protocol):
    """The part of the upgrade engine that routes may touch."""

    def wake(self, change_id: str) -> None:
        """Look for this change now instead of at the next round."""

    def retry(self, change_id: str) -> None:
        """Try a change that waits for the operator again, now."""


class Service:
    """The open store, the engine, and the rules that the settings decide."""

    def __init__(
        self,
        *,
        store: Engine,
        seal: Seal,
        clock: Clock,
        upgrades: Waker,
        wake_inbox: Callable[[], None],
        collecting: Collecting,
        wake_collecting: Callable[[], None],
        quote_key: bytes,
        quote_minutes: int,
        links: LinkMail,
        hooks_private: bool,
        cancelling: Cancelling,
        usage: UsageOf,
    ) -> None:
        self.store = store
        self.seal = seal
        self.clock = clock
        self.upgrades = upgrades
        self.wake_inbox = wake_inbox
        self.collecting = collecting
        self.wake_collecting = wake_collecting
        self.quote_key = quote_key
        self.quote_minutes = quote_minutes
        self.links = links
        self.hooks_private = hooks_private
        self.cancelling = cancelling
        self.usage = usage


def the_service(request: Request) -> Service:
    """The service of the application that received the request."""
    service: Service = request.app.state.service
    return service


def a_session(service: Annotated[Service, Depends(the_service)]) -> Iterator[Session]:
    """A session; a route that writes commits itself, since this ends after the answer is sent."""
    with Session(service.store, expire_on_commit=False) as session:
        yield session


def the_network(
    network: str,
    session: Annotated[Session, Depends(a_session)],
    service: Annotated[Service, Depends(the_service)],
) -> Network:
    """The network named in the path; 404 where there is none."""
    return NetworkRepository(session, service.seal).get(network)


TheService = Annotated[Service, Depends(the_service)]
ASession = Annotated[Session, Depends(a_session)]
TheNetwork = Annotated[Network, Depends(the_network)]
