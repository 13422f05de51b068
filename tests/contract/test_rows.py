"""Every recorded row of a mirrored entity is readable, and means what it says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.memberships import MembershipStatus
from bridge.domain.periods import Period
from bridge.network.entities import Entity
from bridge.network.faults import UnreadableRow
from bridge.network.rows import (
    ROWS,
    CustomerRow,
    DiscountCodeRow,
    EventRow,
    MembershipRow,
    PaymentRow,
    ProductRow,
    SiteRow,
    parse_row,
)

from .replay import HEAD, RELEASES, SHARED, V247, V2412

FILES = sorted(
    path
    for release in RELEASES
    for entity in Entity
    for path in (SHARED / release / entity).glob("*.json")
)
# The answer to a PUT echoes what was asked for, even if it is no date.
NO_DATE = "150_put_date_expiration_bad.json"


def rows_in(path: Path) -> list[dict[str, Any]]:
    body = json.loads(path.read_text())["response"]["body"]
    items = body if isinstance(body, list) else [body]
    return [item for item in items if isinstance(item, dict) and "model" in item]


def row(release: str, name: str) -> Any:
    entity, _, stem = name.partition("/")
    [path] = (SHARED / release / entity).glob(f"*_{stem}.json")
    return parse_row(Entity(entity), rows_in(path)[0])


def test_there_are_recordings_to_read() -> None:
    assert len(FILES) > 900
    assert {path.parent.name for path in FILES} == {entity.value for entity in ROWS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_every_recorded_row_is_readable(path: Path) -> None:
    for raw in rows_in(path):
        entity = Entity(raw["model"])
        if path.name == NO_DATE:
            with pytest.raises(UnreadableRow, match="date_expiration = 'tomorrow-ish'"):
                parse_row(entity, raw)
            continue
        parsed = parse_row(entity, raw)
        assert parsed.raw is raw
        assert str(parsed.id) == str(raw.get("blog_id") if entity == Entity.SITE else raw["id"])
        if isinstance(parsed, ProductRow | DiscountCodeRow | MembershipRow | CustomerRow):
            parsed.to_domain()


@pytest.mark.parametrize("release", RELEASES)
def test_a_membership_is_typed(release: str) -> None:
    membership = row(release, "membership/get_one")
    assert isinstance(membership, MembershipRow)
    assert (membership.id, membership.plan_id, membership.addon_products) == (60, 8, {1: 1})
    assert membership.amount == 500
    assert membership.recurring is False
    assert membership.date_expiration is None
    assert membership.date_renewed == datetime(2026, 11, 19, 20, 47, 38, tzinfo=UTC)
    [(one, plan), (quantity, addon)] = membership.embedded_products
    assert (one, plan.slug, plan.group) == (1, "free", "High End")
    assert (quantity, addon.slug, addon.amount) == (1, "extra-visits", 500)
    domain = membership.to_domain()
    assert domain.status is MembershipStatus.ACTIVE
    assert domain.period == Period(1, "month")


@pytest.mark.parametrize("release", RELEASES)
def test_a_product_is_typed(release: str) -> None:
    product = row(release, "product/get_one")
    assert isinstance(product, ProductRow)
    assert (product.amount, product.billing_cycles, product.active) == (2450, 12, False)
    assert product.group == "Legacy"
    assert product.available_addons == (() if release == HEAD else None)
    assert product.to_domain().period == Period(1, "month")


def test_price_variations_are_read_where_they_are_echoed() -> None:
    product = row(HEAD, "product/put_price_variations").to_domain()
    assert [(each.period.key, each.amount) for each in product.variations] == [
        ("1-year", 99000),
        ("3-month", 27050),
    ]


@pytest.mark.parametrize("release", RELEASES)
def test_text_amounts_of_payments_become_minor_units(release: str) -> None:
    payment = row(release, "payment/get_one")
    assert isinstance(payment, PaymentRow)
    assert (payment.total, payment.tax_total, payment.discount_total) == (500, 0, 0)
    assert (payment.line_items is not None) == (release == HEAD)


def test_a_site_of_the_head_shows_whose_it_is_and_its_limits() -> None:
    site = row(HEAD, "site/get_one")
    assert isinstance(site, SiteRow)
    assert (site.id, site.membership_id, site.customer_id) == (33, 42, 42)
    assert site.effective_limits is not None
    assert site.effective_limits["disk_space"] == {"enabled": True, "limit": 10240}


@pytest.mark.parametrize("release", [V2412, V247])
def test_a_site_of_the_releases_has_only_its_blog_id(release: str) -> None:
    site = row(release, "site/get_one")
    assert (site.id, site.blog_id) == (33, 33)
    assert (site.membership_id, site.customer_id, site.effective_limits) == (None, None, None)


def test_no_membership_is_not_an_unknown_membership() -> None:
    listed = rows_in(next((SHARED / HEAD / "site").glob("*_list_pp100.json")))
    main = next(each for each in listed if each["blog_id"] == "1")
    assert parse_row(Entity.SITE, main).membership_id == 0  # type: ignore[attr-defined]


def test_the_cache_in_the_answer_to_a_site_create_is_not_taken_for_limits() -> None:
    assert row(V2412, "site/create").effective_limits is None


def test_where_a_customer_pays_tax_is_known_where_the_address_is_shown() -> None:
    assert row(HEAD, "customer/get_one").to_domain().country == "US"
    assert row(V2412, "customer/get_one").to_domain().country == ""


def test_the_discount_of_a_membership_is_read() -> None:
    discount = row(HEAD, "membership/get_after_meta").to_domain().discount
    assert discount is not None
    assert (discount.code, discount.value, discount.setup_fee_value) == ("LAUNCH20", 20, 50)


def test_a_membership_without_currency_has_that_of_its_products() -> None:
    created = row(HEAD, "membership/list_after_create")
    assert created.currency == ""
    assert created.to_domain().currency == "USD"


def test_a_bare_list_of_addons_means_what_php_makes_of_it() -> None:
    """Indexes are the product ids, values the quantities: product 1 twice."""
    assert row(HEAD, "membership/put_addon_products_list").addon_products == {0: 1, 1: 2}


def test_the_change_feed_shows_old_and_new_values() -> None:
    [path] = (SHARED / HEAD / "event").glob("*_list_after.json")
    events = [parse_row(Entity.EVENT, raw) for raw in rows_in(path)]
    changes = [e for e in events if isinstance(e, EventRow) and e.slug == "changed"]
    assert changes
    assert all(
        set(field) == {"old_value", "new_value"} for e in changes for field in e.payload.values()
    )
