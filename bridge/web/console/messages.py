"""What goes out: mails to customers, signed events to the operator's own systems."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bridge.domain.notices import NoticeKind
from bridge.errors import InvalidInput
from bridge.store.hooks import HookRepository
from bridge.store.networks import NetworkRepository
from bridge.store.notices import NoticeRepository
from bridge.store.tables import DeliveryState, NoticeState
from bridge.web.console.frame import console_page, done
from bridge.web.console.sessions import SIGNED_IN, AnActor, AReader
from bridge.web.pages.forms import OwnForm
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(prefix="/console", dependencies=SIGNED_IN)
_PATH = "/console/messages"
_SHOWN = 50


@router.get("/messages")
def list_messages(
    request: Request, who: AReader, session: ASession, service: TheService, state: str = ""
) -> Response:
    """The newest mails and deliveries, and which mails each network's customers get."""
    networks = NetworkRepository(session, service.seal).list()
    notices, hooks = NoticeRepository(session), HookRepository(session)
    kinds = [kind for kind in NoticeKind if kind.switchable]
    context = {
        "notices": notices.list(
            states=[NoticeState(state)] if state in set(NoticeState) else None, limit=_SHOWN
        ),
        "deliveries": hooks.deliveries(limit=_SHOWN),
        "endpoints": hooks.list(),
        "names": {network.key: network.name for network in networks},
        "switches": [
            (network, [(kind, notices.is_on(network.key, kind)) for kind in kinds])
            for network in networks
        ],
        "kinds": kinds,
        "states": [*NoticeState],
        "chosen": state,
    }
    return console_page(request, "messages.html", who, context, section="messages")


@router.post("/networks/{network}/notices/switch")
def switch(
    network: TheNetwork, who: AnActor, form: OwnForm, session: ASession, service: TheService
) -> Response:
    """Switch a kind of mail on or off for the network's customers."""
    kind, is_on = str(form.get("kind", "")), form.get("on") == "yes"
    if kind not in set(NoticeKind) or not NoticeKind(kind).switchable:
        raise InvalidInput(what="the kind of notice", why="there is none of that name")
    NoticeRepository(session).switch(
        network.key, NoticeKind(kind), is_on=is_on, now=service.clock()
    )
    detail = {"kind": kind, "on": is_on}
    who.audit(session, "notice.switch", network=network.name, detail=detail)
    session.commit()
    return done(_PATH, "saved")


@router.post("/notices/{notice_id}/retry")
def retry_notice(
    notice_id: int, who: AnActor, form: OwnForm, session: ASession, service: TheService
) -> Response:
    """Try to send a mail once more."""
    notice = NoticeRepository(session).retry(notice_id, now=service.clock())
    network = NetworkRepository(session, service.seal).by_id(notice.network_id)
    who.audit(
        session,
        "notice.retry",
        network=network.name,
        membership_id=notice.membership_id,
        subject=f"notice {notice_id}",
    )
    session.commit()
    return done(_PATH, "retried")


@router.post("/networks/{network}/hooks/{endpoint_id}/enable")
def enable(
    network: TheNetwork,
    endpoint_id: str,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Switch an endpoint on again that was switched off because it kept failing."""
    hooks = HookRepository(session)
    hooks.enable(hooks.get(endpoint_id, network_id=network.key), now=service.clock())
    who.audit(session, "hook.enable", network=network.name, subject=endpoint_id)
    session.commit()
    return done(_PATH, "saved")


@router.post("/networks/{network}/hooks/{endpoint_id}/replay")
def replay(
    network: TheNetwork,
    endpoint_id: str,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Send one event again, or all that failed or were held."""
    hooks = HookRepository(session)
    endpoint = hooks.get(endpoint_id, network_id=network.key)
    event = str(form.get("event", ""))
    count = hooks.replay(
        endpoint,
        now=service.clock(),
        event_ids=[event] if event else (),
        states=None if event else (DeliveryState.FAILED, DeliveryState.HELD),
    )
    detail = {"event": event or "failed and held", "count": count}
    who.audit(session, "hook.replay", network=network.name, subject=endpoint_id, detail=detail)
    session.commit()
    return done(_PATH, "replayed" if count else "nothing")
