"""``…/hooks``: where a network's events are sent, and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from bridge.hooks.signing import key_of, new_secret
from bridge.hooks.targets import check_url
from bridge.store.hooks import HookRepository
from bridge.store.tables import DeliveryState, HookDelivery, HookEndpoint, OutgoingEvent
from bridge.web.api.inputs import HookIn, ReplayIn
from bridge.web.api.models import Listing, Model
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(prefix="/networks/{network}/hooks", tags=["hooks"])


class HookView(Model):
    """An endpoint, without its secret. ``disabled_why`` says why planbridge switched it off."""

    id: str
    url: str
    types: list[str]
    enabled: bool
    failing_since: datetime | None
    disabled_why: str
    created_at: datetime


class NewHook(HookView):
    """A new endpoint with its secret, which is not shown again."""

    secret: str


class DeliveryView(Model):
    """One event on its way to an endpoint; ``answer`` is the beginning of what came back."""

    event_id: str
    type: str
    happened_at: datetime
    membership_id: int | None
    data: dict[str, Any]
    state: DeliveryState
    attempts: int
    due_at: datetime
    status_code: int | None
    answer: str
    reason: str
    delivered_at: datetime | None


class Replayed(Model):
    """How many events are sent again."""

    count: int


@router.get("")
def list_hooks(network: TheNetwork, session: ASession) -> Listing[HookView]:
    """Where the network's events are sent."""
    rows = HookRepository(session).list(network.key)
    return Listing(items=[_view(row) for row in rows])


@router.post("", status_code=201)
def add_hook(
    network: TheNetwork, wanted: HookIn, session: ASession, service: TheService
) -> NewHook:
    """Have the network's events sent to an address."""
    check_url(wanted.url, private=service.hooks_private)
    secret = wanted.secret or new_secret()
    key_of(secret)
    endpoint = HookRepository(session).add(
        network.key,
        wanted.url,
        types=wanted.types,
        secret=secret,
        seal=service.seal,
        now=service.clock(),
    )
    session.commit()
    return NewHook(**_view(endpoint).model_dump(), secret=secret)


@router.get("/{hook_id}")
def show_hook(network: TheNetwork, hook_id: str, session: ASession) -> HookView:
    """One endpoint."""
    return _view(HookRepository(session).get(hook_id, network_id=network.key))


@router.delete("/{hook_id}", status_code=204)
def remove_hook(network: TheNetwork, hook_id: str, session: ASession) -> None:
    """Send nothing there any more, and forget what was sent."""
    hooks = HookRepository(session)
    hooks.remove(hooks.get(hook_id, network_id=network.key))
    session.commit()


@router.post("/{hook_id}/enable")
def enable_hook(
    network: TheNetwork, hook_id: str, session: ASession, service: TheService
) -> HookView:
    """Switch an endpoint on again; what came meanwhile waits for a replay."""
    hooks = HookRepository(session)
    endpoint = hooks.get(hook_id, network_id=network.key)
    hooks.enable(endpoint, now=service.clock())
    session.commit()
    return _view(endpoint)


@router.get("/{hook_id}/deliveries")
def list_deliveries(
    network: TheNetwork,
    hook_id: str,
    session: ASession,
    state: Annotated[list[DeliveryState] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Listing[DeliveryView]:
    """What was sent to an endpoint, newest first."""
    hooks = HookRepository(session)
    endpoint = hooks.get(hook_id, network_id=network.key)
    rows = hooks.deliveries(endpoint_id=endpoint.id, states=state, limit=limit)
    return Listing(items=[_delivery(*row) for row in rows])


@router.post("/{hook_id}/replay")
def replay(
    network: TheNetwork,
    hook_id: str,
    wanted: ReplayIn,
    session: ASession,
    service: TheService,
) -> Replayed:
    """Send events again, with the ids they had."""
    hooks = HookRepository(session)
    count = hooks.replay(
        hooks.get(hook_id, network_id=network.key),
        now=service.clock(),
        event_ids=wanted.event_ids,
        since=wanted.since,
        until=wanted.until,
        states=wanted.states or None,
    )
    session.commit()
    return Replayed(count=count)


def _view(row: HookEndpoint) -> HookView:
    return HookView(**row.model_dump(include=set(HookView.model_fields)))


def _delivery(row: HookDelivery, event: OutgoingEvent) -> DeliveryView:
    sent = {"state", "attempts", "due_at", "status_code", "answer", "reason", "delivered_at"}
    return DeliveryView(
        event_id=event.id,
        type=event.type,
        happened_at=event.created_at,
        membership_id=event.membership_id,
        data=event.data,
        **row.model_dump(include=sent),
    )
