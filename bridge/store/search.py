"""Finding memberships by whatever an operator has in hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, and_, or_, select, union
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlmodel import Session, col

from bridge.store.tables import (
    Change,
    CollectionRecord,
    CustomerRecord,
    DomainRecord,
    MembershipRecord,
    Network,
    PaymentRecord,
    ProductRecord,
    SiteRecord,
    StripeCustomer,
    StripePaymentId,
    StripeSeen,
)

_STRIPE_ID = re.compile(r"(cus|sub|in|pi|ch|py|cs|re|sub_sched)_[A-Za-z0-9_]+")
_MOST = 500


@dataclass(frozen=True, slots=True)
class FoundMembership:
    """A membership in a list. Amounts in minor units of ``currency``."""

    network: str
    id: int
    customer_id: int
    email: str
    plan: str
    status: str
    amount: int
    currency: str
    gateway: str
    sites: str


def find_memberships(
    session: Session,
    *,
    text: str = "",
    network_id: int | None = None,
    status: str = "",
    after: int = 0,
    limit: int = 50,
) -> list[FoundMembership]:
    """Memberships by id, those after ``after``.

    ``text`` is an e-mail address (or its beginning), a site's domain, path or custom domain,
    an id of Stripe (customer, subscription, invoice, payment), or a membership's id.
    """
    query = (
        select(
            col(Network.name),
            col(MembershipRecord.network_id),
            col(MembershipRecord.id),
            col(MembershipRecord.customer_id),
            col(CustomerRecord.email),
            col(CustomerRecord.billing_email),
            col(ProductRecord.name),
            col(MembershipRecord.plan_id),
            col(MembershipRecord.status),
            col(MembershipRecord.amount),
            col(MembershipRecord.currency),
            col(MembershipRecord.gateway),
        )
        .join(Network, col(Network.id) == col(MembershipRecord.network_id))
        .outerjoin(
            CustomerRecord,
            and_(
                col(CustomerRecord.network_id) == col(MembershipRecord.network_id),
                col(CustomerRecord.id) == col(MembershipRecord.customer_id),
            ),
        )
        .outerjoin(
            ProductRecord,
            and_(
                col(ProductRecord.network_id) == col(MembershipRecord.network_id),
                col(ProductRecord.id) == col(MembershipRecord.plan_id),
            ),
        )
        .where(col(MembershipRecord.id) > after)
        .order_by(col(MembershipRecord.id), col(MembershipRecord.network_id))
        .limit(limit)
    )
    if network_id is not None:
        query = query.where(col(MembershipRecord.network_id) == network_id)
    if status:
        query = query.where(col(MembershipRecord.status) == status)
    wanted = text.strip()
    if wanted:
        query = query.where(_fits(session, wanted))
    rows = session.connection().execute(query).all()
    sites = _sites(session, [(row[1], row[2]) for row in rows])
    return [
        FoundMembership(
            network=row[0],
            id=row[2],
            customer_id=row[3],
            email=row[4] or row[5] or "",
            plan=row[6] or str(row[7]),
            status=row[8],
            amount=row[9],
            currency=row[10],
            gateway=row[11],
            sites=sites.get((row[1], row[2]), ""),
        )
        for row in rows
    ]


def _fits(session: Session, text: str) -> ColumnElement[bool]:
    key = (col(MembershipRecord.network_id), col(MembershipRecord.id))
    if text.isdecimal() and len(text) < 18:
        return key[1] == int(text)
    if _STRIPE_ID.fullmatch(text):
        return _any_of(_by_stripe(session, text))
    if "@" in text:
        begins = _beginning(session)
        people = session.connection().execute(
            select(col(CustomerRecord.network_id), col(CustomerRecord.id))
            .where(
                or_(
                    begins(col(CustomerRecord.email), text.lower()),
                    begins(col(CustomerRecord.billing_email), text),
                )
            )
            .limit(_MOST)
        )
        return _any_of(
            [(network_id, key) for network_id, key in people], by=col(MembershipRecord.customer_id)
        )
    return _any_of(_by_site(session, text.lower()))


def _any_of(
    pairs: Sequence[tuple[int, int]], *, by: SQLCoreOperations[int] | None = None
) -> ColumnElement[bool]:
    column: SQLCoreOperations[int] = col(MembershipRecord.id) if by is None else by
    networks: dict[int, set[int]] = {}
    for network_id, key in pairs:
        networks.setdefault(network_id, set()).add(key)
    return or_(
        *(
            and_(col(MembershipRecord.network_id) == network_id, column.in_(keys))
            for network_id, keys in networks.items()
        ),
        col(MembershipRecord.id) < 0,
    )


def _by_stripe(session: Session, text: str) -> list[tuple[int, int]]:
    """By subscription or customer on record, what was seen at Stripe, or a payment's id."""
    payment = select(col(StripePaymentId.payment)).where(col(StripePaymentId.stripe_id) == text)
    others = select(col(StripePaymentId.stripe_id)).where(col(StripePaymentId.payment).in_(payment))
    member = MembershipRecord
    found: CompoundSelect[Any] = union(
        select(col(member.network_id), col(member.id)).where(
            or_(
                col(member.gateway_subscription_id) == text, col(member.gateway_customer_id) == text
            )
        ),
        select(col(member.network_id), col(member.id))
        .join(
            StripeCustomer,
            and_(
                col(StripeCustomer.network_id) == col(member.network_id),
                col(StripeCustomer.customer_id) == col(member.customer_id),
            ),
        )
        .where(col(StripeCustomer.stripe_id) == text),
        select(col(StripeSeen.network_id), col(StripeSeen.membership_id)).where(
            or_(
                col(StripeSeen.id) == text,
                col(StripeSeen.id).in_(others),
                col(StripeSeen.subscription) == text,
            ),
            col(StripeSeen.membership_id).is_not(None),
        ),
        select(col(Change.network_id), col(Change.membership_id)).where(
            or_(col(Change.payment_key) == text, col(Change.payment_key).in_(others))
        ),
        select(col(CollectionRecord.network_id), col(CollectionRecord.membership_id)).where(
            col(CollectionRecord.stripe_id) == text
        ),
        select(col(PaymentRecord.network_id), col(PaymentRecord.membership_id)).where(
            col(PaymentRecord.gateway_payment_id) == text,
            col(PaymentRecord.membership_id).is_not(None),
        ),
    )
    return [
        (network_id, key) for network_id, key in session.connection().execute(found.limit(_MOST))
    ]


def _by_site(session: Session, text: str) -> list[tuple[int, int]]:
    """By domain, custom domain, or the path of a site in a network of folders."""
    host, _, path = text.removeprefix("https://").removeprefix("http://").partition("/")
    folder, site, begins = path.partition("/")[0], SiteRecord, _beginning(session)
    found: list[tuple[int, int]] = []
    if folder:
        in_folder = and_(col(site.domain) == host, begins(col(site.path), f"/{folder}"))
        found = _owners(session, in_folder)
    if found:
        return found
    custom = select(col(DomainRecord.network_id), col(DomainRecord.blog_id)).where(
        begins(col(DomainRecord.domain), host)
    )
    wanted: list[ColumnElement[bool]] = [
        and_(col(site.network_id) == network_id, col(site.id) == blog)
        for network_id, blog in session.connection().execute(custom.limit(_MOST))
    ]
    wanted.append(begins(col(site.domain), host))
    if "." not in host:
        wanted.append(begins(col(site.path), f"/{host}"))
    return _owners(session, or_(*wanted))


def _owners(session: Session, where: ColumnElement[bool]) -> list[tuple[int, int]]:
    """The memberships that sites belong to."""
    query = select(col(SiteRecord.network_id), col(SiteRecord.membership_id)).where(
        where, col(SiteRecord.membership_id) > 0
    )
    rows = session.connection().execute(query.limit(_MOST))
    return [(network_id, membership_id or 0) for network_id, membership_id in rows]


def _beginning(session: Session) -> Callable[[SQLCoreOperations[str], str], ColumnElement[bool]]:
    """How to ask whether a text begins so.

    SQLite compares bytes, so that a range is served by an index; what comes last in
    PostgreSQL's order depends on its collation, so there it is LIKE.
    """
    if session.get_bind().dialect.name == "postgresql":
        return lambda column, text: column.startswith(text, autoescape=True)
    return lambda column, text: and_(column >= text, column < f"{text}\U0010ffff")


def _sites(session: Session, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], str]:
    networks: dict[int, list[int]] = {}
    for network_id, membership_id in keys:
        networks.setdefault(network_id, []).append(membership_id)
    found: dict[tuple[int, int], list[str]] = {}
    for network_id, ids in networks.items():
        rows = session.connection().execute(
            select(col(SiteRecord.membership_id), col(SiteRecord.domain), col(SiteRecord.path))
            .where(col(SiteRecord.network_id) == network_id, col(SiteRecord.membership_id).in_(ids))
            .order_by(col(SiteRecord.id))
        )
        for member, domain, path in rows:
            place = f"{domain}{path}".rstrip("/")
            found.setdefault((network_id, member or 0), []).append(place)
    return {
        key: ", ".join(places[:3]) + (" …" if len(places) > 3 else "")
        for key, places in found.items()
    }
