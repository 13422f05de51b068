"""The chaos of events with smaller numbers; `tests.chaos.events` runs it with ten thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.events import chaos, flood

pytestmark = pytest.mark.slow


def test_killed_again_and_again_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """Each event three times, shuffled, in eight threads: the state of once and in order."""
    report = chaos(600, kill_every=1.0, folder=tmp_path)
    assert report.kills >= 1
    assert (report.lost, report.differences) == (0, []), str(report)


def test_a_flood_of_forged_events_costs_no_row_and_no_call(tmp_path: Path) -> None:
    """Each is refused, and a good event is taken right after."""
    found = flood(2000, folder=tmp_path)
    assert found["refused"] == found["forged"]
    assert (found["rows"], found["calls"], found["good"]) == (0, 0, 200)
