"""Who has which products: the membership and its customer, as the rules see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bridge.domain.discounts import DiscountCode
from bridge.domain.periods import Period


class MembershipStatus(StrEnum):
    """The plugin's six statuses (domain/billing-stripe.md §6)."""

    PENDING = "pending"
    ACTIVE = "active"
    TRIALING = "trialing"
    ON_HOLD = "on-hold"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Membership:
    """A membership (domain/entities.md §2.2). Amounts in minor units, times aware UTC.

    ``amount`` is what each cycle costs: plan and recurring add-ons, taxes and renewable
    discounts included. ``date_expiration`` None means lifetime. ``addons`` maps
    product id to quantity. ``ledger`` is the credit kept from earlier changes.
    """

    id: int
    customer_id: int
    plan_id: int
    currency: str
    amount: int
    period: Period
    status: MembershipStatus
    addons: Mapping[int, int] = field(default_factory=dict)
    initial_amount: int = 0
    recurring: bool = True
    auto_renew: bool = False
    times_billed: int = 0
    billing_cycles: int = 0
    date_created: datetime | None = None
    date_renewed: datetime | None = None
    date_expiration: datetime | None = None
    date_trial_end: datetime | None = None
    gateway: str = ""
    gateway_customer_id: str = ""
    gateway_subscription_id: str = ""
    discount: DiscountCode | None = None
    ledger: int = 0

    @property
    def bills_again(self) -> bool:
        """Recurring and not free: the plugin's effective ``is_recurring``."""
        return self.recurring and self.amount > 0

    @property
    def is_free(self) -> bool:
        """Nothing is billed again and nothing was paid."""
        return not self.bills_again and self.initial_amount == 0


@dataclass(frozen=True, slots=True)
class Customer:
    """The customer as far as prices depend on him: where he pays tax, whether he trialed."""

    id: int
    country: str = ""
    state: str = ""
    city: str = ""
    has_trialed: bool = False
