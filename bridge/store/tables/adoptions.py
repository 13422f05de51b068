"""Memberships taken over from the plugin's own gateway, and what was done to each."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bridge.store.columns import EnumText, JSONColumn, UTCDateTime


class AdoptionState(StrEnum):
    """Where a take-over stands.

    ``taking`` and ``reverting`` have begun and may have been cut off anywhere; both are
    carried on by the command that began them.
    """

    TAKING = "taking"
    ADOPTED = "adopted"
    REVERTING = "reverting"
    REVERTED = "reverted"


class AdoptionRecord(SQLModel, table=True):
    """A membership that planbridge has taken over, is taking over, or gave back.

    Written before anything else is. ``token`` tells this take-over from an earlier one of
    the same membership. ``before`` is what the network showed at its beginning, ``writes``
    and ``marks`` what is written to the network and to Stripe: enough for the way back.
    """

    __tablename__ = "adoptions"
    __table_args__ = (Index("ix_adoptions_state", "network_id", "state"),)

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    membership_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    token: str = Field(max_length=40)
    state: AdoptionState = Field(sa_type=EnumText(AdoptionState))
    gateway: str
    subscription_id: str
    before: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    writes: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    marks: dict[str, str] = Field(default_factory=dict, sa_type=JSONColumn)
    reason: str = ""
    begun_at: datetime = Field(sa_type=UTCDateTime)
    adopted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    reverted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class AdoptionStep(SQLModel, table=True):
    """One thing that was done or seen in a take-over or on its way back. Only added to."""

    __tablename__ = "adoption_steps"
    __table_args__ = (Index("ix_adoption_steps_membership", "network_id", "membership_id"),)

    id: int | None = Field(default=None, primary_key=True)
    network_id: int = Field(foreign_key="networks.id", ondelete="CASCADE")
    membership_id: int
    token: str = Field(max_length=40)
    name: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    at: datetime = Field(sa_type=UTCDateTime)


class PluginEndpoint(SQLModel, table=True):
    """A webhook endpoint of the plugin at Stripe that planbridge disabled.

    Written before it is disabled; ``enabled_at`` is when it was enabled again.
    """

    __tablename__ = "plugin_endpoints"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    endpoint_id: str = Field(primary_key=True)
    url: str
    disabled_at: datetime = Field(sa_type=UTCDateTime)
    enabled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
