"""What customers have asked for: that their membership ends with what is paid."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bridge.store.columns import UTCDateTime


class Cancellation(SQLModel, table=True):
    """A membership that is to end, or (``wanted`` False) is to go on after all.

    The row is the message: it is written before Stripe is asked. ``turn`` counts the
    changes of mind; ``due_at`` is when it is to be worked at next, None when nothing is to
    be done. ``subscription`` is the one at Stripe that ends, "" where the network is told
    itself at ``ends_at``. ``problem`` is why the last try came to nothing.
    """

    __tablename__ = "cancellations"
    __table_args__ = (Index("ix_cancellations_due", "due_at"),)

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    membership_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    wanted: bool = True
    turn: int = 1
    reason: str = Field(default="", max_length=40)
    comment: str = Field(default="", max_length=1000)
    subscription: str = ""
    ends_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    due_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    attempts: int = 0
    problem: str = ""
    asked_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
