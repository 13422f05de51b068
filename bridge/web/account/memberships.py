"""The customer's memberships: the list, the page of one, taking a pending change back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from bridge.errors import UnknownChange
from bridge.store.audit import AuditLog
from bridge.store.changes import ChangeRepository
from bridge.store.readers import load_catalogue, memberships
from bridge.store.tables import Change, ChangeState, MembershipRecord
from bridge.upgrades.corrections import ChangeNotRevoked, revoke_change
from bridge.web.account.frame import own_page
from bridge.web.account.overview import listed, overview
from bridge.web.account.pending import is_revocable
from bridge.web.pages.forms import OwnForm
from bridge.web.pages.sessions import OwnMembership, TheVisitor, Visitor
from bridge.web.service import ASession, TheService

router = APIRouter(prefix="/account/{network}")

_MOST = 200


@router.get("/")
def home(request: Request, visitor: TheVisitor, session: ASession) -> Response:
    """The one membership, or the list of several."""
    found = memberships(session, visitor.network.key, customer_id=visitor.customer_id, limit=_MOST)
    if len(found) == 1:
        return RedirectResponse(path_of(visitor, found[0].id), status_code=303)
    catalogue = load_catalogue(session, visitor.network.key)
    lines = [listed(session, each, catalogue, visitor.language) for each in found]
    return own_page(request, "list.html", visitor, session=session, context={"lines": lines})


@router.get("/memberships/{membership_id}")
def show_membership(
    request: Request,
    visitor: TheVisitor,
    membership: OwnMembership,
    session: ASession,
    service: TheService,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Plan, price, packages, sites with their limits, what is pending and what is owed."""
    seen = overview(session, visitor.network, membership, visitor.language, now=service.clock())
    context = {"seen": seen, "done": done, "here": path_of(visitor, membership.id)}
    return own_page(request, "membership.html", visitor, session=session, context=context)


@router.post("/memberships/{membership_id}/changes/{change_id}/revoke")
def revoke(
    visitor: TheVisitor,
    membership: OwnMembership,
    change_id: str,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Take back a change that only waits. Doing it again does nothing."""
    change = own_change(session, membership, change_id)
    back = RedirectResponse(f"{path_of(visitor, membership.id)}?done=revoked", status_code=303)
    if change.state is ChangeState.REVOKED:
        return back
    if not is_revocable(change):
        raise ChangeNotRevoked(change=change.id, state=change.state.value)
    now = service.clock()
    revoke_change(session, change.id, now)
    AuditLog(session).write(
        "change.revoke",
        actor=visitor.actor,
        now=now,
        network=visitor.network.name,
        membership_id=membership.id,
        subject=change.id,
    )
    session.commit()
    service.wake_collecting()
    return back


def path_of(visitor: Visitor, membership_id: int) -> str:
    """The path of a membership's page."""
    return f"{visitor.home}/memberships/{membership_id}"


def own_change(session: Session, membership: MembershipRecord, change_id: str) -> Change:
    """A change of the membership; another one's does not exist for the visitor.

    Raises:
        UnknownChange: there is none, or it is of another membership.
    """
    change = ChangeRepository(session).find(change_id)
    if change is None or (change.network_id, change.membership_id) != (
        membership.network_id,
        membership.id,
    ):
        raise UnknownChange(change=change_id)
    return change
