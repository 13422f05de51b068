"""What an operator does for a customer: price a change, ask for it, act in his account."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from bridge.domain.offers import offers
from bridge.domain.periods import Period
from bridge.errors import InvalidInput
from bridge.store.quotes import GivenQuote, QuoteRepository
from bridge.store.readers import load_catalogue, load_membership, membership_record
from bridge.store.tables import Network
from bridge.upgrades.intent import request_change
from bridge.upgrades.quoting import Choice, give_quote
from bridge.web.console.frame import console_page, done
from bridge.web.console.sessions import SIGNED_IN, AnActor, AReader, Who
from bridge.web.pages.forms import OwnForm
from bridge.web.pages.setup import TheSetup
from bridge.web.pages.wording import error_words, line_words, period_words, price_words, step_words
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(prefix="/console/networks/{network}", dependencies=SIGNED_IN)


@router.get("/memberships/{membership_id}/change")
def choose(
    request: Request, network: TheNetwork, membership_id: int, who: AReader, session: ASession
) -> Response:
    """What the membership may change to, as the customer is offered it."""
    member = load_membership(session, network.key, membership_id)
    catalogue = load_catalogue(session, network.key)
    offered = offers(member, catalogue)
    names = [
        (
            product,
            price_words(
                who.language, product.amount, product.currency, product.period, product.recurring
            ),
        )
        for product in (*offered.plans, *offered.addons)
    ]
    context = {
        "network": network,
        "member": member,
        "plan_name": _name(catalogue.products, member.plan_id),
        "plans": [one for one in names if one[0].is_plan],
        "addons": [one for one in names if not one[0].is_plan],
        "periods": [(period.key, period_words(who.language, period)) for period in offered.periods],
    }
    return console_page(request, "choose.html", who, context, section="memberships")


@router.post("/memberships/{membership_id}/quotes")
def price(
    network: TheNetwork,
    membership_id: int,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Price a choice and keep the quote."""
    given = give_quote(
        session,
        network,
        membership_id,
        _choice(form),
        now=service.clock(),
        key=service.quote_key,
        minutes=service.quote_minutes,
    )
    who.audit(
        session,
        "quote.give",
        network=network.name,
        membership_id=membership_id,
        subject=given.id,
        detail={"kind": given.quote.kind.value, "due_now": given.quote.due_now},
    )
    session.commit()
    return RedirectResponse(f"/console/networks/{network.name}/quotes/{given.id}", status_code=303)


@router.get("/quotes/{quote_id}")
def show_quote(
    request: Request,
    network: TheNetwork,
    quote_id: str,
    who: AReader,
    session: ASession,
    service: TheService,
) -> Response:
    """A quote with every line and how it is computed."""
    given = QuoteRepository(session, service.quote_key).get(network.key, quote_id)
    context = {**_shown(session, network, given, who), "expired": given.expired(service.clock())}
    return console_page(request, "quote.html", who, context, section="memberships")


@router.post("/quotes/{quote_id}/request")
def ask_for(
    network: TheNetwork,
    quote_id: str,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Ask for what a quote says in the customer's place, saying why."""
    why = _reason(form)
    given = QuoteRepository(session, service.quote_key).get(network.key, quote_id)
    change = request_change(session, given, now=service.clock())
    who.audit(
        session,
        "change.request",
        network=network.name,
        membership_id=given.membership_id,
        subject=change.id,
        detail={"quote": quote_id, "why": why},
    )
    session.commit()
    service.upgrades.wake(change.id)
    service.wake_collecting()
    return done(f"/console/networks/{network.name}/changes/{change.id}", "requested")


@router.post("/memberships/{membership_id}/act")
def act(
    network: TheNetwork,
    membership_id: int,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
    setup: TheSetup,
) -> Response:
    """Open the customer's account by a link that works once, saying why."""
    why = _reason(form)
    record = membership_record(session, network.key, membership_id)
    to = f"memberships/{membership_id}"
    token = setup.links.issue(
        network.name,
        record.customer_id,
        now=service.clock(),
        language=who.language.code,
        to=f"{to}/change" if form.get("where") == "change" else to,
    )
    who.audit(
        session,
        "customer.act",
        network=network.name,
        membership_id=membership_id,
        subject=f"customer {record.customer_id}",
        detail={"why": why},
    )
    session.commit()
    return RedirectResponse(f"/account/{network.name}/enter?token={token}", status_code=303)


def _choice(form: FormData) -> Choice:
    products = [str(form.get("plan", "")), *(str(one) for one in form.getlist("addon"))]
    wanted = tuple(one for one in products if one)
    if not wanted:
        raise InvalidInput(what="the choice", why="nothing was chosen")
    period = str(form.get("period", ""))
    return Choice(
        products=wanted,
        period=Period.parse(period) if period else None,
        discount_code=str(form.get("code", "")).strip() or None,
    )


def _reason(form: FormData) -> str:
    why = str(form.get("why", "")).strip()[:500]
    if not why:
        raise InvalidInput(what="acting for a customer", why="the reason is missing")
    return why


def _shown(session: ASession, network: Network, given: GivenQuote, who: Who) -> dict[str, Any]:
    names = {
        key: product.name for key, product in load_catalogue(session, network.key).products.items()
    }
    quote, language = given.quote, who.language
    return {
        "network": network,
        "given": given,
        "quote": quote,
        "lines": [
            (line_words(language, line, names), line.quantity, line.total) for line in quote.lines
        ],
        "errors": [error_words(language, error, quote.currency) for error in quote.errors],
        "steps": [
            (step_words(language, step, quote, names), step.amount, step.source)
            for step in quote.explanation
        ],
    }


def _name(products: Any, key: int) -> str:
    return products[key].name if key in products else str(key)
