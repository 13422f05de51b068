"""Invoices and payments, the card, and the end of a membership."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from bridge.errors import Conflict, NotFound
from bridge.payments.endings import FEEDBACK
from bridge.payments.faults import BilledElsewhere, StripeFault, StripeKeyMissing
from bridge.store.audit import AuditLog
from bridge.store.cancellations import CancellationRepository
from bridge.store.tables import MembershipRecord
from bridge.upgrades.cancelling import why_not_cancellable
from bridge.web.account.card import card_line, card_page_of, take_new_card
from bridge.web.account.frame import own_page
from bridge.web.account.memberships import path_of
from bridge.web.account.payments_view import is_invoice_of, payment_lines
from bridge.web.pages.forms import OwnForm
from bridge.web.pages.languages import Language
from bridge.web.pages.sessions import OwnMembership, TheVisitor, Visitor
from bridge.web.pages.setup import TheSetup
from bridge.web.service import ASession, Service, TheService

router = APIRouter(prefix="/account/{network}/memberships/{membership_id}")

_log = structlog.get_logger(__name__)
_MOST_COMMENT = 500


class CannotCancel(Conflict):
    """Membership {membership} cannot be cancelled by its customer: {why}."""


@router.get("/invoices")
def invoices(
    request: Request, visitor: TheVisitor, membership: OwnMembership, session: ASession
) -> Response:
    """Everything that was or is to be paid."""
    lines = payment_lines(session, visitor.network, membership, visitor.language)
    context = {
        "lines": lines,
        "here": path_of(visitor, membership.id),
        "membership": membership.id,
    }
    return own_page(request, "invoices.html", visitor, session=session, context=context)


@router.get("/invoices/{invoice_id}")
def invoice(
    visitor: TheVisitor,
    membership: OwnMembership,
    invoice_id: str,
    session: ASession,
    service: TheService,
) -> Response:
    """On to Stripe's page of an invoice, where it is shown and, if it is open, paid."""
    if not is_invoice_of(session, visitor.network, membership, invoice_id):
        raise NotFound(what="invoice", key=invoice_id)
    session.rollback()  # nothing is held while Stripe is asked
    account = service.collecting.orders.account(visitor.network)
    found = account.find(account.api.invoices.retrieve, invoice_id)
    url = (found or {}).get("hosted_invoice_url")
    if not url:
        raise NotFound(what="invoice", key=invoice_id)
    return RedirectResponse(url, status_code=303)


@router.post("/card")
def change_card(
    request: Request,
    visitor: TheVisitor,
    membership: OwnMembership,
    form: OwnForm,
    session: ASession,
    service: TheService,
    setup: TheSetup,
) -> Response:
    """On to Stripe's portal, which asks for another card and leads back."""
    here = path_of(visitor, membership.id)
    session.rollback()
    back = setup.address(request, f"{here}/card")
    url = card_page_of(service, visitor, membership.id, return_url=back)
    if url is None:
        return RedirectResponse(f"{here}?done=no-card", status_code=303)
    _audit(session, visitor, membership, "card.change", service)
    session.commit()
    return RedirectResponse(url, status_code=303)


@router.get("/card")
def card_changed(
    visitor: TheVisitor, membership: OwnMembership, session: ASession, service: TheService
) -> Response:
    """Back from Stripe: what is billed from now on is billed to the customer's new card."""
    session.rollback()
    take_new_card(service.collecting.orders, visitor.network, membership.id)
    return RedirectResponse(f"{path_of(visitor, membership.id)}?done=card", status_code=303)


@router.get("/card/summary")
def card_summary(
    request: Request,
    visitor: TheVisitor,
    membership: OwnMembership,
    session: ASession,
    service: TheService,
) -> Response:
    """Which card is billed, for htmx: Stripe is asked after the page is there, not before."""
    session.rollback()
    line = card_line(service.collecting.orders, visitor.network, membership.id, visitor.language)
    return own_page(request, "card_summary.html", visitor, session=session, context={"line": line})


@router.get("/cancel")
def ask_why(
    request: Request,
    visitor: TheVisitor,
    membership: OwnMembership,
    session: ASession,
    problem: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """What cancelling means, why, and the button that does it."""
    why_not = why_not_cancellable(session, membership)
    if not why_not and CancellationRepository(session).ending(membership) is not None:
        return RedirectResponse(path_of(visitor, membership.id), status_code=303)
    context = {
        "why_not": why_not,
        "problem": problem,
        "ends": visitor.language.date(membership.date_expiration),
        "reasons": reasons(visitor.language),
        "here": path_of(visitor, membership.id),
        "most_comment": _MOST_COMMENT,
    }
    return own_page(request, "cancel.html", visitor, session=session, context=context)


@router.post("/cancel")
def cancel(
    visitor: TheVisitor,
    membership: OwnMembership,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Let the membership end with what is paid. Doing it again does nothing."""
    here = path_of(visitor, membership.id)
    reason = str(form.get("reason", ""))
    comment = str(form.get("comment", "")).strip()[:_MOST_COMMENT]
    _require_cancellable(session, membership)
    session.rollback()
    try:
        service.cancelling.check(visitor.network, membership.id)
    except (BilledElsewhere, StripeKeyMissing):
        return RedirectResponse(f"{here}/cancel?problem=elsewhere", status_code=303)
    except StripeFault:
        return RedirectResponse(f"{here}/cancel?problem=stripe", status_code=303)
    detail = {"reason": reason if reason in FEEDBACK else "", "comment": comment}
    asked = CancellationRepository(session).ask(
        membership, wanted=True, now=service.clock(), **detail
    )
    if asked:
        _audit(session, visitor, membership, "membership.cancel", service, detail)
    session.commit()
    service.cancelling.carry_out(visitor.network.key, membership.id)
    return RedirectResponse(f"{here}?done=cancelled", status_code=303)


@router.post("/cancel/undo")
def go_on(
    visitor: TheVisitor,
    membership: OwnMembership,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Let the membership go on after all. Doing it again does nothing."""
    _require_cancellable(session, membership)
    asked = CancellationRepository(session).ask(membership, wanted=False, now=service.clock())
    if asked:
        _audit(session, visitor, membership, "membership.go_on", service)
    session.commit()
    service.cancelling.carry_out(visitor.network.key, membership.id)
    return RedirectResponse(f"{path_of(visitor, membership.id)}?done=goes-on", status_code=303)


def reasons(language: Language) -> list[tuple[str, str]]:
    """Why somebody leaves: the codes that Stripe knows, and their words."""
    _ = language.gettext
    words = {
        "too_expensive": _("It is too expensive"),
        "missing_features": _("Something that I need is missing"),
        "switched_service": _("I go elsewhere"),
        "unused": _("I do not use it enough"),
        "customer_service": _("I was not helped well enough"),
        "too_complex": _("It is too complicated"),
        "low_quality": _("It does not work well enough"),
        "other": _("Another reason"),
    }
    return [(code, words[code]) for code in FEEDBACK]


def _require_cancellable(session: Session, membership: MembershipRecord) -> None:
    why_not = why_not_cancellable(session, membership)
    if why_not:
        raise CannotCancel(membership=membership.id, why=why_not)


def _audit(
    session: Session,
    visitor: Visitor,
    membership: MembershipRecord,
    action: str,
    service: Service,
    detail: dict[str, str] | None = None,
) -> None:
    AuditLog(session).write(
        action,
        actor=visitor.actor,
        now=service.clock(),
        network=visitor.network.name,
        membership_id=membership.id,
        subject=f"membership {membership.id}",
        detail=detail,
    )
