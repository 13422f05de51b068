"""What Stripe's objects were last seen to be, and the billing of memberships that follows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bridge.store.columns import JSONColumn, UTCDateTime


class StripeSeen(SQLModel, table=True):
    """The newest known state of one object at Stripe.

    ``account`` as in `WebhookEvent`. ``seen_at`` is when Stripe made the event that told of
    it, ``rank`` orders the states of one second. ``facts`` are the few fields that matter
    (times in seconds since 1970, amounts in Stripe's units). ``network_id`` and
    ``membership_id`` are whose it is, None while nobody knows. ``settled`` is what was
    carried out for it on the network, None before.
    """

    __tablename__ = "stripe_seen"
    __table_args__ = (
        Index("ix_stripe_seen_membership", "network_id", "membership_id", "kind"),
        Index("ix_stripe_seen_subscription", "account", "subscription"),
        Index("ix_stripe_seen_updated", "updated_at"),
    )

    account: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    kind: str
    network_id: int | None = Field(default=None, foreign_key="networks.id", ondelete="CASCADE")
    membership_id: int | None = None
    subscription: str = ""
    seen_at: datetime = Field(sa_type=UTCDateTime)
    rank: int = 0
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    settled: dict[str, Any] | None = Field(default=None, sa_type=JSONColumn)
    updated_at: datetime = Field(sa_type=UTCDateTime)


class StripePaymentId(SQLModel, table=True):
    """An id of a payment at Stripe: one payment has an invoice, an intent, a charge, a session.

    Ids with the same ``payment`` are of the same payment. ``assumed`` where no object said
    so: then only quote, amount and currency agree.
    """

    __tablename__ = "stripe_payment_ids"
    __table_args__ = (Index("ix_stripe_payment_ids_payment", "account", "payment"),)

    account: str = Field(primary_key=True)
    stripe_id: str = Field(primary_key=True)
    payment: str
    assumed: bool = False


class Billing(SQLModel, table=True):
    """A membership whose billing is to be brought to the network: the row is the message.

    Due again whenever something was seen of it (``seen`` counts), and when its unpaid
    invoice goes a rung down; ``due_at`` None: nothing to do. A worker holds it until
    ``held_until``. ``noted`` is what must be known again after the process died in between.
    """

    __tablename__ = "billings"
    __table_args__ = (Index("ix_billings_due", "due_at"),)

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    membership_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seen: int = 0
    due_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    held_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    attempts: int = 0
    standing: str = ""
    reason: str = ""
    needs_operator: bool = False
    noted: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    updated_at: datetime = Field(sa_type=UTCDateTime)


class EventPass(SQLModel, table=True):
    """How far Stripe's own list of events was compared with the inbox, per network.

    ``compared_to``: every event until then was compared. ``cursor`` is the event at which a
    pass that was cut off goes on, ``pass_from`` and ``pass_to`` what it covers. ``alarm`` is
    what the operator has to know, empty when all is well.
    """

    __tablename__ = "event_passes"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    compared_to: datetime | None = Field(default=None, sa_type=UTCDateTime)
    cursor: str = ""
    pass_from: datetime | None = Field(default=None, sa_type=UTCDateTime)
    pass_to: datetime | None = Field(default=None, sa_type=UTCDateTime)
    listed: int = 0
    missing: int = 0
    alarm: str = ""
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
