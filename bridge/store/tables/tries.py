"""What is counted so that nobody tries too often."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from bridge.store.columns import JSONColumn, UTCDateTime


class TryCount(SQLModel, table=True):
    """The tries of one counter that still count, for all processes together.

    ``counter`` is a SHA-256: addresses and names are kept nowhere. ``times`` are microseconds
    since 1970, ascending. After ``expires_at`` none of them counts any more.
    """

    __tablename__ = "try_counts"

    counter: str = Field(primary_key=True, max_length=64)
    times: list[int] = Field(default_factory=list, sa_type=JSONColumn)
    expires_at: datetime = Field(sa_type=UTCDateTime, index=True)
