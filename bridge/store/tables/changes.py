"""Quotes and the changes that carry them out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from bridge.store.columns import EnumText, JSONColumn, UTCDateTime


class ChangeState(StrEnum):
    """Where a change stands.

    ``awaiting_payment`` and ``scheduled`` wait for the customer or the date;
    ``accepted`` is paid (or needs no money) and waits for the engine; ``applying`` and
    ``proving`` are at work; ``applied`` is written but the network cannot show effective
    limits; ``proven`` is done. ``attention`` waits for the operator. ``revoked``,
    ``superseded`` and ``failed`` are over without effect.
    """

    AWAITING_PAYMENT = "awaiting_payment"
    SCHEDULED = "scheduled"
    ACCEPTED = "accepted"
    APPLYING = "applying"
    PROVING = "proving"
    APPLIED = "applied"
    PROVEN = "proven"
    ATTENTION = "attention"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        """True while the change can still write to the network."""
        return self not in _CLOSED


_CLOSED = frozenset(
    {
        ChangeState.APPLIED,
        ChangeState.PROVEN,
        ChangeState.REVOKED,
        ChangeState.SUPERSEDED,
        ChangeState.FAILED,
    }
)


class StoredQuote(SQLModel, table=True):
    """A quote as it was given: signed, with an end. Execution charges exactly it.

    ``document`` is the whole quote as JSON (`bridge.store.quotes`), ``signature`` an HMAC
    over it, so that a row changed by hand is not believed.
    """

    __tablename__ = "quotes"

    id: str = Field(primary_key=True, max_length=40)
    network_id: int = Field(foreign_key="networks.id", ondelete="CASCADE", index=True)
    membership_id: int = Field(index=True)
    kind: str
    currency: str
    due_now: int = Field(sa_type=BigInteger)
    request: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    document: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    signature: str
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)


class Change(SQLModel, table=True):
    """One change of one membership; its id is also the id of its workflow.

    ``is_open`` repeats the state for the constraint that a membership has one open
    change at most. ``payment_key`` is Stripe's invoice or payment intent (or None when
    nothing was due): a payment takes effect once. ``generation`` is the fence value
    that this change was given.
    """

    __tablename__ = "changes"
    __table_args__ = (
        Index(
            "uq_changes_open_membership",
            "network_id",
            "membership_id",
            unique=True,
            sqlite_where=text("is_open = 1"),
            postgresql_where=text("is_open"),
        ),
        Index("uq_changes_payment", "network_id", "payment_key", unique=True),
        Index("ix_changes_state", "state"),
    )

    id: str = Field(primary_key=True, max_length=40)
    network_id: int = Field(foreign_key="networks.id", ondelete="CASCADE", index=True)
    membership_id: int = Field(index=True)
    quote_id: str | None = Field(default=None, foreign_key="quotes.id", index=True)
    kind: str
    state: ChangeState = Field(sa_type=EnumText(ChangeState))
    is_open: bool = True
    generation: int = 0
    target: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    currency: str
    amount_due: int = Field(default=0, sa_type=BigInteger)
    amount_paid: int | None = Field(default=None, sa_type=BigInteger)
    payment_key: str | None = None
    reason: str = ""
    attempts: int = 0
    created_at: datetime = Field(sa_type=UTCDateTime)
    effective_at: datetime = Field(sa_type=UTCDateTime)
    paid_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    applied_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    proven_at: datetime | None = Field(default=None, sa_type=UTCDateTime, index=True)
    updated_at: datetime = Field(sa_type=UTCDateTime)


class ChangeStep(SQLModel, table=True):
    """What the engine did in one step of a change, and what it saw."""

    __tablename__ = "change_steps"
    __table_args__ = (Index("uq_change_steps", "change_id", "name", "subject", unique=True),)

    id: int | None = Field(default=None, primary_key=True)
    change_id: str = Field(foreign_key="changes.id", ondelete="CASCADE")
    name: str
    subject: str = ""
    state: str = "running"
    attempts: int = 0
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    started_at: datetime = Field(sa_type=UTCDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
