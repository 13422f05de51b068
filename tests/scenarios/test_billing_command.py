"""``planbridge billing`` on a membership that did not pay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bridge.cli.billing import app
from bridge.errors import UnknownMembership
from tests.scenarios.stage import MEMBER, Stage, staged


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with staged(tmp_path) as made:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("PLANBRIDGE_DATABASE_URL", f"sqlite:///{tmp_path}/store.sqlite")
        # It would log to the runner's own standard error, which is closed after the test.
        monkeypatch.setattr("bridge.wiring.configure_logging", lambda _level: None)
        subscription = made.subscribe()
        made.deliver()
        made.change_card(subscription, "pm_card_chargeCustomerFail")
        made.pass_days(32)
        yield made


def as_json(*arguments: str) -> Any:
    return json.loads(printed(*arguments, "--json"))


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_it_says_how_a_membership_stands_and_why(stage: Stage) -> None:
    """And when it is looked at again."""
    (row,) = as_json("list", "--network", "main")
    assert (row["network"], row["membership_id"], row["standing"]) == ("main", MEMBER, "grace")
    assert row["reason"].startswith("unpaid since 2026-12-24")
    assert row["due_at"].startswith("2026-12-27")
    assert as_json("list", "--attention") == []
    assert "grace" in printed("list")


def test_it_shows_what_was_seen_at_stripe(stage: Stage) -> None:
    """Subscription and invoices with their states."""
    shown = as_json("show", "main", str(MEMBER))
    found = {(row["kind"], row["facts"]["status"]) for row in shown["objects"]}
    assert {("subscription", "past_due"), ("invoice", "open"), ("invoice", "paid")} <= found
    assert "subscription" in printed("show", "main", str(MEMBER))


def test_retrying_makes_it_due(stage: Stage) -> None:
    """The service looks at its next round."""
    printed("retry", "main", str(MEMBER))
    due_at = stage.billing.due_at
    assert due_at is not None
    assert due_at < stage.clock()
    with pytest.raises(UnknownMembership):
        printed("retry", "main", "99")
