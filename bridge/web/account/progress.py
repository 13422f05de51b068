"""The page that follows a change: live with htmx, by itself without, and where it is paid late."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from bridge.errors import PlanbridgeError, UnknownChange
from bridge.store.changes import ChangeRepository
from bridge.store.tables import Change, ChangeState
from bridge.web.account.card import card_page_of, take_new_card
from bridge.web.account.change import open_change, path_of
from bridge.web.account.frame import own_page
from bridge.web.account.payment import BACK, CARD, PAID, lead_on
from bridge.web.account.progress_view import progress_view, refusal_of
from bridge.web.pages.forms import OwnForm
from bridge.web.pages.languages import Language
from bridge.web.pages.sessions import OwnMembership, TheVisitor, Visitor
from bridge.web.pages.setup import TheSetup
from bridge.web.service import ASession, TheService

_log = structlog.get_logger(__name__)

router = APIRouter(prefix="/account/{network}/memberships/{membership_id}/changes/{change_id}")


@router.get("")
def progress_page(
    request: Request,
    visitor: TheVisitor,
    membership: OwnMembership,
    change_id: str,
    session: ASession,
    trouble: str = "",
) -> Response:
    """The change as it stands."""
    change = own_change(session, visitor, membership.id, change_id)
    context = _context(request, session, visitor, change)
    told = context["view"].refusal and trouble == "card"  # by the page itself
    shown = _waits(change) and not told
    context["trouble"] = _trouble_words(visitor.language, trouble) if shown else ""
    return own_page(request, "progress.html", visitor, session=session, context=context)


@router.get("/status")
def progress_status(
    request: Request,
    visitor: TheVisitor,
    membership: OwnMembership,
    change_id: str,
    session: ASession,
    seen: str = "",
) -> Response:
    """The part that changes, for htmx; 204 while it is what was ``seen``."""
    change = own_change(session, visitor, membership.id, change_id)
    context = _context(request, session, visitor, change)
    if context["view"].seen == seen:
        return Response(status_code=204)
    return own_page(request, "progress_status.html", visitor, session=session, context=context)


@router.post("/pay")
def pay(
    request: Request,
    visitor: TheVisitor,
    membership: OwnMembership,
    change_id: str,
    _form: OwnForm,
    session: ASession,
    service: TheService,
    setup: TheSetup,
) -> Response:
    """Lead on to the payment of a change that waits for it: the same page, the same sum."""
    change = own_change(session, visitor, membership.id, change_id)
    session.rollback()
    to = lead_on(request, setup, service, visitor.network, change, _path(visitor, change))
    return RedirectResponse(to, status_code=303)


@router.post("/card")
def give_card(
    request: Request,
    visitor: TheVisitor,
    membership: OwnMembership,
    change_id: str,
    _form: OwnForm,
    session: ASession,
    service: TheService,
    setup: TheSetup,
) -> Response:
    """On to Stripe's page that asks for another card, and back here: nothing is charged there."""
    change = own_change(session, visitor, membership.id, change_id)
    progress = _path(visitor, change)
    if not refusal_of(session, change):
        return RedirectResponse(progress, status_code=303)
    session.rollback()
    back = setup.address(request, f"{progress}/card")
    try:
        url = card_page_of(service, visitor, membership.id, return_url=back)
    except PlanbridgeError as error:
        _log.warning("no page for a card", change=change_id, reason=str(error))
        url = f"{progress}?trouble=later"
    return RedirectResponse(url or progress, status_code=303)


@router.get("/card")
def card_given(
    visitor: TheVisitor,
    membership: OwnMembership,
    change_id: str,
    session: ASession,
    service: TheService,
) -> Response:
    """Back from Stripe. What is due is charged when the customer says so, not by coming back."""
    change = own_change(session, visitor, membership.id, change_id)
    session.rollback()
    take_new_card(service.collecting.orders, visitor.network, membership.id)
    return RedirectResponse(f"{_path(visitor, change)}?from={CARD}", status_code=303)


def own_change(session: Session, visitor: Visitor, membership_id: int, change_id: str) -> Change:
    """A change of the visitor's membership; any other does not exist for him.

    Raises:
        UnknownChange: there is none, or it is another's.
    """
    change = ChangeRepository(session).find(change_id)
    mine = (visitor.network.key, membership_id)
    if change is None or (change.network_id, change.membership_id) != mine:
        raise UnknownChange(change=change_id)
    return change


def _context(
    request: Request, session: Session, visitor: Visitor, change: Change
) -> dict[str, Any]:
    came = request.query_params.get("from", "")
    came = came if came in (PAID, BACK, CARD) else ""
    newer = None
    if change.state is ChangeState.SUPERSEDED:
        newer = open_change(session, visitor, change.membership_id)
    return {
        "view": progress_view(session, visitor.language, visitor.network, change, came=came),
        "change": change,
        "came": came,
        "newer": newer,
        "here": path_of(visitor, change.membership_id),
        "progress": _path(visitor, change),
    }


def _path(visitor: Visitor, change: Change) -> str:
    return f"{path_of(visitor, change.membership_id)}/changes/{change.id}"


def _waits(change: Change) -> bool:
    return change.state is ChangeState.AWAITING_PAYMENT


def _trouble_words(language: Language, trouble: str) -> str:
    """Why the payment could not be begun, by the word in the address; "" for any other word."""
    _ = language.gettext
    known = {
        "card": _("Your card was not charged."),
        "expired": _("The offer has expired. Drop this change and choose anew."),
        "invoice": _("An earlier invoice is still open: pay it first, then come back."),
        "elsewhere": _(
            "Your membership is billed in another way at the moment. Please write to us."
        ),
        "closed": _("Payments are not possible here at the moment. Please write to us."),
        "later": _("The payment could not be started. Nothing was charged; try again soon."),
    }
    return known.get(trouble, "")
