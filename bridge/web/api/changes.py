"""``/v1/networks/{network}/changes``: carrying a quote out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from bridge.errors import UnknownChange
from bridge.store.changes import ChangeRepository
from bridge.store.quotes import QuoteRepository
from bridge.store.tables import Change, ChangeState, Network
from bridge.upgrades.fitting import refuse_what_does_not_fit
from bridge.upgrades.intent import request_change, revoke_change
from bridge.upgrades.opening import begun_by
from bridge.web.api.inputs import ChangeIn, Id
from bridge.web.api.models import (
    ChangeDetail,
    ChangeView,
    Listing,
    RefusalView,
    StepView,
    component,
)
from bridge.web.problems import MEDIA_TYPE
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(prefix="/networks/{network}/changes", tags=["changes"])


_REFUSED: dict[int | str, dict[str, object]] = {
    409: {
        "description": "It is not begun: sites are over the limits that it brings, or the quote "
        "cannot be carried out any more. Nothing was changed.",
        "content": {MEDIA_TYPE: {"schema": component(RefusalView)}},
    }
}


@router.post("", status_code=201, responses=_REFUSED)
def create_change(
    network: TheNetwork, wanted: ChangeIn, service: TheService, session: ASession
) -> ChangeView:
    """Ask for what a quote says.

    Nothing due: it is carried out at once (a downgrade at the end of the term).
    Something due: it waits for the payment that carries the quote's id; ``…/collect``
    asks for it. Refused where a site is over a limit that it brings (the quote's ``fit``),
    unless ``anyway`` is true.
    """
    stored = QuoteRepository(session, service.quote_key).get(network.key, wanted.quote)
    if not wanted.anyway and begun_by(ChangeRepository(session), stored) is None:
        refuse_what_does_not_fit(session, network, stored, usage=service.usage)
    change = request_change(session, stored, now=service.clock())
    session.commit()
    service.upgrades.wake(change.id)
    service.wake_collecting()
    return ChangeView.model_validate(change)


@router.get("")
def list_changes(
    network: TheNetwork,
    session: ASession,
    state: ChangeState | None = None,
    membership_id: Id | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Listing[ChangeView]:
    """Changes, newest first."""
    rows = ChangeRepository(session).list(
        network_id=network.key,
        states=[state] if state else None,
        membership_id=membership_id,
        limit=limit,
    )
    return Listing(items=[ChangeView.model_validate(row) for row in rows])


@router.get("/{change_id}")
def get_change(network: TheNetwork, change_id: str, session: ASession) -> ChangeDetail:
    """One change with its steps."""
    change = _change(network, change_id, session)
    steps = ChangeRepository(session).steps(change_id)
    return ChangeDetail(
        **ChangeView.model_validate(change).model_dump(),
        steps=[StepView.model_validate(step) for step in steps],
    )


@router.post("/{change_id}/retry", status_code=202)
def retry_change(
    network: TheNetwork, change_id: str, service: TheService, session: ASession
) -> ChangeView:
    """Try a change that waits for the operator again, now."""
    _change(network, change_id, session)
    service.upgrades.retry(change_id)
    session.expire_all()
    return ChangeView.model_validate(_change(network, change_id, session))


@router.post("/{change_id}/revoke")
def revoke(
    network: TheNetwork, change_id: str, service: TheService, session: ASession
) -> ChangeView:
    """Take back a change that is scheduled or waits for its payment."""
    _change(network, change_id, session)
    change = revoke_change(session, change_id, now=service.clock())
    session.commit()
    service.wake_collecting()
    return ChangeView.model_validate(change)


def _change(network: Network, change_id: str, session: ASession) -> Change:
    change = ChangeRepository(session).find(change_id)
    if change is None or change.network_id != network.key:
        raise UnknownChange(change=change_id)
    return change
