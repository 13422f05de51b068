"""Usage against the limits after a change: every site, every module, in one answer."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.domain.preflight import Policy, SiteUsage, Unchecked, preflight

FREE: dict[str, Any] = {
    "post_types": {
        "enabled": True,
        "limit": {
            "post": {"enabled": True, "number": 5},
            "page": {"enabled": True, "number": ""},
            "product": {"enabled": False, "number": 0},
        },
    },
    "users": {"enabled": True, "limit": {"editor": {"enabled": True, "number": 1}}},
    "disk_space": {"enabled": True, "limit": 1024},
    "visits": {"enabled": True, "limit": 1000},
    "sites": {"enabled": True, "limit": 1},
    "domain_mapping": {"enabled": False, "limit": False},
    "plugins": {
        "enabled": True,
        "limit": {
            "hello.php": {"visibility": "hidden", "behavior": "force_inactive"},
            "akismet/akismet.php": {"visibility": "visible", "behavior": "default"},
            "core.php": {"visibility": "hidden", "behavior": "force_active_locked"},
        },
    },
    "themes": {
        "enabled": True,
        "limit": {"twentytwentyfour": {"visibility": "visible", "behavior": "not_available"}},
    },
}

BUSY = SiteUsage(
    site_id=14,
    name="Shop",
    posts={"post": 17, "page": 99, "product": 3},
    users={"editor": 3, "subscriber": 500},
    disk_mb=3072,
    visits=2500,
    domains=2,
    plugins=["hello.php", "akismet/akismet.php", "core.php"],
    theme="twentytwentyfour",
)
IDLE = SiteUsage(
    site_id=15,
    posts={"post": 5},
    users={"editor": 1},
    disk_mb=1024,
    visits=1000,
    domains=0,
    plugins=[],
    theme="twentytwentyfive",
)


def test_everything_that_has_to_go_is_in_one_answer() -> None:
    answer = preflight(sites=[(BUSY, FREE), (IDLE, FREE)], membership=FREE, site_count=2)
    assert [one.sentence for one in answer.excesses] == [
        "The membership: 2 sites, 1 allowed: remove 1 site.",
        "Shop: 17 posts, 5 allowed: remove 12 posts.",
        "Shop: 3 product entries, 0 allowed: remove 3 product entries.",
        "Shop: 3 editor users, 1 allowed: remove 2 editor users.",
        "Shop: 3 GB used, 1 GB allowed: remove 2 GB.",
        "Shop: 2 500 visits, 1 000 allowed this month: "
        "it would be closed to visitors until the next.",
        "Shop: 2 custom domains, 0 allowed: remove 2 custom domains.",
        "Shop: the plugin hello.php is active and would be switched off.",
        "Shop: the theme twentytwentyfour would stay, but could not be chosen again.",
    ]
    assert answer.unchecked == ()
    assert answer.decision is Policy.REFUSE


def test_figures_for_a_program() -> None:
    answer = preflight(sites=[(BUSY, FREE)], membership=FREE, site_count=1)
    figures = [(one.site_id, one.module, one.item, one.remove) for one in answer.excesses]
    assert figures[:4] == [
        (14, "post_types", "post", 12),
        (14, "post_types", "product", 3),
        (14, "users", "editor", 2),
        (14, "disk_space", "", 2048),
    ]


def test_a_site_exactly_at_its_limits_is_fine() -> None:
    answer = preflight(sites=[(IDLE, FREE)], membership=FREE, site_count=1)
    assert answer.excesses == ()
    assert answer.decision is Policy.ALLOW


def test_a_started_megabyte_has_to_go() -> None:
    usage = SiteUsage(site_id=1, disk_mb=1024.25)
    answer = preflight(sites=[(usage, FREE)], membership={}, site_count=1)
    (excess,) = answer.excesses
    assert (excess.used, excess.remove) == (1024.25, 1)
    assert excess.sentence == "Site 1: 1 024.25 MB used, 1 GB allowed: remove 1 MB."


def test_addons_and_overrides_count() -> None:
    """The limits given are the effective ones, so what an override allows is no excess."""
    roomy = {**FREE, "post_types": {"enabled": True, "limit": {"post": {"number": 99}}}}
    answer = preflight(sites=[(BUSY, roomy)], membership={}, site_count=None)
    assert "post_types" not in {one.module for one in answer.excesses}


class TestPolicies:
    @pytest.mark.parametrize(
        ("usage", "decision"),
        [
            (SiteUsage(site_id=1, posts={"post": 6}), Policy.REFUSE),
            (SiteUsage(site_id=1, domains=1), Policy.REFUSE),
            (SiteUsage(site_id=1, disk_mb=2000), Policy.WARN),
            (SiteUsage(site_id=1, visits=2000), Policy.WARN),
        ],
    )
    def test_by_default_posts_and_domains_refuse(self, usage: SiteUsage, decision: Policy) -> None:
        answer = preflight(sites=[(usage, FREE)], membership={}, site_count=1)
        assert answer.decision is decision

    def test_a_network_chooses_its_own(self) -> None:
        policies = {"post_types": Policy.ALLOW, "disk_space": Policy.REFUSE}
        usage = SiteUsage(site_id=1, posts={"post": 6}, disk_mb=2000)
        answer = preflight(sites=[(usage, FREE)], membership={}, site_count=1, policies=policies)
        assert answer.decision is Policy.REFUSE
        assert [one.module for one in answer.under(Policy.REFUSE)] == ["disk_space"]
        assert [one.module for one in answer.under(Policy.ALLOW)] == ["post_types"]

    def test_what_is_allowed_lets_the_change_pass(self) -> None:
        answer = preflight(
            sites=[(SiteUsage(site_id=1, posts={"post": 6}), FREE)],
            membership={},
            site_count=1,
            policies={"post_types": Policy.ALLOW},
        )
        assert answer.decision is Policy.ALLOW
        assert len(answer.excesses) == 1


class TestUnknown:
    def test_unknown_usage_is_said_not_passed_over(self) -> None:
        answer = preflight(sites=[(SiteUsage(site_id=1), FREE)], membership=FREE, site_count=None)
        assert answer.excesses == ()
        assert [(one.site_id, one.module) for one in answer.unchecked] == [
            (None, "sites"),
            (1, "post_types"),
            (1, "users"),
            (1, "disk_space"),
            (1, "visits"),
            (1, "domain_mapping"),
            (1, "plugins"),
            (1, "themes"),
        ]

    def test_unknown_usage_of_what_is_unlimited_does_not_matter(self) -> None:
        limits = {"sites": {"enabled": False}, "visits": {"enabled": True, "limit": ""}}
        answer = preflight(
            sites=[(SiteUsage(site_id=1), limits)], membership=limits, site_count=None
        )
        assert answer.unchecked == ()

    def test_wordpress_own_quota_cannot_be_compared(self) -> None:
        limits = {"disk_space": {"enabled": True, "limit": "abc"}}
        answer = preflight(
            sites=[(SiteUsage(site_id=1, disk_mb=5000), limits)], membership={}, site_count=1
        )
        assert answer.unchecked == (
            Unchecked(1, "disk_space", "WordPress' own default quota applies"),
        )

    def test_modules_of_others_are_named(self) -> None:
        limits = {"forms": {"enabled": True, "limit": 3}}
        answer = preflight(sites=[(IDLE, limits)], membership={}, site_count=1)
        assert answer.unchecked == (
            Unchecked(15, "forms", "planbridge does not know what it counts"),
        )


def test_a_forced_theme_replaces_the_active_one() -> None:
    limits = {"themes": {"limit": {"divi": {"behavior": "force_active"}}}}
    (excess,) = preflight(sites=[(BUSY, limits)], membership={}, site_count=1).excesses
    assert excess.sentence == "Shop: the theme twentytwentyfour would be replaced by divi."


def test_no_limits_nothing_to_remove() -> None:
    """Without any limits a membership still may have one site only, as at the plugin's gate."""
    answer = preflight(sites=[(BUSY, {})], membership={}, site_count=3)
    assert [one.module for one in answer.excesses] == ["sites"]
