"""What the mirror keeps of each row that a network shows: from the row to the columns.

A column that the network does not tell is left out, so that what is known from elsewhere
stays (`bridge.store.mirror.Kind`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from bridge.network.entities import Entity
from bridge.network.faults import UnreadableRow
from bridge.network.rows import (
    CustomerRow,
    DiscountCodeRow,
    DomainRow,
    PaymentRow,
    ProductRow,
    Row,
    SiteRow,
)
from bridge.store.discounts import discount_columns
from bridge.store.mirror import Shown, storable
from bridge.upgrades.mirrored import membership_columns

Columns: TypeAlias = dict[str, Any]


def shown(row: Row) -> Shown:
    """The row as the mirror takes it.

    Raises:
        UnreadableRow: a field has a value that the rules cannot hold.
    """
    return Shown(id=row.id, raw=row.raw, columns=_COLUMNS[row.entity](row))


def too_deep(row: Row, field: str) -> UnreadableRow:
    """What is told of a row with a field that could not be stored."""
    return UnreadableRow(
        entity=row.entity.value,
        id=row.id,
        field=field,
        value="JSON in hundreds of levels",
        expected="fewer",
    )


def _product(row: ProductRow) -> Columns:
    columns: Columns = {
        "slug": row.slug,
        "name": row.name,
        "type": row.type,
        "pricing_type": row.pricing_type or "paid",
        "plan_group": row.group,
        "currency": row.currency,
        "amount": row.amount,
        "setup_fee": row.setup_fee,
        "recurring": row.recurring,
        "duration": row.duration,
        "duration_unit": row.duration_unit,
        "trial_duration": row.trial_duration,
        "trial_duration_unit": row.trial_duration_unit,
        "billing_cycles": row.billing_cycles,
        "list_order": row.list_order,
        "active": row.active,
        "taxable": row.taxable,
        "tax_category": row.tax_category or "default",
        "description": row.description,
        "feature_list": list(row.feature_list),
        "contact_us_label": row.contact_us_label,
        "contact_us_link": row.contact_us_link,
        "pwyw_minimum": row.pwyw_minimum_amount,
        "pwyw_suggested": row.pwyw_suggested_amount,
        "pwyw_recurring_mode": row.pwyw_recurring_mode or "customer_choice",
    }
    if row.available_addons is not None:
        columns |= {"available_addons": list(row.available_addons), "addons_source": "read"}
    return columns


def _customer(row: CustomerRow) -> Columns:
    return {
        "user_id": row.user_id or None,
        "billing_email": row.billing("email"),
        "country": row.billing("country"),
        "state": row.billing("state"),
        "city": row.billing("city"),
        "has_trialed": row.has_trialed,
        "email_verification": row.email_verification,
        "date_registered": row.date_registered,
    }


def _site(row: SiteRow) -> Columns:
    columns: Columns = {"domain": row.domain, "path": row.path, "title": row.title}
    if row.membership_id is not None:
        columns["membership_id"] = row.membership_id
    if row.customer_id is not None:
        columns["customer_id"] = row.customer_id
    if row.type:
        columns["type"] = row.type
    if not storable(row.effective_limits):
        raise too_deep(row, "limitations")
    return columns


def _discount_code(row: DiscountCodeRow) -> Columns:
    return discount_columns(row.to_domain())


def _payment(row: PaymentRow) -> Columns:
    return {
        "customer_id": row.customer_id or None,
        "membership_id": row.membership_id or None,
        "status": row.status,
        "currency": row.currency,
        "subtotal": row.subtotal,
        "tax_total": row.tax_total,
        "discount_total": row.discount_total,
        "refund_total": row.refund_total,
        "total": row.total,
        "gateway": row.gateway,
        "gateway_payment_id": row.gateway_payment_id,
        "date_created": row.date_created,
    }


def _domain(row: DomainRow) -> Columns:
    return {
        "blog_id": row.blog_id,
        "domain": row.domain,
        "active": row.active,
        "primary_domain": row.primary_domain,
        "secure": row.secure,
        "stage": row.stage,
        "date_modified": row.date_modified,
    }


_COLUMNS: Mapping[Entity, Callable[[Any], Columns]] = {
    Entity.PRODUCT: _product,
    Entity.MEMBERSHIP: membership_columns,
    Entity.CUSTOMER: _customer,
    Entity.SITE: _site,
    Entity.DISCOUNT_CODE: _discount_code,
    Entity.PAYMENT: _payment,
    Entity.DOMAIN: _domain,
}
