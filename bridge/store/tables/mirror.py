"""The mirror: what each network has, as last seen.

Every row is keyed by the network and by the id that the network itself gives. Amounts
are minor units of the row's currency, times aware UTC. ``raw`` is the source JSON with
every field, known to planbridge or not; only copies of other rows are cut out of it (the
products inside a membership, the merged limits inside a site). ``fingerprint`` is a hash of
it, by which a second pass sees that nothing changed. ``seen_pass`` is the id of the sync
pass that last saw the row: what a complete pass did not see is gone. ``synced_at`` is when
the row was asked for, so that an older answer never overwrites a newer one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from bridge.store.columns import JSONColumn, UTCDateTime


class Mirrored(SQLModel):
    """What every row of the mirror has."""

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    raw: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    fingerprint: str = Field(max_length=64)
    seen_pass: int = 0
    synced_at: datetime = Field(sa_type=UTCDateTime)


class ProductRecord(Mirrored, table=True):
    """A plan, package or service (domain/entities.md §2.1)."""

    __tablename__ = "products"

    slug: str
    name: str
    type: str
    pricing_type: str = "paid"
    group: str = Field(default="", sa_column_kwargs={"name": "plan_group"})
    currency: str
    amount: int = Field(default=0, sa_type=BigInteger)
    setup_fee: int = Field(default=0, sa_type=BigInteger)
    recurring: bool = True
    duration: int = 1
    duration_unit: str = "month"
    trial_duration: int = 0
    trial_duration_unit: str = "day"
    billing_cycles: int = 0
    list_order: int = 10
    active: bool = True
    taxable: bool = True
    tax_category: str = "default"
    description: str = ""
    feature_list: list[str] = Field(default_factory=list, sa_type=JSONColumn)
    contact_us_label: str = ""
    contact_us_link: str = ""
    pwyw_minimum: int = Field(default=0, sa_type=BigInteger)
    pwyw_suggested: int = Field(default=0, sa_type=BigInteger)
    pwyw_recurring_mode: str = "customer_choice"
    available_addons: list[int] | None = Field(default=None, sa_type=JSONColumn)
    variations_source: str = ""
    addons_source: str = ""


class PriceVariationRecord(SQLModel, table=True):
    """Another period of a product and its price, from the catalogue (file or learned)."""

    __tablename__ = "price_variations"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    product_id: int = Field(primary_key=True)
    duration: int = Field(primary_key=True)
    duration_unit: str = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger)
    source: str = "file"


class SeenPriceRecord(SQLModel, table=True):
    """A price at which a membership has a product, as its embedded copy shows.

    The copy is converted to the membership's period, which is the one place where stock
    REST lets a price variation be seen. ``membership_id`` is one example.
    """

    __tablename__ = "seen_prices"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    product_id: int = Field(primary_key=True)
    duration: int = Field(primary_key=True)
    duration_unit: str = Field(primary_key=True)
    amount: int = Field(primary_key=True, sa_type=BigInteger)
    membership_id: int
    seen_pass: int = 0


class MembershipRecord(Mirrored, table=True):
    """Who has which products (domain/entities.md §2.2).

    ``addons`` maps product id to quantity, ``discount`` is the code in force as it was when
    the customer entered it. ``generation`` is the fence: it grows with every change
    planbridge starts, and a late write of an older generation is dropped.
    """

    __tablename__ = "memberships"
    __table_args__ = (
        Index("ix_memberships_customer", "network_id", "customer_id"),
        Index("ix_memberships_subscription", "network_id", "gateway_subscription_id"),
    )

    customer_id: int
    plan_id: int
    addons: dict[str, int] = Field(default_factory=dict, sa_type=JSONColumn)
    status: str
    currency: str
    amount: int = Field(default=0, sa_type=BigInteger)
    initial_amount: int = Field(default=0, sa_type=BigInteger)
    duration: int = 1
    duration_unit: str = "month"
    recurring: bool = True
    auto_renew: bool = False
    billing_cycles: int = 0
    times_billed: int = 0
    gateway: str = ""
    gateway_customer_id: str = ""
    gateway_subscription_id: str = ""
    discount: dict[str, Any] | None = Field(default=None, sa_type=JSONColumn)
    date_created: datetime | None = Field(default=None, sa_type=UTCDateTime)
    date_renewed: datetime | None = Field(default=None, sa_type=UTCDateTime)
    date_expiration: datetime | None = Field(default=None, sa_type=UTCDateTime)
    date_trial_end: datetime | None = Field(default=None, sa_type=UTCDateTime)
    date_cancellation: datetime | None = Field(default=None, sa_type=UTCDateTime)
    date_modified: datetime | None = Field(default=None, sa_type=UTCDateTime)
    generation: int = 0


class CustomerRecord(Mirrored, table=True):
    """A customer (domain/entities.md §2.3).

    ``email`` (in lower case), ``locale`` such as ``fr_FR`` and ``display_name`` are those of
    his WordPress user: empty where nobody let planbridge read it. ``contact_read_at`` is when
    that was last tried. ``billing_email`` is part of the address that the network shows.
    """

    __tablename__ = "customers"

    user_id: int | None = None
    email: str = Field(default="", index=True)
    locale: str = ""
    display_name: str = ""
    contact_read_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    billing_email: str = Field(default="", index=True)
    country: str = ""
    state: str = ""
    city: str = ""
    has_trialed: bool | None = None
    email_verification: str = "none"
    date_registered: datetime | None = Field(default=None, sa_type=UTCDateTime)


class SiteRecord(Mirrored, table=True):
    """A site; ``id`` is its blog id.

    Membership and customer are None while nobody knows them (up to 2.4.12 the network does
    not show them), 0 where there is none.
    """

    __tablename__ = "sites"
    __table_args__ = (Index("ix_sites_membership", "network_id", "membership_id"),)

    domain: str = Field(default="", index=True)
    path: str = ""
    title: str = ""
    type: str = ""
    customer_id: int | None = None
    membership_id: int | None = None


class DiscountCodeRecord(Mirrored, table=True):
    """A discount code (domain/entities.md §2.6); values are text in the network's own units."""

    __tablename__ = "discount_codes"

    code: str = Field(index=True)
    name: str = ""
    type: str = "percentage"
    value: str = "0"
    setup_fee_type: str = "percentage"
    setup_fee_value: str = "0"
    active: bool = True
    apply_to_renewals: bool = True
    uses: int = 0
    max_uses: int = 0
    allowed_products: list[int] | None = Field(default=None, sa_type=JSONColumn)
    allowed_periods: list[str] | None = Field(default=None, sa_type=JSONColumn)
    date_start: datetime | None = Field(default=None, sa_type=UTCDateTime)
    date_expiration: datetime | None = Field(default=None, sa_type=UTCDateTime)


class PaymentRecord(Mirrored, table=True):
    """A payment as the network books it (domain/entities.md §2.5)."""

    __tablename__ = "payments"
    __table_args__ = (Index("ix_payments_membership", "network_id", "membership_id"),)

    customer_id: int | None = None
    membership_id: int | None = None
    status: str = ""
    currency: str = ""
    subtotal: int = Field(default=0, sa_type=BigInteger)
    tax_total: int = Field(default=0, sa_type=BigInteger)
    discount_total: int = Field(default=0, sa_type=BigInteger)
    refund_total: int = Field(default=0, sa_type=BigInteger)
    total: int = Field(default=0, sa_type=BigInteger)
    gateway: str = ""
    gateway_payment_id: str = Field(default="", index=True)
    date_created: datetime | None = Field(default=None, sa_type=UTCDateTime)


class DomainRecord(Mirrored, table=True):
    """A custom domain of a site (domain/entities.md §2.7)."""

    __tablename__ = "domains"

    blog_id: int
    domain: str = Field(index=True)
    active: bool = True
    primary: bool = Field(default=False, sa_column_kwargs={"name": "primary_domain"})
    secure: bool = False
    stage: str = ""
    date_modified: datetime | None = Field(default=None, sa_type=UTCDateTime)


class LimitsRecord(SQLModel, table=True):
    """A limits row (domain/limits.md §1).

    ``owner`` is product, membership or site. ``kind`` is ``own`` for the row the owner
    itself has (from the catalogue: no stock REST shows it) or ``effective`` for what
    the network shows as in force on a site.
    """

    __tablename__ = "limits_rows"

    network_id: int = Field(primary_key=True, foreign_key="networks.id", ondelete="CASCADE")
    owner: str = Field(primary_key=True, max_length=16)
    owner_id: int = Field(primary_key=True)
    kind: str = Field(primary_key=True, max_length=16)
    limits: dict[str, Any] = Field(default_factory=dict, sa_type=JSONColumn)
    source: str = ""
    read_at: datetime = Field(sa_type=UTCDateTime)


class SyncPass(SQLModel, table=True):
    """One pass over one entity of a network: where it stands, so that it can resume.

    The passes of one `planbridge sync` share a ``run_id``. ``state`` is running, complete
    or abandoned; ``error`` is why it stopped before the end, if it did.
    """

    __tablename__ = "sync_passes"
    __table_args__ = (Index("ix_sync_passes_network", "network_id", "entity", "state"),)

    id: int | None = Field(default=None, primary_key=True)
    network_id: int = Field(foreign_key="networks.id", ondelete="CASCADE")
    entity: str
    state: str = "running"
    next_page: int = 1
    rows: int = 0
    created: int = 0
    changed: int = 0
    removed: int = 0
    run_id: str = Field(default="", max_length=40)
    error: str = ""
    started_at: datetime = Field(sa_type=UTCDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
