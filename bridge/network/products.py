"""Products and discount codes as a network shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from bridge.domain.catalogue import PriceVariation, PricingType, Product, ProductType
from bridge.domain.discounts import DiscountCode
from bridge.domain.money import to_minor
from bridge.domain.periods import UNITS, Period
from bridge.errors import InvalidAmount, InvalidPeriod
from bridge.network.entities import Entity
from bridge.network.faults import UnreadableRow
from bridge.network.row import Named, Row
from bridge.network.shapes import (
    Amount,
    Boolean,
    BooleanIfTold,
    IdsIfTold,
    Integer,
    ItemsIfTold,
    Moment,
    Number,
    Text,
    Texts,
    integer,
)


def period_of(count: int, unit: str) -> Period:
    """A count and a unit as a period; an unknown unit is the month."""
    # The column's default unit is literally 'none' (domain/entities.md §2.1).
    return Period(count, unit if unit in UNITS else "month")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRow(Row):
    """A product. Its own limits are never shown; price variations only to who sets them."""

    entity: ClassVar[Entity] = Entity.PRODUCT

    slug: Text
    name: Text
    description: Text
    type: Text
    pricing_type: Text
    amount: Amount
    setup_fee: Amount
    # What is shown is the network's currency and the class' default, whatever is set.
    currency: Annotated[Text, Named(follows=False)]
    taxable: Annotated[Boolean, Named(follows=False)]
    recurring: Boolean
    duration: Integer
    duration_unit: Text
    billing_cycles: Integer
    trial_duration: Integer
    trial_duration_unit: Text
    price_variations: ItemsIfTold
    group: Annotated[Text, Named(key="product_group", written_as="group")]
    available_addons: IdsIfTold
    list_order: Integer
    active: Boolean
    parent_id: Integer
    tax_category: Text
    feature_list: Texts
    contact_us_label: Text
    contact_us_link: Text
    pwyw_minimum_amount: Amount
    pwyw_suggested_amount: Amount
    pwyw_recurring_mode: Text
    date_created: Moment
    date_modified: Moment

    @property
    def period(self) -> Period:
        """How often the product bills."""
        return period_of(self.duration, self.duration_unit)

    def to_domain(self, *, limits: Mapping[str, Any] | None = None) -> Product:
        """The product for the rules; ``limits`` is its own row, which REST does not show.

        Raises:
            UnreadableRow: a product or pricing type, or a variation, that the rules do not know.
        """
        trial = period_of(self.trial_duration, self.trial_duration_unit)
        try:
            kind, pricing = ProductType(self.type), PricingType(self.pricing_type or "paid")
        except ValueError:
            raise self._unknown("type", f"{self.type}/{self.pricing_type}") from None
        return Product(
            id=self.id,
            slug=self.slug,
            name=self.name,
            type=kind,
            amount=self.amount,
            currency=self.currency,
            period=self.period,
            pricing_type=pricing,
            group=self.group,
            setup_fee=self.setup_fee,
            recurring=self.recurring,
            trial=trial if self.trial_duration > 0 else None,
            billing_cycles=self.billing_cycles,
            list_order=self.list_order,
            active=self.active,
            taxable=self.taxable,
            tax_category=self.tax_category or "default",
            variations=tuple(self._variation(each) for each in self.price_variations or ()),
            available_addons=self.available_addons or (),
            description=self.description,
            feature_list=self.feature_list,
            contact_us_label=self.contact_us_label,
            contact_us_link=self.contact_us_link,
            pwyw_minimum=self.pwyw_minimum_amount,
            pwyw_suggested=self.pwyw_suggested_amount,
            pwyw_recurring_mode=self.pwyw_recurring_mode or "customer_choice",
            limits=limits,
        )

    def _variation(self, shown: Mapping[str, Any]) -> PriceVariation:
        try:
            period = Period(integer(shown["duration"]), str(shown["duration_unit"]))
            return PriceVariation(period, to_minor(shown["amount"], self.currency))
        except (KeyError, TypeError, ValueError, InvalidAmount, InvalidPeriod):
            raise self._unknown("price_variations", shown) from None

    def _unknown(self, field: str, value: object) -> UnreadableRow:
        return UnreadableRow(
            entity=self.entity.value, id=self.id, field=field, value=value, expected="a known one"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountCodeRow(Row):
    """A discount code. Values are per cent or major units by their type."""

    entity: ClassVar[Entity] = Entity.DISCOUNT_CODE

    name: Text
    code: Text
    description: Text
    uses: Integer
    max_uses: Integer
    apply_to_renewals: Boolean
    type: Text
    value: Number
    setup_fee_type: Text
    setup_fee_value: Number
    active: Boolean
    limit_products: BooleanIfTold
    allowed_products: IdsIfTold
    limit_billing_periods: BooleanIfTold
    allowed_billing_periods: ItemsIfTold
    # Set and compared in the main site's own time zone, which REST does not tell: read as UTC.
    date_start: Moment
    date_expiration: Moment
    date_created: Moment
    date_modified: Moment

    def to_domain(self) -> DiscountCode:
        """The code for the rules; a restriction the network does not show is no restriction."""
        return DiscountCode(
            code=self.code,
            value=self.value,
            type=self.type or "percentage",
            setup_fee_value=self.setup_fee_value,
            setup_fee_type=self.setup_fee_type or "percentage",
            active=self.active,
            apply_to_renewals=self.apply_to_renewals,
            uses=self.uses,
            max_uses=self.max_uses,
            date_start=self.date_start,
            date_expiration=self.date_expiration,
            allowed_products=self.allowed_products if self.limit_products else None,
            allowed_periods=self.allowed_billing_periods if self.limit_billing_periods else None,
            name=self.name,
        )
