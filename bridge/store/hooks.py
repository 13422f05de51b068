"""All queries on the operator's endpoints and what is on its way to them."""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, select

from bridge.domain.outgoing import ANY, EventType, unknown_types, wanted
from bridge.errors import InvalidInput, NotFound
from bridge.store.seals import Seal
from bridge.store.tables import DeliveryState, HookDelivery, HookEndpoint, Network, OutgoingEvent


class UnknownEndpoint(NotFound):
    """There is no endpoint {endpoint!r}."""

    hint = "`planbridge hooks list` shows the known ones."


class UnknownEventTypes(InvalidInput):
    """No event is named {types}."""

    hint = "`planbridge hooks events` lists them; `change.*` is every event about changes."


@dataclass(frozen=True, slots=True)
class Shipment:
    """A delivery that was claimed, with what it carries and where to."""

    delivery: HookDelivery
    event: OutgoingEvent
    endpoint: HookEndpoint
    network: str


class HookRepository:
    """All queries on endpoints and deliveries. The caller commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        network_id: int,
        url: str,
        *,
        types: Sequence[str],
        secret: str,
        seal: Seal,
        now: datetime,
    ) -> HookEndpoint:
        """Keep a new endpoint; ``types`` empty means all.

        Raises:
            UnknownEventTypes: a type that there is not.
        """
        unknown = unknown_types(types)
        if unknown:
            raise UnknownEventTypes(types=", ".join(unknown))
        endpoint = HookEndpoint(
            id=f"hook_{secrets.token_hex(8)}",
            network_id=network_id,
            url=url,
            sealed_secret=seal.seal(secret),
            types=list(types) or [ANY],
            created_at=now,
            updated_at=now,
        )
        self._session.add(endpoint)
        self._session.flush()
        return endpoint

    def get(self, endpoint_id: str, *, network_id: int | None = None) -> HookEndpoint:
        """The endpoint as it is now.

        Raises:
            UnknownEndpoint: there is none, or it is another network's than the one given.
        """
        found = self._session.get(HookEndpoint, endpoint_id, populate_existing=True)
        if found is None or network_id not in (None, found.network_id):
            raise UnknownEndpoint(endpoint=endpoint_id)
        return found

    def list(self, network_id: int | None = None) -> Sequence[HookEndpoint]:
        """All endpoints, or a network's, oldest first."""
        query = select(HookEndpoint).order_by(col(HookEndpoint.created_at), col(HookEndpoint.id))
        if network_id is not None:
            query = query.where(HookEndpoint.network_id == network_id)
        return self._session.exec(query).all()

    def remove(self, endpoint: HookEndpoint) -> None:
        """Forget an endpoint and all deliveries to it."""
        self._session.delete(endpoint)
        self._session.flush()

    def enable(self, endpoint: HookEndpoint, *, now: datetime) -> None:
        """Switch an endpoint on again. What came meanwhile is held until it is replayed."""
        endpoint.enabled, endpoint.disabled_why, endpoint.failing_since = True, "", None
        endpoint.updated_at = now
        self._session.add(endpoint)
        self._session.flush()

    def disable(self, endpoint_id: str, *, why: str, now: datetime) -> None:
        """Switch an endpoint off; what waits for it is held."""
        self._session.exec(
            update(HookEndpoint)
            .where(col(HookEndpoint.id) == endpoint_id)
            .values(enabled=False, disabled_why=why, updated_at=now)
            .execution_options(synchronize_session=False)
        )
        self._session.exec(
            update(HookDelivery)
            .where(
                col(HookDelivery.endpoint_id) == endpoint_id,
                col(HookDelivery.state) == DeliveryState.WAITING,
            )
            .values(state=DeliveryState.HELD, updated_at=now)
            .execution_options(synchronize_session=False)
        )

    def failing(self, endpoint_id: str, *, since: datetime | None) -> None:
        """Note since when every try has failed; None after one that did not."""
        statement = (
            update(HookEndpoint)
            .where(col(HookEndpoint.id) == endpoint_id)
            .execution_options(synchronize_session=False)
        )
        if since is not None:
            statement = statement.where(col(HookEndpoint.failing_since).is_(None))
        else:
            statement = statement.where(col(HookEndpoint.failing_since).is_not(None))
        self._session.exec(statement.values(failing_since=since))

    def due(self, now: datetime, *, each: int = 50) -> dict[str, builtins.list[int]]:
        """Ids of deliveries that are to be sent now, by endpoint, ``each`` at most."""
        rank = (
            func.row_number()
            .over(
                partition_by=col(HookDelivery.endpoint_id),
                order_by=(col(HookDelivery.due_at), col(HookDelivery.id)),
            )
            .label("rank")
        )
        ranked = (
            select(HookDelivery.endpoint_id, HookDelivery.id, rank).where(*_free(now)).subquery()
        )
        rows = self._session.execute(
            select(ranked.c.endpoint_id, ranked.c.id)
            .where(ranked.c.rank <= each)
            .order_by(ranked.c.endpoint_id, ranked.c.rank)
        )
        found: dict[str, builtins.list[int]] = {}
        for endpoint_id, delivery_id in rows:
            found.setdefault(endpoint_id, []).append(delivery_id)
        return found

    def claim(self, delivery_id: int, *, now: datetime, until: datetime) -> Shipment | None:
        """Hold a delivery until then; None when another sender has it or it is over."""
        statement = (
            update(HookDelivery)
            .where(col(HookDelivery.id) == delivery_id, *_free(now))
            .values(due_at=until, attempts=HookDelivery.attempts + 1, updated_at=now)
            .execution_options(synchronize_session=False)
        )
        if self._session.exec(statement).rowcount != 1:
            return None
        return self.shipment(delivery_id)

    def delivery_of(self, endpoint_id: str, event_id: str) -> int:
        """Id of the delivery of an event to an endpoint; there has to be one."""
        found = self._session.exec(
            select(HookDelivery.id).where(
                HookDelivery.endpoint_id == endpoint_id, HookDelivery.event_id == event_id
            )
        ).one()
        assert found is not None
        return found

    def shipment(self, delivery_id: int) -> Shipment | None:
        """A delivery with its event and endpoint, as they are now."""
        row = self._session.exec(
            select(HookDelivery, OutgoingEvent, HookEndpoint, Network.name)
            .join(OutgoingEvent, col(OutgoingEvent.id) == HookDelivery.event_id)
            .join(HookEndpoint, col(HookEndpoint.id) == HookDelivery.endpoint_id)
            .join(Network, col(Network.id) == HookEndpoint.network_id)
            .where(HookDelivery.id == delivery_id)
            .execution_options(populate_existing=True)
        ).one_or_none()
        return None if row is None else Shipment(*row)

    def save(self, delivery: HookDelivery, *, now: datetime, **values: Any) -> bool:
        """Set columns of a delivery that was claimed; False when somebody took it since."""
        statement = (
            update(HookDelivery)
            .where(
                col(HookDelivery.id) == delivery.id,
                col(HookDelivery.attempts) == delivery.attempts,
            )
            .values(updated_at=now, **values)
            .execution_options(synchronize_session=False)
        )
        return self._session.exec(statement).rowcount == 1

    def deliveries(
        self,
        *,
        network_id: int | None = None,
        endpoint_id: str | None = None,
        states: Collection[DeliveryState] | None = None,
        limit: int = 100,
    ) -> Sequence[tuple[HookDelivery, OutgoingEvent]]:
        """Deliveries with their events, newest first."""
        query = (
            select(HookDelivery, OutgoingEvent)
            .join(OutgoingEvent, col(OutgoingEvent.id) == HookDelivery.event_id)
            .order_by(col(HookDelivery.id).desc())
            .limit(limit)
        )
        if network_id is not None:
            query = query.where(OutgoingEvent.network_id == network_id)
        if endpoint_id is not None:
            query = query.where(HookDelivery.endpoint_id == endpoint_id)
        if states is not None:
            query = query.where(col(HookDelivery.state).in_(states))
        return self._session.exec(query).all()

    def replay(
        self,
        endpoint: HookEndpoint,
        *,
        now: datetime,
        event_ids: Collection[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        states: Collection[DeliveryState] | None = None,
    ) -> int:
        """Send events to an endpoint again, by id or by when they happened; how many.

        Events that it never got because it did not want their type, or was not there yet,
        are sent as well if it wants them now.
        """
        events = select(OutgoingEvent).where(OutgoingEvent.network_id == endpoint.network_id)
        if event_ids:
            events = events.where(col(OutgoingEvent.id).in_(event_ids))
        if since is not None:
            events = events.where(col(OutgoingEvent.created_at) >= since)
        if until is not None:
            events = events.where(col(OutgoingEvent.created_at) < until)
        known = {
            one.event_id: one
            for one in self._session.exec(
                select(HookDelivery).where(HookDelivery.endpoint_id == endpoint.id)
            )
        }
        sent = 0
        for event in self._session.exec(events.order_by(col(OutgoingEvent.created_at))).all():
            delivery = known.get(event.id)
            if delivery is None and (
                states is not None or not wanted(endpoint.types, EventType(event.type))
            ):
                continue
            if delivery is not None and states is not None and delivery.state not in states:
                continue
            again = delivery or HookDelivery(
                endpoint_id=endpoint.id,
                event_id=event.id,
                due_at=now,
                created_at=now,
                updated_at=now,
            )
            again.state, again.attempts, again.reason = DeliveryState.WAITING, 0, ""
            again.due_at = again.updated_at = now
            self._session.add(again)
            sent += 1
        self._session.flush()
        return sent

    def troubled(self) -> Sequence[tuple[str, HookEndpoint]]:
        """Endpoints that were switched off because they failed, by the network's name."""
        return self._session.exec(
            select(Network.name, HookEndpoint)
            .join(HookEndpoint, col(HookEndpoint.network_id) == Network.id)
            .where(col(HookEndpoint.disabled_why) != "")
            .order_by(Network.name, col(HookEndpoint.id))
        ).all()


def _free(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (col(HookDelivery.state) == DeliveryState.WAITING, col(HookDelivery.due_at) <= now)
