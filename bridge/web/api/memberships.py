"""``/v1/networks/{network}/memberships``: who has what, and what he may change to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from bridge.domain.offers import offers
from bridge.store.changes import ChangeRepository
from bridge.store.limits import effective_limits
from bridge.store.readers import (
    load_catalogue,
    load_membership,
    membership_record,
    memberships,
    sites_of,
)
from bridge.web.api.inputs import Id
from bridge.web.api.models import Listing, MembershipDetail, MembershipView, OffersView, SiteView
from bridge.web.api.views import product_view
from bridge.web.service import ASession, TheNetwork

router = APIRouter(prefix="/networks/{network}/memberships", tags=["memberships"])


@router.get("")
def list_memberships(
    network: TheNetwork,
    session: ASession,
    customer_id: Id | None = None,
    status: str | None = None,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="Ids greater than this.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Listing[MembershipView]:
    """Memberships by id, a page at a time."""
    rows = memberships(
        session,
        network.key,
        customer_id=customer_id,
        status=status,
        after=after,
        limit=limit + 1,
    )
    shown = rows[:limit]
    return Listing(
        items=[MembershipView.model_validate(row) for row in shown],
        next=shown[-1].id if len(rows) > limit else None,
    )


@router.get("/{membership_id}")
def get_membership(network: TheNetwork, membership_id: Id, session: ASession) -> MembershipDetail:
    """One membership with its sites, their limits in force and its open change."""
    record = membership_record(session, network.key, membership_id)
    sites = [
        SiteView(
            id=site.id,
            domain=site.domain,
            path=site.path,
            title=site.title,
            effective_limits=effective_limits(session, network.key, site.id),
        )
        for site in sites_of(session, network.key, membership_id)
    ]
    change = ChangeRepository(session).open_of(network.key, membership_id)
    return MembershipDetail(
        **MembershipView.model_validate(record).model_dump(),
        sites=sites,
        open_change=change.id if change else None,
    )


@router.get("/{membership_id}/offers")
def get_offers(network: TheNetwork, membership_id: Id, session: ASession) -> OffersView:
    """Plans of the same group, packages and services of the current plan."""
    membership = load_membership(session, network.key, membership_id)
    offered = offers(membership, load_catalogue(session, network.key))
    return OffersView(
        plans=[product_view(plan, current=plan.id == membership.plan_id) for plan in offered.plans],
        addons=[
            product_view(addon, current=addon.id in membership.addons) for addon in offered.addons
        ],
        periods=[period.key for period in offered.periods],
    )
