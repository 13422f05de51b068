"""Payments on the network show what was paid for, on the plugin's own invoice page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.store.tables import ChangeState
from tests.scenarios.town import FREE_MEMBER, Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path) as made:
        yield made


def lines(raw: Mapping[str, Any] | None) -> list[tuple[str, str, float]]:
    assert raw is not None
    return [(one["type"], one["title"], one["total"]) for one in raw.values()]


def test_a_change_and_its_renewal(town: Town) -> None:
    """An upgrade with credit, then the renewal of plan and add-on: each adds up to its total."""
    town.buy(FREE_MEMBER, "basic")
    town.pass_days(10)
    given, change = town.buy(FREE_MEMBER, "premium", "extra-disk-space")
    assert change.state is ChangeState.PROVEN, change.reason
    town.pass_days(32)
    first, upgrade, renewal = town.payments(FREE_MEMBER)
    assert lines(first.line_items) == [("product", "Basic", 19.99)]
    assert lines(upgrade.line_items) == [
        (one.type.value, one.title, one.total / 100) for one in given.quote.lines
    ]
    assert lines(renewal.line_items) == [
        ("product", "Premium", 49),
        ("product", "Extra disk space", 4.5),
    ]
    for payment in (first, upgrade, renewal):
        whole = sum(total for _, _, total in lines(payment.line_items))
        assert round(whole * 100) == payment.total
    assert town.left_over() == []


def test_a_price_that_was_agreed_is_explained_by_an_adjustment(town: Town) -> None:
    """The list price has risen since; who bought before goes on paying what he bought for."""
    town.buy(FREE_MEMBER, "premium")
    state = town.places["main"].state
    with state.changing():
        row = state.row("product", 6)
        assert row is not None
        state.save("product", 6, {**row, "amount": "59.0000"})
    town.mirror()
    town.pass_days(32)
    renewal = town.payments(FREE_MEMBER)[-1]
    assert lines(renewal.line_items) == [("product", "Premium", 59), ("credit", "Adjustment", -10)]
    assert renewal.total == 4900
