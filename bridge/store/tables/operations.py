"""What runs by itself: scheduled jobs, and the processes that do the work."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bridge.store.columns import UTCDateTime


class JobSchedule(SQLModel, table=True):
    """One job of one network: when it is due, and how it ended last.

    ``result`` is a sentence, ``succeeded`` None before the first run. ``failures`` counts
    those in a row. ``running_by`` is the process that has it in hand, "" when none has;
    after a crash it may be left over, the lock of the job decides.
    """

    __tablename__ = "job_schedules"
    __table_args__ = (Index("ix_job_schedules_due", "due_at"),)

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    job: str = Field(primary_key=True)
    paused: bool = False
    due_at: datetime = Field(sa_type=UTCDateTime)
    running_by: str = ""
    started_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    succeeded_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    succeeded: bool | None = None
    result: str = ""
    failures: int = 0


class Heartbeat(SQLModel, table=True):
    """A process that carries out changes, and when it was last alive.

    ``stopped_at`` is set when it ended in order; its row goes when others have taken over
    what it left.
    """

    __tablename__ = "heartbeats"

    executor_id: str = Field(primary_key=True)
    started_at: datetime = Field(sa_type=UTCDateTime)
    beat_at: datetime = Field(sa_type=UTCDateTime)
    stopped_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
