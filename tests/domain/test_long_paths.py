"""Paths of changes against the rational oracle; the long run is `tests.domain.long_paths`."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.domain import fair_value
from tests.domain.long_paths import run


def test_paths_of_changes_cost_what_rational_numbers_say() -> None:
    tally = run(2000, seed=1)
    assert (tally.cents, tally.first) == (0, "")
    assert tally.paths == 2000
    assert tally.quotes > 4000


def test_a_cent_lost_on_the_way_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is worth something: an engine that rounds down is caught."""

    def rounded_down(ticks: int, numerator: int, denominator: int, *, quantum: int) -> Any:
        return ticks * numerator // (denominator * quantum) * quantum

    monkeypatch.setattr(fair_value, "scaled", rounded_down)
    assert run(200, seed=1).cents > 0
