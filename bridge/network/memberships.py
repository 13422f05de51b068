"""Memberships and customers as a network shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from bridge.domain.memberships import Customer, Membership, MembershipStatus
from bridge.domain.periods import Period
from bridge.network.entities import Entity
from bridge.network.faults import UnreadableRow
from bridge.network.products import DiscountCodeRow, ProductRow, period_of
from bridge.network.row import Named, Row
from bridge.network.shapes import (
    Amount,
    Boolean,
    BooleanIfTold,
    Integer,
    ItemsIfTold,
    Moment,
    PairsIfTold,
    Quantities,
    Text,
    integer,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRow(Row):
    """A membership. ``date_renewed`` and ``date_cancellation`` are written by the plugin in
    the main site's own time zone (domain/entities.md §2.2); here they are read as UTC.
    """

    entity: ClassVar[Entity] = Entity.MEMBERSHIP

    customer_id: Integer
    user_id: Integer
    plan_id: Integer
    addon_products: Quantities
    status: Text
    currency: Text
    amount: Amount
    initial_amount: Amount
    duration: Integer
    duration_unit: Text
    recurring: Boolean
    auto_renew: Boolean
    billing_cycles: Integer
    times_billed: Integer
    date_created: Moment
    date_activated: Moment
    date_trial_end: Moment
    date_renewed: Moment
    date_cancellation: Moment
    date_expiration: Moment
    date_payment_plan_completed: Moment
    date_modified: Moment
    gateway: Text
    gateway_customer_id: Text
    gateway_subscription_id: Text
    signup_method: Text
    upgraded_from: Integer
    disabled: Boolean
    cancellation_reason: Text
    compiled_product_list: Annotated[ItemsIfTold, Named(follows=False)]

    @classmethod
    def currency_of(cls, raw: Mapping[str, Any]) -> str:
        """The membership's currency, else its products' (created by REST it has none)."""
        own = raw.get("currency")
        if own:
            return str(own)
        embedded = raw.get("compiled_product_list") or raw.get("_compiled_product_list") or ()
        for each in embedded:
            if isinstance(each, dict) and isinstance(each.get("product"), dict):
                return str(each["product"].get("currency") or "")
        return ""

    @property
    def embedded_products(self) -> tuple[tuple[int, ProductRow], ...]:
        """Quantity and product of plan and add-ons, at the price of the membership's period.

        Deleted products are missing from it.
        """
        return tuple(
            (integer(each.get("quantity")), ProductRow.parse(each["product"]))
            for each in self.compiled_product_list or ()
            if isinstance(each.get("product"), dict)
        )

    @property
    def discount(self) -> DiscountCodeRow | None:
        """The code in force; None without one, and before the head, which alone shows it."""
        shown = self.raw.get("discount_code")
        return DiscountCodeRow.parse(shown) if isinstance(shown, dict) and shown else None

    @property
    def period(self) -> Period:
        """How often the membership bills."""
        return period_of(self.duration, self.duration_unit)

    def to_domain(self) -> Membership:
        """The membership for the rules.

        Raises:
            UnreadableRow: a status that the rules do not know.
        """
        try:
            status = MembershipStatus(self.status)
        except ValueError:
            raise UnreadableRow(
                entity=self.entity.value,
                id=self.id,
                field="status",
                value=self.status,
                expected="one of the plugin's six",
            ) from None
        discount = self.discount
        return Membership(
            id=self.id,
            customer_id=self.customer_id,
            plan_id=self.plan_id,
            currency=self.currency_of(self.raw),
            amount=self.amount,
            period=self.period,
            status=status,
            addons=self.addon_products,
            initial_amount=self.initial_amount,
            recurring=self.recurring,
            auto_renew=self.auto_renew,
            times_billed=self.times_billed,
            billing_cycles=self.billing_cycles,
            date_created=self.date_created,
            date_renewed=self.date_renewed,
            date_expiration=self.date_expiration,
            date_trial_end=self.date_trial_end,
            gateway=self.gateway,
            gateway_customer_id=self.gateway_customer_id,
            gateway_subscription_id=self.gateway_subscription_id,
            discount=discount.to_domain() if discount else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRow(Row):
    """A customer. Name and e-mail are not shown by stock REST."""

    entity: ClassVar[Entity] = Entity.CUSTOMER

    user_id: Integer
    type: Text
    date_registered: Moment
    email_verification: Text
    last_login: Moment
    has_trialed: BooleanIfTold
    vip: Boolean
    signup_form: Text
    billing_address: PairsIfTold

    def billing(self, part: str) -> str:
        """A part of the billing address such as ``country``; "" when it is not shown."""
        return str((self.billing_address or {}).get(f"billing_{part}") or "")

    def to_domain(self) -> Customer:
        """The customer for the rules: where he pays tax, whether he trialed."""
        return Customer(
            id=self.id,
            country=self.billing("country"),
            state=self.billing("state"),
            city=self.billing("city"),
            has_trialed=bool(self.has_trialed),
        )
