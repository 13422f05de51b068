"""What is to be read from a network again."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from bridge.store.columns import UTCDateTime


class DueProduct(SQLModel, table=True):
    """A product that changed on the network, whose memberships' sites are to be read again.

    The limits in force on a site are composed from its membership's products, and nothing on
    the site tells of it (domain/limits.md §3). ``since`` is when the network was asked that
    showed the change; sites up to blog id ``cursor`` have been read after that.
    """

    __tablename__ = "due_products"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    product_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    since: datetime = Field(sa_type=UTCDateTime)
    cursor: int = 0
