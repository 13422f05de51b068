"""Credit that exceeded a price, kept for the membership's next change."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from bridge.store.columns import UTCDateTime


class LedgerEntry(SQLModel, table=True):
    """What a carried-out change added to a membership's credit, or took from it.

    ``amount`` in minor units of the membership's currency, negative when credit was used.
    One entry a change: a change counts once however often it is written.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (Index("ix_ledger_entries_membership", "network_id", "membership_id"),)

    change_id: str = Field(
        primary_key=True, max_length=40, foreign_key="changes.id", ondelete="CASCADE"
    )
    network_id: int = Field(foreign_key="networks.id", ondelete="CASCADE")
    membership_id: int
    amount: int = Field(sa_type=BigInteger)
    booked_at: datetime = Field(sa_type=UTCDateTime)
