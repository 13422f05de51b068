"""Memberships: found by whatever one has in hand, and everything about one of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlmodel import Session

from bridge.domain.limit_use import limit_uses
from bridge.domain.memberships import MembershipStatus
from bridge.domain.periods import UNITS, Period
from bridge.domain.preflight import SiteUsage
from bridge.store.billings import BillingRepository
from bridge.store.cancellations import CancellationRepository
from bridge.store.changes import ChangeRepository
from bridge.store.history import customer_row
from bridge.store.ledger import balance
from bridge.store.limits import effective_limits
from bridge.store.networks import NetworkRepository
from bridge.store.readers import load_catalogue, membership_record, sites_of
from bridge.store.search import find_memberships
from bridge.store.tables import MembershipRecord, Network, SiteRecord
from bridge.web.console.frame import console_page
from bridge.web.console.history import happenings
from bridge.web.console.sessions import SIGNED_IN, AReader
from bridge.web.pages.languages import Language
from bridge.web.pages.wording import limit_label, price_words, use_words
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(prefix="/console", dependencies=SIGNED_IN)
_PAGE = 50


@router.get("/memberships")
def list_memberships(
    request: Request,
    who: AReader,
    session: ASession,
    service: TheService,
    q: str = "",
    network: str = "",
    status: str = "",
    after: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Search by e-mail address, site, Stripe id or membership id; a page at a time."""
    networks = NetworkRepository(session, service.seal)
    found = find_memberships(
        session,
        text=q[:254],
        network_id=networks.get(network).key if network else None,
        status=status,
        after=after,
        limit=_PAGE + 1,
    )
    context = {
        "found": found[:_PAGE],
        "next": found[_PAGE - 1].id if len(found) > _PAGE else None,
        "networks": networks.list(),
        "statuses": [*MembershipStatus],
        "chosen": {"q": q, "network": network, "status": status},
    }
    return console_page(request, "memberships.html", who, context, section="memberships")


@router.get("/networks/{network}/memberships/{membership_id}")
def show_membership(
    request: Request, network: TheNetwork, membership_id: int, who: AReader, session: ASession
) -> Response:
    """One membership: what it has, what happened to it, and what may be done."""
    record = membership_record(session, network.key, membership_id)
    context = membership_view(session, network, record, who.language)
    sites = context["site_rows"]
    context["happenings"] = happenings(session, network, membership_id, sites, who.language)
    return console_page(request, "membership.html", who, context, section="memberships")


def membership_view(
    session: Session, network: Network, record: MembershipRecord, language: Language
) -> dict[str, Any]:
    """What the pages of one membership show of it."""
    catalogue = load_catalogue(session, network.key)
    plan = catalogue.get(record.plan_id)
    sites = sites_of(session, network.key, record.id)
    unit = record.duration_unit if record.duration_unit in UNITS else "month"
    return {
        "network": network,
        "member": record,
        "plan": plan,
        "plan_name": plan.name if plan else str(record.plan_id),
        "addons": [
            (product.name if (product := catalogue.get(int(key))) else key, quantity)
            for key, quantity in record.addons.items()
        ],
        "price": price_words(
            language,
            record.amount,
            record.currency,
            Period(record.duration, unit),
            record.recurring,
        ),
        "customer": customer_row(session, network.key, record.customer_id),
        "open_change": ChangeRepository(session).open_of(network.key, record.id),
        "billing": BillingRepository(session).find(network.key, record.id),
        "ending": CancellationRepository(session).ending(record),
        "credit": balance(session, network.key, record.id),
        "site_rows": sites,
        "sites": [(site, _limits(session, network, site, len(sites), language)) for site in sites],
    }


def _limits(
    session: Session, network: Network, site: SiteRecord, site_count: int, language: Language
) -> list[tuple[str, str]]:
    shown = effective_limits(session, network.key, site.id)
    if shown is None:
        return []
    uses = limit_uses(shown, SiteUsage(site_id=site.id), site_count=site_count)
    return [(limit_label(language, use), use_words(language, use)) for use in uses]
