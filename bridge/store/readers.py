"""Reading the mirror: what the rules need, as their own objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import func
from sqlmodel import Session, col, select

from bridge.domain.catalogue import (
    Catalogue,
    PriceVariation,
    PricingType,
    Product,
    ProductType,
)
from bridge.domain.discounts import DiscountCode
from bridge.domain.memberships import Customer, Membership, MembershipStatus
from bridge.domain.periods import UNITS, Period
from bridge.errors import Conflict, NotFound, UnknownMembership
from bridge.store.discounts import discount_from_json, discount_from_record
from bridge.store.ledger import balance
from bridge.store.limits import OWN, own_limits
from bridge.store.tables import (
    CustomerRecord,
    DiscountCodeRecord,
    LimitsRecord,
    MembershipRecord,
    Network,
    PriceVariationRecord,
    ProductRecord,
    SiteRecord,
)


class UnknownCustomer(NotFound):
    """Network {network!r} has no customer {customer}."""

    hint = "Run `planbridge sync {network}` if it is new."


class UnknownSite(NotFound):
    """Network {network!r} has no site {site}."""

    hint = "Run `planbridge sync {network}` if it is new."


class StatusNotUnderstood(Conflict):
    """Membership {membership} cannot be changed: planbridge does not know its status {status!r}."""

    hint = "A newer planbridge may know it."


def load_catalogue(session: Session, network_id: int) -> Catalogue:
    """Every product with its variations, add-ons and own limits.

    A product whose type or pricing the rules do not know is left out: it stays in the
    mirror, but nothing can be quoted with it.
    """
    variations: dict[int, list[PriceVariation]] = defaultdict(list)
    for row in session.exec(
        select(PriceVariationRecord)
        .where(PriceVariationRecord.network_id == network_id)
        .order_by(
            col(PriceVariationRecord.product_id),
            col(PriceVariationRecord.duration_unit),
            col(PriceVariationRecord.duration),
        )
    ):
        period = Period(row.duration, row.duration_unit)
        variations[row.product_id].append(PriceVariation(period, row.amount))
    limits = own_limits(session, network_id, "product")
    records = session.exec(
        select(ProductRecord)
        .where(ProductRecord.network_id == network_id)
        .order_by(col(ProductRecord.id))
    )
    return Catalogue.of(
        Product(
            id=record.id,
            slug=record.slug,
            name=record.name,
            type=ProductType(record.type),
            amount=record.amount,
            currency=record.currency,
            period=_period(record.duration, record.duration_unit),
            pricing_type=PricingType(record.pricing_type),
            group=record.group,
            setup_fee=record.setup_fee,
            recurring=record.recurring,
            trial=(
                _period(record.trial_duration, record.trial_duration_unit)
                if record.trial_duration > 0
                else None
            ),
            billing_cycles=record.billing_cycles,
            list_order=record.list_order,
            active=record.active,
            taxable=record.taxable,
            tax_category=record.tax_category,
            variations=tuple(variations[record.id]),
            available_addons=tuple(record.available_addons or ()),
            description=record.description,
            feature_list=tuple(record.feature_list),
            contact_us_label=record.contact_us_label,
            contact_us_link=record.contact_us_link,
            pwyw_minimum=record.pwyw_minimum,
            pwyw_suggested=record.pwyw_suggested,
            pwyw_recurring_mode=record.pwyw_recurring_mode,
            limits=limits.get(record.id),
        )
        for record in records
        if record.type in set(ProductType) and record.pricing_type in set(PricingType)
    )


def product_currencies(session: Session, network_id: int) -> set[str]:
    """Every currency that a product is shown in."""
    return set(
        session.exec(
            select(ProductRecord.currency).where(ProductRecord.network_id == network_id).distinct()
        )
    )


def product_names(session: Session, network_id: int, product_ids: Collection[int]) -> list[str]:
    """What to call some products, by id; one that is gone by its id."""
    rows = session.exec(
        select(ProductRecord.id, ProductRecord.name).where(
            ProductRecord.network_id == network_id, col(ProductRecord.id).in_(list(product_ids))
        )
    )
    names = dict(rows.all())
    return [names.get(each) or f"product {each}" for each in sorted(product_ids)]


def load_membership(session: Session, network_id: int, membership_id: int) -> Membership:
    """A membership as last seen.

    Raises:
        UnknownMembership: the mirror has none of that id.
        StatusNotUnderstood: its status is not one of the plugin's six.
    """
    record = membership_record(session, network_id, membership_id)
    if record.status not in set(MembershipStatus):
        raise StatusNotUnderstood(
            membership=membership_id,
            status=record.status,
        )
    return Membership(
        id=record.id,
        customer_id=record.customer_id,
        plan_id=record.plan_id,
        currency=record.currency,
        amount=record.amount,
        period=_period(record.duration, record.duration_unit),
        status=MembershipStatus(record.status),
        addons={int(product): quantity for product, quantity in record.addons.items()},
        initial_amount=record.initial_amount,
        recurring=record.recurring,
        auto_renew=record.auto_renew,
        times_billed=record.times_billed,
        billing_cycles=record.billing_cycles,
        date_created=record.date_created,
        date_renewed=record.date_renewed,
        date_expiration=record.date_expiration,
        date_trial_end=record.date_trial_end,
        gateway=record.gateway,
        gateway_customer_id=record.gateway_customer_id,
        gateway_subscription_id=record.gateway_subscription_id,
        discount=discount_from_json(record.discount) if record.discount else None,
        ledger=balance(session, network_id, membership_id),
    )


def membership_record(session: Session, network_id: int, membership_id: int) -> MembershipRecord:
    """The row itself, with its raw JSON and its generation.

    Raises:
        UnknownMembership: the mirror has none of that id.
    """
    record = session.get(MembershipRecord, (network_id, membership_id))
    if record is None:
        raise UnknownMembership(network=_name(session, network_id), membership=membership_id)
    return record


def memberships(
    session: Session,
    network_id: int,
    *,
    customer_id: int | None = None,
    status: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[MembershipRecord]:
    """Memberships with an id greater than ``after``, by id, ``limit`` at most."""
    query = select(MembershipRecord).where(
        MembershipRecord.network_id == network_id, col(MembershipRecord.id) > after
    )
    if customer_id is not None:
        query = query.where(MembershipRecord.customer_id == customer_id)
    if status is not None:
        query = query.where(MembershipRecord.status == status)
    return list(session.exec(query.order_by(col(MembershipRecord.id)).limit(limit)))


def load_customer(session: Session, network_id: int, customer_id: int) -> Customer:
    """A customer as last seen; one who is not known to have trialed has not.

    Raises:
        UnknownCustomer: the mirror has none of that id.
    """
    record = session.get(CustomerRecord, (network_id, customer_id))
    if record is None:
        raise UnknownCustomer(network=_name(session, network_id), customer=customer_id)
    return Customer(
        id=record.id,
        country=record.country,
        state=record.state,
        city=record.city,
        has_trialed=bool(record.has_trialed),
    )


def load_discount(session: Session, network_id: int, code: str) -> DiscountCode | None:
    """The code as last seen, whatever its case (domain/entities.md §2.6); None without one."""
    record = session.exec(
        select(DiscountCodeRecord)
        .where(
            DiscountCodeRecord.network_id == network_id,
            func.upper(DiscountCodeRecord.code) == code.strip().upper(),
        )
        .order_by(col(DiscountCodeRecord.id))
    ).first()
    return None if record is None else discount_from_record(record)


def load_site(session: Session, network_id: int, site_id: int) -> SiteRecord:
    """A site by its blog id.

    Raises:
        UnknownSite: the mirror has none of that id.
    """
    record = session.get(SiteRecord, (network_id, site_id))
    if record is None:
        raise UnknownSite(network=_name(session, network_id), site=site_id)
    return record


def sites_of(session: Session, network_id: int, membership_id: int) -> list[SiteRecord]:
    """The sites known to belong to a membership, by blog id."""
    return list(
        session.exec(
            select(SiteRecord)
            .where(
                SiteRecord.network_id == network_id,
                SiteRecord.membership_id == membership_id,
            )
            .order_by(col(SiteRecord.id))
        )
    )


def _period(count: int, unit: str) -> Period:
    # The column's default unit is literally 'none' (domain/entities.md §2.1).
    return Period(count, unit if unit in UNITS else "month")


def _name(session: Session, network_id: int) -> str | int:
    network = session.get(Network, network_id)
    return network_id if network is None else network.name


def catalogue_sources(session: Session, network_id: int) -> dict[str, dict[str, str]]:
    """Where limits, variations and add-ons of each product come from, by slug; "" unknown."""
    limits = {
        row.owner_id: row.source
        for row in session.exec(
            select(LimitsRecord).where(
                LimitsRecord.network_id == network_id,
                LimitsRecord.owner == "product",
                LimitsRecord.kind == OWN,
            )
        )
    }
    products = session.exec(select(ProductRecord).where(ProductRecord.network_id == network_id))
    return {
        product.slug: {
            "limits": limits.get(product.id, ""),
            "variations": product.variations_source,
            "addons": product.addons_source,
        }
        for product in products
    }
