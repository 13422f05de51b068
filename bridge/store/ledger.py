"""The ledger of a membership: credit kept from earlier changes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from bridge.store.tables import Change, LedgerEntry


def balance(session: Session, network_id: int, membership_id: int) -> int:
    """Credit that waits for the next change, in minor units; never less than 0 by design."""
    total = session.exec(
        select(func.coalesce(func.sum(col(LedgerEntry.amount)), 0)).where(
            LedgerEntry.network_id == network_id, LedgerEntry.membership_id == membership_id
        )
    ).one()
    return int(total)


def book(session: Session, change: Change, *, now: datetime) -> None:
    """Write down what a change does to the ledger, once; nothing where it does nothing."""
    amount = int(change.target.get("ledger", 0))
    if amount and session.get(LedgerEntry, change.id) is None:
        session.add(
            LedgerEntry(
                change_id=change.id,
                network_id=change.network_id,
                membership_id=change.membership_id,
                amount=amount,
                booked_at=now,
            )
        )
