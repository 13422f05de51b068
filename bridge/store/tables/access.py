"""Who is signed in to the pages: customers by link, operators by password or OIDC."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from bridge.store.columns import EnumText, JSONColumn, UTCDateTime


class Role(StrEnum):
    """What an operator may do: a reader looks, an operator acts, an owner also appoints."""

    READER = "reader"
    OPERATOR = "operator"
    OWNER = "owner"


class UsedLink(SQLModel, table=True):
    """A sign-in link that was used. ``link_id`` is its ``jti``; kept until it has expired."""

    __tablename__ = "used_links"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    link_id: str = Field(primary_key=True, max_length=64)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    used_at: datetime = Field(sa_type=UTCDateTime)


class WebSession(SQLModel, table=True):
    """Somebody signed in. ``token_hash`` is SHA-256 of the cookie, which is kept nowhere.

    A customer's session has network and customer, an operator's has an operator.
    """

    __tablename__ = "web_sessions"
    __table_args__ = (
        Index("ix_web_sessions_customer", "network_id", "customer_id"),
        Index("ix_web_sessions_operator", "operator_id"),
    )

    token_hash: str = Field(primary_key=True, max_length=64)
    network_id: int | None = Field(default=None, foreign_key="networks.id", ondelete="CASCADE")
    customer_id: int | None = None
    operator_id: int | None = Field(default=None, foreign_key="operators.id", ondelete="CASCADE")
    language: str = Field(default="", max_length=16)
    created_at: datetime = Field(sa_type=UTCDateTime)
    seen_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime, index=True)


class Operator(SQLModel, table=True):
    """Somebody who may use the console.

    ``password_hash`` is argon2id, empty for those who come by OIDC only; ``oidc_subject`` is
    ``issuer|subject`` once they have.
    """

    __tablename__ = "operators"

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True, max_length=254)
    name: str = ""
    role: Role = Field(sa_type=EnumText(Role))
    password_hash: str = Field(default="", repr=False)
    oidc_subject: str | None = Field(default=None, unique=True)
    active: bool = True
    created_at: datetime = Field(sa_type=UTCDateTime)
    signed_in_at: datetime | None = Field(default=None, sa_type=UTCDateTime)

    @property
    def key(self) -> int:
        """The id of an operator who has been stored."""
        if self.id is None:
            message = f"operator {self.email!r} has not been stored yet"
            raise ValueError(message)
        return self.id


class AuditEntry(SQLModel, table=True):
    """One action of an operator or a customer. Never changed, kept when its network goes.

    ``actor`` is an e-mail address, ``customer 12`` or ``command line``; ``action`` a name such
    as ``change.revoke``; ``subject`` what it was done to.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_network", "network", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UTCDateTime, index=True)
    actor: str
    action: str
    network: str = ""
    membership_id: int | None = None
    subject: str = ""
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)


class NetworkBrand(SQLModel, table=True):
    """How a network's pages and mails look. Without a row: its name and the usual colour."""

    __tablename__ = "network_brands"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    name: str = ""
    colour: str = Field(default="", max_length=7)
    logo: bytes = Field(default=b"", sa_type=LargeBinary, repr=False)
    logo_type: str = Field(default="", max_length=40)
    support_email: str = ""
