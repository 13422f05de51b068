"""What was asked of Stripe for a change, and who pays there."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bridge.store.columns import EnumText, JSONColumn, UTCDateTime


class CollectionState(StrEnum):
    """Where the collecting of a change stands.

    ``planned`` has perhaps not reached Stripe; ``waiting`` has, and waits for the customer or
    the date; ``done`` and ``undone`` are over.
    """

    PLANNED = "planned"
    WAITING = "waiting"
    DONE = "done"
    UNDONE = "undone"


class CollectionRecord(SQLModel, table=True):
    """What is asked of Stripe for one change.

    Written in the same commit as the change, before Stripe is asked: whatever becomes of
    the process, it is known that there may be something to finish or to take back. ``plan``
    is the decision (`bridge.payments.collection`); empty until it is made. From ``due_at``
    on it is free to be worked at.
    """

    __tablename__ = "collections"
    __table_args__ = (
        Index("ix_collections_membership", "network_id", "membership_id"),
        Index("ix_collections_state", "state", "due_at"),
    )

    change_id: str = Field(
        primary_key=True, max_length=40, foreign_key="changes.id", ondelete="CASCADE"
    )
    network_id: int = Field(foreign_key="networks.id", ondelete="CASCADE")
    membership_id: int
    state: CollectionState = Field(
        default=CollectionState.PLANNED, sa_type=EnumText(CollectionState)
    )
    plan: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    stripe_customer: str = ""
    stripe_id: str = ""
    url: str = ""
    success_url: str = ""
    cancel_url: str = ""
    reason: str = ""
    attempts: int = 0
    due_at: datetime = Field(sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)


class StripeCustomer(SQLModel, table=True):
    """The customer at Stripe whom planbridge made for a customer of a network."""

    __tablename__ = "stripe_customers"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    customer_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    stripe_id: str
    created_at: datetime = Field(sa_type=UTCDateTime)
