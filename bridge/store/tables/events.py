"""The inbox: every verified event, once."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from bridge.store.columns import EnumText, UTCDateTime


class EventState(StrEnum):
    """What became of an event."""

    WAITING = "waiting"
    APPLIED = "applied"
    IGNORED = "ignored"
    ATTENTION = "attention"
    FAILED = "failed"


class WebhookEvent(SQLModel, table=True):
    """An event whose signature was right. ``payload`` is the raw body, as signed.

    Unique by ``(account, event_id)``: the same event takes effect once, whichever
    endpoint it came through. ``account`` is Stripe's account id, or ``network:NAME``
    where the endpoint has no account on record.

    A waiting event is free to be handled from ``due_at`` on: a worker that takes it moves
    ``due_at`` past its lease and counts the attempt, a failure moves it past the back-off.
    """

    __tablename__ = "webhook_events"
    __table_args__ = (
        Index("uq_webhook_events", "account", "event_id", unique=True),
        Index("ix_webhook_events_state", "state", "id"),
        Index("ix_webhook_events_received", "received_at", "state"),
        Index(
            "ix_webhook_events_change",
            "change_id",
            sqlite_where=text("change_id IS NOT NULL"),
            postgresql_where=text("change_id IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    network_id: int = Field(foreign_key="networks.id", ondelete="CASCADE", index=True)
    account: str
    event_id: str
    type: str = Field(index=True)
    api_version: str = ""
    livemode: bool = False
    payload: bytes = Field(sa_type=LargeBinary)
    created: datetime = Field(sa_type=UTCDateTime)
    received_at: datetime = Field(sa_type=UTCDateTime)
    state: EventState = Field(default=EventState.WAITING, sa_type=EnumText(EventState))
    reason: str = ""
    change_id: str | None = None
    attempts: int = 0
    due_at: datetime = Field(sa_type=UTCDateTime)
    handled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
