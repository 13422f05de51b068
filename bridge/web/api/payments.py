"""``…/changes/{id}/collect`` and ``…/collection``: collecting what a change costs."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from sqlmodel import Session

from bridge.errors import NotFound, UnknownChange
from bridge.store.changes import ChangeRepository
from bridge.store.collections import CollectionRepository
from bridge.store.tables import CollectionState, Network
from bridge.web.api.inputs import CollectIn
from bridge.web.api.models import Model
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(prefix="/networks/{network}/changes", tags=["payments"])


class CollectionView(Model):
    """What came of collecting.

    ``url`` is where the customer has to go, null when he need not. ``paid`` is true when the
    sum has been collected; the change goes on when Stripe's event arrives. ``why`` says what
    stood in the way of charging the card.
    """

    change_id: str
    how: str
    paid: bool
    url: str | None
    why: str


class CollectionDetail(Model):
    """What was asked of Stripe for a change, and where that stands.

    ``state`` is planned, waiting (for the customer or the date), done or undone.
    """

    change_id: str
    state: CollectionState
    how: str
    url: str
    stripe_customer: str
    stripe_id: str
    reason: str
    attempts: int
    created_at: datetime
    updated_at: datetime


@router.post("/{change_id}/collect")
def collect(
    network: TheNetwork,
    change_id: str,
    service: TheService,
    session: ASession,
    wanted: CollectIn | None = None,
) -> CollectionView:
    """Collect what a change costs: charge the card on file, or open a payment page.

    Repeating it charges nothing twice and shows the same page.
    """
    _require_change(network, change_id, session)
    session.rollback()
    wanted = wanted or CollectIn()
    collected = service.collecting.collect(
        network, change_id, success_url=wanted.success_url, cancel_url=wanted.cancel_url
    )
    return CollectionView.model_validate(collected)


@router.get("/{change_id}/collection")
def get_collection(network: TheNetwork, change_id: str, session: ASession) -> CollectionDetail:
    """What was asked of Stripe for a change; 404 where nothing is collected for it."""
    _require_change(network, change_id, session)
    record = CollectionRepository(session).find(change_id)
    if record is None:
        raise NotFound(what="collection of change", key=change_id)
    shown = record.model_dump(include=set(CollectionDetail.model_fields))
    return CollectionDetail(**shown, how=record.plan.get("how", ""))


def _require_change(network: Network, change_id: str, session: Session) -> None:
    change = ChangeRepository(session).find(change_id)
    if change is None or change.network_id != network.key:
        raise UnknownChange(change=change_id)
