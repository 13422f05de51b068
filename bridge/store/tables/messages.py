"""What goes out: e-mail notices to customers, signed events to the operator's systems.

A notice or an event is written in the commit of the fact it tells of; whoever sends it comes
later. So nothing is told that has not happened, and nothing that has happened is forgotten.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from bridge.domain.notices import NoticeKind
from bridge.store.columns import EnumText, JSONColumn, UTCDateTime


class NoticeState(StrEnum):
    """Where a notice stands.

    ``waiting`` is to be sent from ``due_at`` on; ``attention`` could not be; ``dropped`` is of
    no use any more, or there is nobody to send it to.
    """

    WAITING = "waiting"
    SENT = "sent"
    ATTENTION = "attention"
    DROPPED = "dropped"


class Notice(SQLModel, table=True):
    """One e-mail to one customer; a fact (``kind`` and ``subject``) has one at most.

    ``facts`` is what the mail is made of beside what is on record; ``sealed`` what nobody
    else may read, such as a sign-in link, gone once it was sent. ``message_id`` is fixed
    before the first try, so that a mail sent twice is recognised as one. After
    ``useless_after`` it is not sent any more.
    """

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("network_id", "kind", "subject", name="uq_notices_fact"),
        Index("ix_notices_due", "state", "due_at"),
        Index("ix_notices_membership", "network_id", "membership_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    network_id: int = Field(foreign_key="networks.id", ondelete="CASCADE")
    kind: NoticeKind = Field(sa_type=EnumText(NoticeKind))
    subject: str
    membership_id: int | None = None
    customer_id: int | None = None
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    sealed: str = Field(default="", repr=False)
    state: NoticeState = Field(default=NoticeState.WAITING, sa_type=EnumText(NoticeState))
    email: str = ""
    language: str = Field(default="", max_length=16)
    message_id: str = ""
    attempts: int = 0
    due_at: datetime = Field(sa_type=UTCDateTime)
    useless_after: datetime = Field(sa_type=UTCDateTime)
    reason: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class NoticeSwitch(SQLModel, table=True):
    """Whether a network's customers get a kind of notice; without a row they do not.

    Only facts from ``since`` on are told. ``surveyed_at`` is when the limits were first
    looked at since then: what was full before is known and not told.
    """

    __tablename__ = "notice_switches"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    kind: NoticeKind = Field(primary_key=True, sa_type=EnumText(NoticeKind))
    is_on: bool = False
    since: datetime = Field(sa_type=UTCDateTime)
    surveyed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class NoticeProfile(SQLModel, table=True):
    """Who a network's notices come from, and how long before a renewal one is sent."""

    __tablename__ = "notice_profiles"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    from_name: str = ""
    from_address: str = ""
    language: str = Field(default="", max_length=16)
    renewal_days: int = 7


class LimitMark(SQLModel, table=True):
    """How full a limit was when it was last looked at: ``level`` 0, 80 or 100 per cent.

    ``told`` is the month in which a level was last told, by level: going back and forth
    across a line is one message a month.
    """

    __tablename__ = "limit_marks"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    owner: str = Field(primary_key=True, max_length=16)
    owner_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    module: str = Field(primary_key=True)
    item: str = Field(primary_key=True)
    level: int = 0
    told: dict[str, str] = Field(default_factory=dict, sa_type=JSONColumn)
    seen_at: datetime = Field(sa_type=UTCDateTime)


class SiteUse(SQLModel, table=True):
    """What a site said it uses, when it was last asked; ``untold`` why it did not say.

    ``posts`` by post type, ``users`` by role; None where nobody knows.
    """

    __tablename__ = "site_uses"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    site_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    posts: dict[str, int] | None = Field(default=None, sa_type=JSONColumn)
    users: dict[str, int] | None = Field(default=None, sa_type=JSONColumn)
    untold: str = ""
    read_at: datetime = Field(sa_type=UTCDateTime)


class DeliveryState(StrEnum):
    """Where a delivery stands.

    ``waiting`` is to be sent from ``due_at`` on; ``failed`` was given up; ``held`` came while
    the endpoint was switched off. The last two are sent when somebody asks for it.
    """

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    HELD = "held"


class OutgoingEvent(SQLModel, table=True):
    """Something that happened, for the operator's systems; ``type`` and ``subject`` make it one.

    ``id`` is the ``webhook-id`` of every delivery of it.
    """

    __tablename__ = "outgoing_events"
    __table_args__ = (
        UniqueConstraint("network_id", "type", "subject", name="uq_outgoing_events_fact"),
        Index("ix_outgoing_events_created", "created_at"),
    )

    id: str = Field(primary_key=True, max_length=40)
    network_id: int = Field(foreign_key="networks.id", ondelete="CASCADE")
    type: str
    subject: str
    membership_id: int | None = None
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    created_at: datetime = Field(sa_type=UTCDateTime)


class HookEndpoint(SQLModel, table=True):
    """An address of the operator's that gets a network's events.

    ``types`` as `bridge.domain.outgoing.wanted` reads them. ``failing_since`` is when the
    first of an unbroken row of failures was; ``disabled_why`` is empty unless it was
    switched off for that.
    """

    __tablename__ = "hook_endpoints"

    id: str = Field(primary_key=True, max_length=40)
    network_id: int = Field(foreign_key="networks.id", ondelete="CASCADE", index=True)
    url: str
    sealed_secret: str = Field(repr=False)
    types: list[str] = Field(default_factory=list, sa_type=JSONColumn)
    enabled: bool = True
    failing_since: datetime | None = Field(default=None, sa_type=UTCDateTime)
    disabled_why: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)


class HookDelivery(SQLModel, table=True):
    """One event on its way to one endpoint; ``answer`` is the beginning of what came back."""

    __tablename__ = "hook_deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id", name="uq_hook_deliveries_event"),
        Index("ix_hook_deliveries_due", "state", "due_at"),
        Index("ix_hook_deliveries_event", "event_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    endpoint_id: str = Field(foreign_key="hook_endpoints.id", ondelete="CASCADE", max_length=40)
    event_id: str = Field(foreign_key="outgoing_events.id", ondelete="CASCADE", max_length=40)
    state: DeliveryState = Field(default=DeliveryState.WAITING, sa_type=EnumText(DeliveryState))
    attempts: int = 0
    due_at: datetime = Field(sa_type=UTCDateTime)
    status_code: int | None = None
    answer: str = ""
    reason: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    delivered_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
