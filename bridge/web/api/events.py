"""``/v1/networks/{network}/events``: what Stripe sent, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import orjson
from fastapi import APIRouter, Query

from bridge.errors import UnknownEvent
from bridge.store.events import EventFilter, EventRepository
from bridge.store.tables import EventState, Network, WebhookEvent
from bridge.web.api.inputs import Id
from bridge.web.api.models import EventDetail, EventView, Listing
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(prefix="/networks/{network}/events", tags=["events"])


@router.get("")
def list_events(
    network: TheNetwork,
    session: ASession,
    state: EventState | None = None,
    type: Annotated[str | None, Query(description="Such as invoice.paid.")] = None,
    before: Annotated[Id | None, Query(description="Rows older than this one.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Listing[EventView]:
    """Events, newest first."""
    chosen = EventFilter(network_id=network.key, states=(state,) if state else None, type=type)
    rows = EventRepository(session.connection()).list(chosen, limit=limit + 1, before_id=before)
    shown = rows[:limit]
    return Listing(
        items=[_view(asdict(row)) for row in shown],
        next=shown[-1].id if len(rows) > limit else None,
    )


@router.get("/{row}")
def get_event(network: TheNetwork, row: Id, session: ASession) -> EventDetail:
    """One event with its payload."""
    event = _event(network, row, session)
    return EventDetail(
        **_view(event.model_dump(exclude={"payload"})).model_dump(),
        payload=orjson.loads(event.payload),
    )


@router.post("/{row}/replay", status_code=202)
def replay_event(network: TheNetwork, row: Id, session: ASession, service: TheService) -> EventView:
    """Handle an event once more. What it has already done is not done twice."""
    _event(network, row, session)
    repository = EventRepository(session.connection())
    repository.replay(EventFilter(ids=(row,), network_id=network.key), now=service.clock())
    session.commit()
    service.wake_inbox()
    return _view(_event(network, row, session).model_dump(exclude={"payload"}))


def _event(network: Network, row: Id, session: ASession) -> WebhookEvent:
    event = EventRepository(session.connection()).get(row)
    if event is None or event.network_id != network.key:
        raise UnknownEvent(event=row)
    return event


def _view(row: dict[str, object]) -> EventView:
    return EventView.model_validate({name: row[name] for name in EventView.model_fields})
