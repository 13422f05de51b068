"""Where limits in force differ from what they are to be, and how far the search has come."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, SQLModel

from bridge.store.columns import EnumText, JSONColumn, UTCDateTime


class DriftPolicy(StrEnum):
    """What happens to a difference that a scan finds: it is told, or put right as well."""

    REPORT = "report"
    REPAIR = "repair"


class DriftState(StrEnum):
    """Where a finding stands.

    ``open`` is as it was found; ``repaired`` was put right and read back; ``stuck`` was
    tried and still differs; ``gone`` tells of a site or membership that the network no
    longer has.
    """

    OPEN = "open"
    REPAIRED = "repaired"
    STUCK = "stuck"
    GONE = "gone"


class DriftScan(SQLModel, table=True):
    """The newest scan of a network's sites, under way while ``finished_at`` is missing.

    ``cursor`` is the last site that was looked at: a scan that was cut off goes on behind
    it. ``unproven`` counts sites that could not be judged, ``notes`` says why, once each.
    """

    __tablename__ = "drift_scans"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    policy: DriftPolicy = Field(default=DriftPolicy.REPORT, sa_type=EnumText(DriftPolicy))
    cursor: int = 0
    sites: int = 0
    drifted: int = 0
    repaired: int = 0
    gone: int = 0
    unproven: int = 0
    notes: list[str] = Field(default_factory=list, sa_type=JSONColumn)
    error: str = ""
    started_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class DriftFinding(SQLModel, table=True):
    """A site whose limits in force are not the computed ones, or that is gone.

    ``differences`` and ``overrides`` are sentences. ``expected`` and ``shown`` are the
    limits on both sides when it was found, so that what a repair takes away is on record.
    """

    __tablename__ = "drift_findings"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    site_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    membership_id: int | None = None
    state: DriftState = Field(sa_type=EnumText(DriftState))
    differences: list[str] = Field(default_factory=list, sa_type=JSONColumn)
    overrides: list[str] = Field(default_factory=list, sa_type=JSONColumn)
    expected: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    shown: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    note: str = ""
    found_at: datetime = Field(sa_type=UTCDateTime)
    seen_at: datetime = Field(sa_type=UTCDateTime)
    repaired_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
