"""Confirm and pay: exactly what a kept quote says, once, whatever is clicked and how often."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from bridge.errors import QuoteExpired, UnknownQuote
from bridge.store.changes import ChangeRepository, ChangeStandsInTheWay
from bridge.store.quotes import GivenQuote, QuoteRepository
from bridge.store.tables import Change
from bridge.upgrades.fitting import NO_FIT, fit_of
from bridge.upgrades.intent import (
    ChangeNotPossible,
    MembershipFrozen,
    QuoteOutdated,
    request_change,
)
from bridge.upgrades.opening import PRODUCTS, REPLACEABLE, begun_by, still_fits
from bridge.upgrades.quoting import give_quote
from bridge.web.account.change import open_change, path_of
from bridge.web.account.change_choice import repeated, selection_of
from bridge.web.account.change_form import Shelf, shelf_of
from bridge.web.account.change_order import OrderView, order_view
from bridge.web.account.frame import own_page
from bridge.web.account.payment import lead_on
from bridge.web.pages.forms import OwnForm
from bridge.web.pages.sessions import OwnMembership, TheVisitor, Visitor
from bridge.web.pages.setup import TheSetup
from bridge.web.service import ASession, Service, TheService

router = APIRouter(prefix="/account/{network}/memberships/{membership_id}")


@router.get("/confirm")
def confirm_page(
    request: Request,
    visitor: TheVisitor,
    membership: OwnMembership,
    session: ASession,
    service: TheService,
    quote: str = "",
    was: str = "",
) -> Response:
    """The quote as it will be charged; one that is over is priced again.

    ``was`` is the quote that this one has taken the place of.
    """
    if not quote:
        return RedirectResponse(f"{path_of(visitor, membership.id)}/change", status_code=303)
    given = _own_quote(session, service, visitor, membership.id, quote)
    begun = begun_by(ChangeRepository(session), given)
    if begun is not None:
        return RedirectResponse(_progress(visitor, begun), status_code=303)
    shelf = shelf_of(session, visitor.network, membership.id)
    if given.expired(service.clock()) or not still_fits(given, shelf.membership, PRODUCTS):
        return _again(session, service, visitor, shelf, given)
    older = _own_quote(session, service, visitor, membership.id, was) if was else None
    return _shown(request, visitor, shelf, given, session=session, service=service, older=older)


@router.post("/confirm")
def confirm(
    request: Request,
    visitor: TheVisitor,
    membership: OwnMembership,
    form: OwnForm,
    session: ASession,
    service: TheService,
    setup: TheSetup,
) -> Response:
    """Ask for what the quote says and lead on to where it is paid or followed.

    The same quote gives the same change. Another open change is replaced only if the form
    names it in ``replace``.
    """
    given = _own_quote(session, service, visitor, membership.id, str(form.get("quote", "")))
    change = begun_by(ChangeRepository(session), given)
    if change is None:
        shelf = shelf_of(session, visitor.network, membership.id)
        other = _other_change(session, visitor, given)
        if other is not None and other.id != form.get("replace"):
            return _shown(
                request, visitor, shelf, given, session=session, service=service, status=409
            )
        if not _order(session, service, visitor, shelf, given).possible:
            return RedirectResponse(_form_path(visitor, shelf, given), status_code=303)
        try:
            change = request_change(session, given, now=service.clock())
        except (QuoteExpired, QuoteOutdated):
            session.rollback()
            return _again(session, service, visitor, shelf, given)
        except (ChangeStandsInTheWay, MembershipFrozen, ChangeNotPossible) as refusal:
            session.rollback()
            return _shown(
                request,
                visitor,
                shelf,
                given,
                session=session,
                service=service,
                frozen=isinstance(refusal, MembershipFrozen),
                status=409,
            )
        session.commit()
        service.upgrades.wake(change.id)
        service.wake_collecting()
    to = lead_on(
        request,
        setup,
        service,
        visitor.network,
        change,
        _progress(visitor, change),
        wants_card=_wants_card(given),
    )
    return RedirectResponse(to, status_code=303)


def _own_quote(
    session: Session, service: Service, visitor: Visitor, membership_id: int, quote_id: str
) -> GivenQuote:
    """A quote of the membership.

    Raises:
        UnknownQuote: it is another's, or there is none.
    """
    given = QuoteRepository(session, service.quote_key).get(visitor.network.key, quote_id)
    if given.membership_id != membership_id:
        raise UnknownQuote(quote=quote_id)
    return given


def _other_change(session: Session, visitor: Visitor, given: GivenQuote) -> Change | None:
    """The open change of the membership, unless it came of this very quote a moment ago."""
    found = open_change(session, visitor, given.membership_id)
    return None if found is None or found.quote_id == given.id else found


def _wants_card(given: GivenQuote) -> bool:
    """Nothing is due yet, but something will be, by a card that is asked for now."""
    quote = given.quote
    return quote.due_now == 0 and quote.has_trial and quote.collects_payment


def _again(
    session: Session, service: Service, visitor: Visitor, shelf: Shelf, given: GivenQuote
) -> Response:
    """Price the same choice as of now, and show that; back to the form where it is no choice."""
    fresh = give_quote(
        session,
        visitor.network,
        given.membership_id,
        repeated(given.request),
        now=service.clock(),
        key=service.quote_key,
        minutes=service.quote_minutes,
    )
    if not fresh.quote.possible:
        session.rollback()
        return RedirectResponse(_form_path(visitor, shelf, given), status_code=303)
    session.commit()
    here = path_of(visitor, given.membership_id)
    return RedirectResponse(f"{here}/confirm?quote={fresh.id}&was={given.id}", status_code=303)


def _order(
    session: Session, service: Service, visitor: Visitor, shelf: Shelf, given: GivenQuote
) -> OrderView:
    fit = NO_FIT
    if given.quote.target is not None:
        fit = fit_of(
            session,
            visitor.network,
            shelf.membership,
            given.quote.target,
            usage=service.usage,
            rows=shelf.rows,
        )
    return order_view(
        visitor.language,
        given.quote,
        catalogue=shelf.catalogue,
        fit=fit,
        code=given.request.discount_code or "",
    )


def _shown(
    request: Request,
    visitor: Visitor,
    shelf: Shelf,
    given: GivenQuote,
    *,
    session: Session,
    service: Service,
    older: GivenQuote | None = None,
    frozen: bool = False,
    status: int = 200,
) -> Response:
    other = _other_change(session, visitor, given)
    order = _order(session, service, visitor, shelf, given)
    before, after = shelf.membership, given.quote.target
    target = after.plan_id if after is not None else before.plan_id
    context = {
        "here": path_of(visitor, given.membership_id),
        "order": order,
        "currency": given.quote.currency,
        "quote": given,
        "older": older,
        "frozen": frozen,
        "refused": status != 200,
        "other": other,
        "replaceable": other is not None
        and other.state in REPLACEABLE
        and other.payment_key is None,
        "back": _form_path(visitor, shelf, given),
        "plan": shelf.catalogue.get(before.plan_id),
        "new_plan": shelf.catalogue.get(target) if target != before.plan_id else None,
    }
    return own_page(
        request, "order_confirm.html", visitor, session=session, context=context, status=status
    )


def _form_path(visitor: Visitor, shelf: Shelf, given: GivenQuote) -> str:
    """The change form with the choice of a quote ticked."""
    selection = selection_of(given.request, shelf.membership, shelf.catalogue)
    return f"{path_of(visitor, given.membership_id)}/change?{selection.query}"


def _progress(visitor: Visitor, change: Change) -> str:
    return f"{path_of(visitor, change.membership_id)}/changes/{change.id}"
