"""``…/memberships/{id}/quotes`` and ``…/quotes/{id}``: what a choice costs."""

from __future__ import annotations

from fastapi import APIRouter
from sqlmodel import Session

from bridge.domain.periods import Period
from bridge.store.quotes import GivenQuote, QuoteRepository
from bridge.store.tables import Network
from bridge.upgrades.fitting import fit_of_quote
from bridge.upgrades.quoting import Choice, give_quote
from bridge.web.api.inputs import Id, QuoteIn
from bridge.web.api.models import QuoteView
from bridge.web.api.views import quote_view
from bridge.web.service import ASession, Service, TheNetwork, TheService

router = APIRouter(prefix="/networks/{network}", tags=["quotes"])


@router.post("/memberships/{membership_id}/quotes", status_code=201)
def create_quote(
    network: TheNetwork,
    membership_id: Id,
    wanted: QuoteIn,
    service: TheService,
    session: ASession,
) -> QuoteView:
    """Price a choice: what is due now after credit, and at the next billing date.

    A choice that changes nothing or is not possible is an answer too, with
    ``possible: false`` and the reason. ``fit`` tells what would be over a limit on which
    site, so that it can be shown before `POST …/changes` refuses it.
    """
    given = give_quote(
        session,
        network,
        membership_id,
        Choice(
            products=tuple(wanted.products),
            period=Period.parse(wanted.period) if wanted.period else None,
            discount_code=wanted.discount_code,
            country=wanted.country,
            dropped=tuple(wanted.dropped),
            amounts=wanted.amounts,
            recurring=wanted.recurring,
        ),
        now=service.clock(),
        key=service.quote_key,
        minutes=service.quote_minutes,
    )
    session.commit()
    return _shown(network, given, service, session)


@router.get("/quotes/{quote_id}")
def get_quote(
    network: TheNetwork, quote_id: str, service: TheService, session: ASession
) -> QuoteView:
    """A quote as it was given; ``fit`` by what the sites use now."""
    given = QuoteRepository(session, service.quote_key).get(network.key, quote_id)
    return _shown(network, given, service, session)


def _shown(network: Network, given: GivenQuote, service: Service, session: Session) -> QuoteView:
    return quote_view(given, fit_of_quote(session, network, given, usage=service.usage))
