"""Overrides that would hide what a new plan gives (limits.md §3.2)."""

from __future__ import annotations

from typing import Any

from bridge.domain.limit_overrides import hiding_overrides
from bridge.domain.limits import compose

BASIC: dict[str, Any] = {
    "visits": {"enabled": True, "limit": 1000},
    "disk_space": {"enabled": True, "limit": 50},
}
PREMIUM: dict[str, Any] = {
    "visits": {"enabled": True, "limit": 100_000},
    "disk_space": {"enabled": True, "limit": 10_240},
}


def disk(limit: object) -> dict[str, Any]:
    return {"disk_space": {"enabled": True, "limit": limit}}


def test_a_known_override_is_named_with_its_owner() -> None:
    (found,) = hiding_overrides(planned=PREMIUM, membership=disk(777), site={})
    assert (found.owner, found.known, found.module, found.path) == (
        "membership",
        True,
        "disk_space",
        ("limit",),
    )
    assert found.sentence == (
        "disk space: an override of the membership (777 MB) hides the products' 10 GB"
    )


def test_the_site_has_the_last_word() -> None:
    (found,) = hiding_overrides(planned=PREMIUM, membership=disk(777), site=disk(333))
    assert found.owner == "site"
    assert "(333 MB) hides the products' 10 GB" in found.sentence


def test_a_site_that_restores_the_plan_hides_nothing() -> None:
    assert hiding_overrides(planned=PREMIUM, membership=disk(777), site=disk("10240")) == ()


def test_an_override_equal_to_the_plan_hides_nothing() -> None:
    assert hiding_overrides(planned=PREMIUM, membership=disk(10_240), site={}) == ()


def test_no_overrides_no_findings() -> None:
    assert hiding_overrides(planned=PREMIUM, membership={}, site={}) == ()
    assert hiding_overrides(planned=PREMIUM, current=BASIC, shown=BASIC) == ()


def test_an_unknown_override_is_suspected_from_what_is_shown() -> None:
    (found,) = hiding_overrides(planned=PREMIUM, current=BASIC, shown={**BASIC, **disk(777)})
    assert (found.owner, found.known) == ("membership or site", False)
    assert found.sentence == (
        "disk space: an override of the membership or site (777 MB) "
        "seems to hide the products' 10 GB"
    )


def test_what_the_known_row_accounts_for_is_not_suspected_again() -> None:
    shown = compose(plan=BASIC, membership=disk(777))
    (found,) = hiding_overrides(planned=PREMIUM, membership=disk(777), current=BASIC, shown=shown)
    assert (found.owner, found.known) == ("membership", True)


def test_beside_a_known_row_only_the_unknown_owner_is_suspected() -> None:
    shown = {**BASIC, "visits": {"enabled": True, "limit": 42}}
    (found,) = hiding_overrides(planned=PREMIUM, membership={}, current=BASIC, shown=shown)
    assert (found.owner, found.module) == ("site", "visits")


def test_a_suspected_override_equal_to_the_new_plan_hides_nothing() -> None:
    assert hiding_overrides(planned=PREMIUM, current=BASIC, shown=PREMIUM) == ()


def test_without_anything_known_nothing_is_claimed() -> None:
    assert hiding_overrides(planned=PREMIUM) == ()
    assert hiding_overrides(planned=PREMIUM, shown=BASIC) == ()
