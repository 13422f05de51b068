"""The rows around memberships: sites, domains, payments, events, webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from bridge.network.entities import Entity
from bridge.network.row import Named, Row
from bridge.network.shapes import (
    Amount,
    Boolean,
    BooleanIfTold,
    Integer,
    IntegerIfTold,
    LinesIfTold,
    Moment,
    Pairs,
    Text,
    integer,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow(Row):
    """A site; ``id`` is always the blog id.

    ``membership_id``, ``customer_id`` and ``template_id`` are None where the network does
    not tell (up to 2.4.12), 0 where there is none.
    """

    entity: ClassVar[Entity] = Entity.SITE

    blog_id: Integer
    title: Text
    description: Text
    domain: Text
    path: Text
    type: Text
    membership_id: IntegerIfTold
    customer_id: IntegerIfTold
    template_id: IntegerIfTold
    active: BooleanIfTold
    public: Boolean
    archived: Boolean
    mature: Boolean
    spam: Boolean
    deleted: Boolean
    registered: Moment
    last_updated: Moment
    limitations: Annotated[Pairs, Named(follows=False)]

    @classmethod
    def identity(cls, raw: Mapping[str, Any]) -> int:
        """The blog id: up to 2.4.12 the row's ``id`` is 0."""
        return integer(raw.get("blog_id") or raw.get("id"))

    @property
    def effective_limits(self) -> Mapping[str, Any] | None:
        """The merged limits by module, or None where the row shows none.

        None means: an older network, a site that is no customer's, or one whose membership
        was deleted.
        """
        # Up to 2.4.12 the answer to a write shows the plugin's cache instead of modules.
        cached = any("composite_limitations" in module for module in self.limitations)
        return None if cached or not self.limitations else self.limitations


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRow(Row):
    """A mapped domain of a site."""

    entity: ClassVar[Entity] = Entity.DOMAIN

    blog_id: Integer
    domain: Text
    active: Boolean
    primary_domain: Boolean
    secure: Boolean
    stage: Text
    date_created: Moment
    date_modified: Moment

    @property
    def works(self) -> bool:
        """Active, and through the checks (domain/entities.md §2.7)."""
        return self.active and self.stage in ("done", "done-without-ssl")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow(Row):
    """A payment; a refund's totals are negative. ``line_items`` only the head shows."""

    entity: ClassVar[Entity] = Entity.PAYMENT

    customer_id: Integer
    membership_id: Integer
    parent_id: Integer
    product_id: Integer
    currency: Text
    subtotal: Amount
    tax_total: Amount
    discount_total: Amount
    refund_total: Amount
    total: Amount
    discount_code: Text
    status: Text
    gateway: Text
    gateway_payment_id: Text
    line_items: LinesIfTold
    invoice_number: Text
    date_created: Moment
    date_modified: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow(Row):
    """An event; ``payload`` of a ``changed`` one maps fields to old and new values.

    The network keeps them for a day.
    """

    entity: ClassVar[Entity] = Entity.EVENT

    severity: Integer
    initiator: Text
    author_id: Integer
    object_type: Text
    object_id: Integer
    slug: Text
    payload: Pairs
    message: Text
    date_created: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRow(Row):
    """An outgoing webhook of the network."""

    entity: ClassVar[Entity] = Entity.WEBHOOK

    name: Text
    webhook_url: Text
    event: Text
    event_count: Integer
    active: Boolean
    hidden: Boolean
    integration: Text
    date_created: Moment
    date_modified: Moment
