"""The change page: choose a plan, packages and services, and see at once what it costs.

What is chosen stands in the address, so that back, reload and sending the address along show
the same. Nothing is kept while somebody chooses; a quote is, once he goes on to confirm it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from bridge.store.changes import ChangeRepository
from bridge.store.tables import Change
from bridge.upgrades.fitting import NO_FIT, fit_of
from bridge.upgrades.quoting import Choice, give_quote, price
from bridge.web.account.change_choice import (
    Fields,
    Selection,
    as_it_is,
    choice_of,
    selected,
    unreadable,
)
from bridge.web.account.change_form import Shelf, change_form, prices, shelf_of
from bridge.web.account.change_order import OrderView, order_view
from bridge.web.account.frame import own_page
from bridge.web.pages.forms import OwnForm
from bridge.web.pages.sessions import OwnMembership, TheVisitor, Visitor
from bridge.web.service import ASession, Service, TheService

router = APIRouter(prefix="/account/{network}/memberships/{membership_id}")


@router.get("/change")
def change_page(
    request: Request,
    visitor: TheVisitor,
    membership: OwnMembership,
    session: ASession,
    service: TheService,
) -> HTMLResponse:
    """The whole form with its order; ``chosen=1`` and the form's fields tick it."""
    shelf = shelf_of(session, visitor.network, membership.id)
    selection = _selection(request.query_params, shelf)
    seen = priced(session, service, visitor, shelf, selection)
    context = {
        **_context(visitor, shelf, selection, seen),
        "form": change_form(visitor.language, shelf, selection),
        "open_change": open_change(session, visitor, membership.id),
    }
    return own_page(request, "change.html", visitor, session=session, context=context)


@router.get("/change/order")
def change_order(
    request: Request,
    visitor: TheVisitor,
    membership: OwnMembership,
    session: ASession,
    service: TheService,
) -> HTMLResponse:
    """The order alone, and the prices of all cards at the chosen period, for htmx."""
    shelf = shelf_of(session, visitor.network, membership.id)
    selection = _selection(request.query_params, shelf)
    seen = priced(session, service, visitor, shelf, selection)
    context = {
        **_context(visitor, shelf, selection, seen),
        "prices": prices(visitor.language, shelf, selection),
    }
    answer = own_page(request, "order_part.html", visitor, session=session, context=context)
    answer.headers["HX-Replace-Url"] = f"{path_of(visitor, membership.id)}/change?{selection.query}"
    return answer


@router.post("/change")
def keep_quote(
    visitor: TheVisitor,
    membership: OwnMembership,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Keep the quote of what is chosen and go on to confirm it; back where it cannot be had."""
    shelf = shelf_of(session, visitor.network, membership.id)
    selection = _selection(cast(Fields, form), shelf)
    seen = priced(session, service, visitor, shelf, selection)
    here = path_of(visitor, membership.id)
    if not seen.order.possible or seen.unreadable:
        return RedirectResponse(f"{here}/change?{selection.query}", status_code=303)
    given = give_quote(
        session,
        visitor.network,
        membership.id,
        seen.choice,
        now=service.clock(),
        key=service.quote_key,
        minutes=service.quote_minutes,
    )
    session.commit()
    return RedirectResponse(f"{here}/confirm?quote={given.id}", status_code=303)


@dataclass(frozen=True, slots=True)
class Seen:
    """A selection with its price. ``unreadable`` are products whose amount is none."""

    choice: Choice
    order: OrderView
    unreadable: tuple[str, ...]


def priced(
    session: Session, service: Service, visitor: Visitor, shelf: Shelf, selection: Selection
) -> Seen:
    """What a selection costs and whether the sites fit; nothing is kept."""
    choice = choice_of(selection, shelf.membership, policy=shelf.terms.policy)
    quote = price(
        session,
        visitor.network,
        shelf.membership.id,
        choice,
        now=service.clock(),
        catalogue=shelf.catalogue,
    ).quote
    fit = NO_FIT
    if quote.possible and quote.target is not None:
        fit = fit_of(
            session,
            visitor.network,
            shelf.membership,
            quote.target,
            usage=service.usage,
            rows=shelf.rows,
        )
    names = {product.id: product.name for product in shelf.catalogue.products.values()}
    wrong = unreadable(selection, shelf.membership.currency)
    return Seen(
        choice=choice,
        order=order_view(
            visitor.language, quote, catalogue=shelf.catalogue, fit=fit, code=selection.code
        ),
        unreadable=tuple(names[one] for one in wrong),
    )


def path_of(visitor: Visitor, membership_id: int) -> str:
    """The path of one of the visitor's memberships."""
    return f"{visitor.home}/memberships/{membership_id}"


def open_change(session: Session, visitor: Visitor, membership_id: int) -> Change | None:
    """The membership's change that is not over yet."""
    return ChangeRepository(session).open_of(visitor.network.key, membership_id)


def _selection(fields: Fields, shelf: Shelf) -> Selection:
    if not fields.get("chosen"):
        return as_it_is(shelf.membership, shelf.offered)
    return selected(fields, shelf.membership, shelf.offered, shelf.catalogue)


def _context(visitor: Visitor, shelf: Shelf, selection: Selection, seen: Seen) -> dict[str, Any]:
    return {
        "here": path_of(visitor, shelf.membership.id),
        "order": seen.order,
        "unreadable": seen.unreadable,
        "selection": selection,
        "currency": shelf.membership.currency,
        "plan": shelf.catalogue.get(shelf.membership.plan_id),
        "membership": shelf.membership,
    }
