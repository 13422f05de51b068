"""What is on record of one membership beside its changes: payments, quotes, notices, drift."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from bridge.store.tables import (
    AdoptionStep,
    CustomerRecord,
    DriftFinding,
    PaymentRecord,
    StoredQuote,
)

_NEWEST = 50


def payments_of(session: Session, network_id: int, membership_id: int) -> Sequence[PaymentRecord]:
    """What the network books as paid or due, newest first."""
    return session.exec(
        select(PaymentRecord)
        .where(PaymentRecord.network_id == network_id, PaymentRecord.membership_id == membership_id)
        .order_by(col(PaymentRecord.id).desc())
        .limit(_NEWEST)
    ).all()


def quotes_of(session: Session, network_id: int, membership_id: int) -> Sequence[StoredQuote]:
    """Quotes that were given, newest first."""
    return session.exec(
        select(StoredQuote)
        .where(StoredQuote.network_id == network_id, StoredQuote.membership_id == membership_id)
        .order_by(col(StoredQuote.created_at).desc())
        .limit(_NEWEST)
    ).all()


def adoption_steps(session: Session, network_id: int, membership_id: int) -> Sequence[AdoptionStep]:
    """What was done to take the membership over from the plugin, oldest first."""
    return session.exec(
        select(AdoptionStep)
        .where(AdoptionStep.network_id == network_id, AdoptionStep.membership_id == membership_id)
        .order_by(col(AdoptionStep.id))
        .limit(_NEWEST)
    ).all()


def drift_of(session: Session, network_id: int, site_ids: Sequence[int]) -> Sequence[DriftFinding]:
    """What was found on these sites."""
    return session.exec(
        select(DriftFinding).where(
            DriftFinding.network_id == network_id, col(DriftFinding.site_id).in_(site_ids)
        )
    ).all()


def customer_row(session: Session, network_id: int, customer_id: int) -> CustomerRecord | None:
    """A customer as last seen, or None."""
    return session.get(CustomerRecord, (network_id, customer_id))
