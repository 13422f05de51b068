"""The networks planbridge serves. Everything else belongs to one of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from bridge.store.columns import JSONColumn, UTCDateTime


class Network(SQLModel, table=True):
    """A WordPress multisite network.

    The ``sealed_`` columns are encrypted (`bridge.store.seals`); nothing secret is
    ever in the clear here. ``terms`` is the network's currency, taxes and policy as
    `bridge.store.networks` reads them; ``capabilities`` what the last probe found;
    ``options`` how it is to be treated, as `bridge.store.options` reads them.
    """

    __tablename__ = "networks"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, index=True, max_length=63)
    url: str
    sealed_credentials: str = Field(repr=False)
    sealed_stripe_secrets: str = Field(default="", repr=False)
    sealed_stripe_key: str = Field(default="", repr=False)
    stripe_account: str = ""
    livemode: bool = False
    terms: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    capabilities: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    options: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    created_at: datetime = Field(sa_type=UTCDateTime)
    checked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    synced_at: datetime | None = Field(default=None, sa_type=UTCDateTime)

    @property
    def key(self) -> int:
        """The id of a network that has been stored."""
        if self.id is None:
            message = f"network {self.name!r} has not been stored yet"
            raise ValueError(message)
        return self.id
