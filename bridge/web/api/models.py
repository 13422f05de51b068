"""What the JSON API takes and gives. Amounts are integer minor units, times UTC (RFC 3339)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Row = TypeVar("Row")


class Model(BaseModel):
    """Unknown fields in a request are refused, so that a typo is not silently ignored."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


def component(model: type[BaseModel]) -> dict[str, Any]:
    """A model's schema for OpenAPI; models inside it are those that routes give, too."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return schema


class Listing(Model, Generic[Row]):
    """A page of rows; ``next`` is the ``after`` of the following page, null on the last."""

    items: list[Row]
    next: int | str | None = None


class NetworkView(Model):
    """A network, without its secrets."""

    name: str
    url: str
    stripe_account: str
    livemode: bool
    terms: dict[str, Any]
    created_at: datetime
    checked_at: datetime | None
    synced_at: datetime | None


class SiteView(Model):
    """A site; ``effective_limits`` as last read from the network, null where never seen."""

    id: int
    domain: str
    path: str
    title: str
    effective_limits: dict[str, Any] | None = None


class MembershipView(Model):
    """A membership as mirrored. ``addons`` maps product id to quantity."""

    id: int
    customer_id: int
    plan_id: int
    addons: dict[str, int]
    status: str
    currency: str
    amount: int
    initial_amount: int
    duration: int
    duration_unit: str
    recurring: bool
    auto_renew: bool
    gateway: str
    date_created: datetime | None
    date_expiration: datetime | None
    date_trial_end: datetime | None
    synced_at: datetime


class MembershipDetail(MembershipView):
    """A membership with its sites and its open change."""

    sites: list[SiteView]
    open_change: str | None = None


class PriceView(Model):
    """What a product costs per period, such as ``1-month``."""

    period: str
    amount: int


class ProductView(Model):
    """A product on offer. ``limits`` null means that planbridge does not know them."""

    id: int
    slug: str
    name: str
    type: str
    pricing_type: str
    currency: str
    prices: list[PriceView]
    setup_fee: int
    limits: Mapping[str, Any] | None = None
    current: bool = False


class OffersView(Model):
    """What a membership may change to: plans of its group, add-ons of its plan."""

    plans: list[ProductView]
    addons: list[ProductView]
    periods: list[str]


class LineView(Model):
    """One line of the order."""

    type: str
    title: str
    product_id: int | None
    quantity: int
    unit_price: int
    subtotal: int
    discount_total: int
    tax_total: int
    total: int
    recurring: bool


class ErrorView(Model):
    """Why a choice is not possible."""

    code: str
    message: str


class ExplanationView(Model):
    """One step of the sum."""

    rule: str
    text: str
    amount: int | None
    inputs: dict[str, str | int]
    source: str


class ExcessView(Model):
    """Something that would be over its limit: ``remove`` of it have to go.

    ``site_id`` is null and ``site`` "" for what all sites share. ``policy`` is refuse or warn.
    """

    site_id: int | None
    site: str
    module: str
    item: str
    used: float
    allowed: float
    remove: int
    sentence: str
    policy: str


class UncheckedView(Model):
    """A limit that could not be compared, and why."""

    site_id: int | None
    module: str
    why: str


class FitView(Model):
    """Whether the sites fit into the limits after the change, by what they use now.

    ``decision`` is allow, warn or refuse; refused, no change is begun. ``known`` is false
    where the limits of a product are not known, so that nothing was compared.
    """

    decision: str
    known: bool
    excesses: list[ExcessView]
    unchecked: list[UncheckedView]


class RefusalView(Model):
    """Why a change is not begun (RFC 9457).

    ``title`` is the kind: OverLimits, with ``excesses`` that say what is over on which site;
    QuoteExpired, QuoteOutdated, ChangeNotPossible, ChangeStandsInTheWay, MembershipFrozen.
    """

    type: str
    title: str
    status: int
    detail: str
    excesses: list[ExcessView] | None = None


class QuoteView(Model):
    """The answer to a choice. It holds until ``expires_at``.

    ``fit`` is null where nothing was compared, as the choice cannot be had.
    """

    id: str
    membership_id: int
    kind: str
    possible: bool
    policy: str
    currency: str
    lines: list[LineView]
    subtotal: int
    credit: int
    discount_total: int
    tax_total: int
    due_now: int
    recurring_total: int
    next_billing_at: datetime | None
    next_billing_amount: int
    effective_at: datetime
    errors: list[ErrorView]
    explanation: list[ExplanationView]
    created_at: datetime
    expires_at: datetime
    fit: FitView | None = None


class StepView(Model):
    """One step of a change."""

    name: str
    subject: str
    state: str
    attempts: int
    detail: dict[str, Any]
    started_at: datetime
    finished_at: datetime | None


class ChangeView(Model):
    """A change and where it stands."""

    id: str
    membership_id: int
    quote_id: str | None
    kind: str
    state: str
    reason: str
    currency: str
    amount_due: int
    amount_paid: int | None
    attempts: int
    created_at: datetime
    effective_at: datetime
    paid_at: datetime | None
    applied_at: datetime | None
    proven_at: datetime | None


class ChangeDetail(ChangeView):
    """A change with its steps."""

    steps: list[StepView]


class EventView(Model):
    """An event of the inbox, without its payload."""

    id: int
    account: str
    event_id: str
    type: str
    api_version: str
    livemode: bool
    state: str
    reason: str
    change_id: str | None
    attempts: int
    created: datetime
    received_at: datetime
    handled_at: datetime | None


class EventDetail(EventView):
    """An event with its payload as Stripe sent it."""

    payload: dict[str, Any]
