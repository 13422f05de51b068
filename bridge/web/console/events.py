"""What Stripe sent, what became of it, and once more."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bridge.domain.moments import parse_moment
from bridge.errors import InvalidInput, UnknownEvent
from bridge.store.events import EventFilter, EventRepository
from bridge.store.networks import NetworkRepository
from bridge.store.tables import EventState
from bridge.web.console.frame import console_page, done
from bridge.web.console.sessions import SIGNED_IN, AnActor, AReader
from bridge.web.pages.forms import OwnForm
from bridge.web.service import ASession, Service, TheNetwork, TheService

router = APIRouter(prefix="/console", dependencies=SIGNED_IN)
_PAGE = 100


@router.get("/events")
def list_events(
    request: Request,
    who: AReader,
    session: ASession,
    service: TheService,
    network: str = "",
    type: str = "",
    state: str = "",
    since: str = "",
    until: str = "",
    before: int | None = None,
) -> Response:
    """Events, newest first."""
    asked = {"network": network, "type": type, "state": state, "since": since, "until": until}
    networks = NetworkRepository(session, service.seal).list()
    chosen = _filter(asked, session, service)
    repository = EventRepository(session.connection())
    found = repository.list(chosen, limit=_PAGE + 1, before_id=before)
    context = {
        "events": found[:_PAGE],
        "more": found[_PAGE - 1].id if len(found) > _PAGE else None,
        "networks": networks,
        "names": {one.key: one.name for one in networks},
        "states": [*EventState],
        "chosen": asked,
        "filtered": any(asked.values()),
    }
    return console_page(request, "events.html", who, context, section="events")


@router.post("/events/replay")
def replay_many(who: AnActor, form: OwnForm, session: ASession, service: TheService) -> Response:
    """Let all events that fit a filter be handled once more."""
    names = ("network", "type", "state", "since", "until")
    asked = {name: str(form.get(name, "")) for name in names}
    if not any(asked.values()):
        raise InvalidInput(what="replay", why="choose which events first")
    chosen = _filter(asked, session, service)
    count = EventRepository(session.connection()).replay(chosen, now=service.clock())
    detail = {"count": count, **{name: value for name, value in asked.items() if value}}
    who.audit(session, "event.replay", network=asked["network"], detail=detail)
    session.commit()
    service.wake_inbox()
    return done("/console/events", "replayed", **{key: text for key, text in asked.items() if text})


@router.get("/networks/{network}/events/{row}")
def show_event(
    request: Request, network: TheNetwork, row: int, who: AReader, session: ASession
) -> Response:
    """One event with what Stripe sent."""
    event = EventRepository(session.connection()).get(row)
    if event is None or event.network_id != network.key:
        raise UnknownEvent(event=row)
    context = {"network": network, "event": event, "payload": _pretty(event.payload)}
    return console_page(request, "event.html", who, context, section="events")


@router.post("/networks/{network}/events/{row}/replay")
def replay_one(
    network: TheNetwork,
    row: int,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Handle one event once more. What it has already done is not done twice."""
    one = EventFilter(ids=(row,), network_id=network.key)
    if not EventRepository(session.connection()).replay(one, now=service.clock()):
        raise UnknownEvent(event=row)
    who.audit(session, "event.replay", network=network.name, subject=str(row))
    session.commit()
    service.wake_inbox()
    return done(f"/console/networks/{network.name}/events/{row}", "replayed")


def _filter(asked: dict[str, str], session: ASession, service: Service) -> EventFilter:
    network, state = asked["network"], asked["state"]
    repository = NetworkRepository(session, service.seal)
    return EventFilter(
        network_id=repository.get(network).key if network else None,
        states=_states(state),
        type=asked["type"].strip() or None,
        since=parse_moment(asked["since"]) if asked["since"] else None,
        until=parse_moment(asked["until"]) if asked["until"] else None,
    )


def _states(state: str) -> tuple[EventState, ...] | None:
    if state == "unhandled":
        return (EventState.ATTENTION, EventState.FAILED)
    return (EventState(state),) if state in set(EventState) else None


def _pretty(payload: bytes) -> str:
    try:
        document: Any = json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace")
    return json.dumps(document, indent=2, ensure_ascii=False)
