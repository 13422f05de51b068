"""Which limits sites are to show, as far as the rows of their products are known."""

from __future__ import annotations

import pytest

from bridge.domain.catalogue import Catalogue, ProductType
from bridge.domain.limits import LimitsRow
from bridge.upgrades.expected import KnownRows
from tests.domain.builders import build_product

PLAN, ADDON = 1, 2
ROW: LimitsRow = {"visits": {"enabled": True, "limit": 1000}}
MORE: LimitsRow = {"visits": {"enabled": True, "limit": 500}}


def known(kind: str, limits: LimitsRow | None) -> KnownRows:
    """A plan with limits, and an add-on of this kind."""
    products = (
        build_product(PLAN, 1000, limits=ROW),
        build_product(ADDON, 500, type=ProductType(kind), limits=limits),
    )
    return KnownRows(Catalogue.of(products), {}, {})


@pytest.mark.parametrize("count", [1, 3])
def test_a_service_without_a_row_has_no_limits(count: int) -> None:
    """The plugin has no limits tabs for services (domain/account-page.md no. 31)."""
    alone = known("service", None).expected(membership_id=7, plan_id=PLAN, addons={})
    found = known("service", None).expected(membership_id=7, plan_id=PLAN, addons={ADDON: count})
    assert found.unknown == ()
    assert found.products == alone.products


def test_a_service_with_a_row_counts() -> None:
    """Somebody has written one, over REST or with an older release."""
    found = known("service", MORE).expected(membership_id=7, plan_id=PLAN, addons={ADDON: 1})
    assert found.products is not None
    assert found.products["visits"]["limit"] == 1500


def test_a_package_or_plan_without_a_row_is_unknown() -> None:
    """It may well have limits that nobody has told planbridge of."""
    found = known("package", None).expected(membership_id=7, plan_id=PLAN, addons={ADDON: 1})
    assert found.products is None
    assert len(found.unknown) == 1
