"""Limits as bars: green, amber at 80 %, red at the limit; the rest in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.domain.limit_modules import Allowance, Special
from bridge.domain.limit_use import LimitUse, limit_uses
from bridge.domain.preflight import SiteUsage
from bridge.web.account.bars import Bar, bars, next_month
from bridge.web.pages.languages import language

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ENGLISH, FRENCH = language("en"), language("fr")


def bar(
    used: float | None, allowed: Allowance, *, module: str = "post_types", item: str = "post"
) -> Bar:
    found = bars(ENGLISH, [LimitUse(module, item, "posts", used, allowed, "")], now=NOW)
    return found[0]


@pytest.mark.parametrize(
    ("used", "allowed", "value", "level", "note"),
    [
        (0, 100, 0, "good", ""),
        (79, 100, 790, "good", ""),
        (799, 1000, 799, "good", ""),
        (80, 100, 800, "warn", "almost reached"),
        (99, 100, 990, "warn", "almost reached"),
        (9999, 10000, 999, "warn", "almost reached"),
        (100, 100, 1000, "bad", "limit reached"),
        (101, 100, 1000, "bad", "more than allowed"),
        (3, 0, 1000, "bad", "more than allowed"),
    ],
)
def test_a_bar_changes_colour_at_80_percent_and_at_the_limit(
    used: float, allowed: int, value: int, level: str, note: str
) -> None:
    """And says in words what the colour says."""
    found = bar(used, allowed)
    assert (found.value, found.level, found.note) == (value, level, note)


def test_what_has_no_end_has_no_bar() -> None:
    """Unlimited is said in words, with what is used where that is known."""
    assert bar(12, Special.UNLIMITED) == Bar("Posts", "12 / unlimited")
    assert bar(None, Special.UNLIMITED) == Bar("Posts", "unlimited")


def test_unknown_use_is_not_drawn_as_none() -> None:
    """Nobody knows the use: no bar, no zero; only what is allowed."""
    found = bar(None, 100)
    assert (found.words, found.value, found.unknown) == ("100", None, True)


def test_none_allowed_and_none_used_is_a_word() -> None:
    """No bar for nothing of nothing."""
    assert bar(0, 0, module="domain_mapping", item="") == Bar("Custom domains", "none")


def test_visits_say_when_they_are_counted_anew() -> None:
    """With the first day of the next calendar month."""
    found = bar(500, 1000, module="visits", item="")
    assert found.words == "500 / 1,000"
    assert found.note == "counted anew from December 1, 2026"


@pytest.mark.parametrize(
    ("now", "then"), [("2026-01-31", "2026-02-01"), ("2026-12-31", "2027-01-01")]
)
def test_the_next_month_begins_on_its_first_day(now: str, then: str) -> None:
    """From any day, over the end of the year, too."""
    found = next_month(datetime.fromisoformat(f"{now}T23:59:59+00:00"))
    assert found.date().isoformat() == then


def test_limits_that_count_nothing_are_left_out() -> None:
    """Plugins, themes and roles are not for bars; the order is the site's."""
    limits = {
        "plugins": {"enabled": True, "limit": {}},
        "disk_space": {"enabled": True, "limit": 1024},
        "post_types": {"enabled": True, "limit": {"post": {"enabled": True, "number": 5}}},
    }
    uses = limit_uses(limits, SiteUsage(1, posts={"post": 4}, disk_mb=820))
    found = bars(FRENCH, uses, now=NOW)
    assert [(one.label, one.level) for one in found] == [
        ("Espace disque", "warn"),
        ("Articles", "warn"),
    ]
    assert found[0].words == "820 Mo / 1 Go"
    assert found[1].note == "limite presque atteinte"
