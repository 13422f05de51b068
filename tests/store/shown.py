"""Rows as a network shows them, for tests that are not about reading them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bridge.domain.memberships import Membership, MembershipStatus
from bridge.domain.periods import Period
from bridge.store.mirror import Shown
from tests.memberships import membership_columns


def domain(row_id: int, *, stage: str = "done") -> Shown:
    """A custom domain."""
    columns = {
        "blog_id": 5,
        "domain": f"d{row_id}.example.com",
        "active": True,
        "primary_domain": False,
        "secure": True,
        "stage": stage,
        "date_modified": None,
    }
    return Shown(row_id, {"id": str(row_id), "stage": stage}, columns)


def membership(row_id: int, *, plan_price: int = 99, status: str = "active") -> Shown:
    """A membership of plan 8, whose copy is inside it."""
    plain = Membership(
        id=row_id,
        customer_id=2,
        plan_id=8,
        currency="USD",
        amount=9900,
        period=Period(1, "month"),
        status=MembershipStatus.ACTIVE,
        addons={1: 2},
    )
    raw = {
        "id": str(row_id),
        "status": status,
        "unknown_field": "kept",
        "compiled_product_list": [{"quantity": 1, "product": {"id": "8", "amount": plan_price}}],
    }
    columns = membership_columns(replace(plain, status=MembershipStatus(status)))
    return Shown(row_id, raw, columns)


def site(row_id: int, *, title: str = "Site", limitations: Any = (), **told: Any) -> Shown:
    """A site; owners only where ``told``."""
    columns = {"domain": "a.example", "path": f"/{row_id}/", "title": title, **told}
    raw = {"blog_id": str(row_id), "title": title, "limitations": limitations, **told}
    return Shown(row_id, raw, columns)


def product(row_id: int, *, name: str = "Plan", available_addons: list[int] | None = None) -> Shown:
    """A monthly plan at 10.00; add-ons only where the network shows them."""
    columns: dict[str, Any] = {
        "slug": f"plan-{row_id}",
        "name": name,
        "type": "plan",
        "pricing_type": "paid",
        "plan_group": "",
        "currency": "USD",
        "amount": 1000,
        "setup_fee": 0,
        "recurring": True,
        "duration": 1,
        "duration_unit": "month",
        "trial_duration": 0,
        "trial_duration_unit": "day",
        "billing_cycles": 0,
        "list_order": 10,
        "active": True,
        "taxable": True,
        "tax_category": "default",
        "description": "",
        "feature_list": [],
        "contact_us_label": "",
        "contact_us_link": "",
        "pwyw_minimum": 0,
        "pwyw_suggested": 0,
        "pwyw_recurring_mode": "customer_choice",
    }
    raw = {"id": str(row_id), "name": name, "available_addons": available_addons}
    if available_addons is not None:
        columns |= {"available_addons": available_addons, "addons_source": "read"}
    return Shown(row_id, raw, columns)
