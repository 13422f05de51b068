"""Our due-now beside Stripe's own preview: the parts add up, nothing is charged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from bridge.payments.comparison import Comparison, compared
from bridge.upgrades.comparing import NothingToCompare, compare_choice
from bridge.upgrades.quoting import Choice
from tests.payments.shop import BASIC, FREE, MEMBERSHIP, PREMIUM, STORAGE, Shop
from tests.payments.test_collection import upgrade


def member(shop: Shop, *products: int) -> None:
    shop.give_card()
    _, collected = shop.buy(*products)
    shop.deliver()
    shop.carry_out(collected.change_id)
    shop.sweep()


def compare(shop: Shop, *products: int) -> Comparison:
    shop.stripe.requests.clear()
    found = compare_choice(
        shop.collecting.orders, shop.network, MEMBERSHIP, Choice(products=products)
    )
    writes = {one.path for one in shop.stripe.requests.writes()}
    assert writes <= {"/v1/invoices/create_preview", "/v1/products"}
    assert sum(part.ours for part in found.parts) == found.ours
    assert sum(part.stripes for part in found.parts) == found.stripes
    assert sum(part.difference for part in found.parts) == found.difference
    return found


def part(found: Comparison, name: str) -> tuple[int, int]:
    return next((one.ours, one.stripes) for one in found.parts if one.name == name)


def test_an_upgrade_is_taken_apart(shop: Shop) -> None:
    """Ten of thirty days are used: Stripe credits 20/30, the quote 20 of 30.4375 days."""
    member(shop, BASIC)
    shop.clock.advance(timedelta(days=10))
    found = compare(shop, PREMIUM)
    given = shop.quote(PREMIUM).quote
    assert found.ours == given.due_now
    assert part(found, "charge") == (3000, 3000)
    assert part(found, "credit") == (given.due_now - 3000, -667)
    assert found.stripes == 3000 - 667
    assert found.asked == found.ours


def test_an_addon_is_prorated_by_both(shop: Shop) -> None:
    member(shop, BASIC)
    shop.clock.advance(timedelta(days=10))
    found = compare(shop, STORAGE)
    # Stripe: 500 for 20 of 30 days.
    assert part(found, "charge") == (500, 333)
    assert found.asked is None


def test_a_first_plan_is_the_same_for_both(shop: Shop) -> None:
    found = compare(shop, BASIC)
    assert (found.ours, found.stripes, found.asked) == (1000, 1000, 1000)
    assert shop.charged() == []


def test_a_downgrade_at_the_end_of_the_term_costs_nothing_either_way(shop: Shop) -> None:
    member(shop, PREMIUM)
    shop.clock.advance(timedelta(days=10))
    found = compare(shop, BASIC)
    assert (found.ours, found.stripes) == (0, 0)


def test_what_is_no_change_is_not_compared(shop: Shop) -> None:
    with pytest.raises(NothingToCompare):
        compare(shop, FREE)


def test_credit_beyond_the_price_is_a_part_of_its_own() -> None:
    """Pure: ours is clamped at nothing, and so is Stripe's; both are shown."""
    preview: dict[str, Any] = {"lines": {"data": [{"amount": -5000}, {"amount": 3000}]}}
    found = compared(upgrade(due_now=0), preview)
    assert (found.ours, found.stripes) == (0, 0)
    assert {one.name: one.stripes for one in found.parts} == {
        "charge": 3000,
        "credit": -5000,
        "once": 0,
        "limit": 2000,
    }
    assert found.difference == 0


def test_the_command_prints_it(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`planbridge stripe compare`, as JSON."""
    import json

    from bridge.cli import stripe as command

    with Shop(sqlite_engine) as shop:

        class _App:
            collecting = staticmethod(lambda: shop.collecting)
            network = staticmethod(lambda name: shop.network)

        monkeypatch.setattr(command, "open_app", _App)
        command.compare("main", MEMBERSHIP, [str(PREMIUM)], as_json=True)
        document = json.loads(capsys.readouterr().out)
        assert document["due_now"] == document["stripe_preview"] == document["as_asked"] == 3000
        assert [one["difference"] for one in document["parts"]] == [0, 0, 0, 0]
        command.compare("main", MEMBERSHIP, [str(PREMIUM)])
        assert "$30.00" in capsys.readouterr().out
