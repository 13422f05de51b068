"""Limits in words: each module's own meaning of 0, "0", "", null and false (limits.md §2.1)."""

from __future__ import annotations

import pytest

from bridge.domain.limit_modules import MODULES, Special, allowance
from bridge.domain.limit_words import disk_words, lines, words


@pytest.mark.parametrize(
    ("module", "limit", "said"),
    [
        ("visits", 10_000, "10 000 visits / month"),
        ("visits", "1", "1 visit / month"),
        ("visits", 0, "unlimited"),
        ("visits", "0", "unlimited"),
        ("visits", "", "unlimited"),
        ("visits", "abc", "unlimited"),
        ("disk_space", 500, "500 MB"),
        ("disk_space", "10240", "10 GB"),
        ("disk_space", 1500, "1 500 MB"),
        ("disk_space", 0, "uploads blocked"),
        ("disk_space", "0", "uploads blocked"),
        ("disk_space", "", "the network's default quota"),
        ("disk_space", "abc", "the network's default quota"),
        ("sites", 3, "3 sites"),
        ("sites", 0, "1 site"),
        ("sites", "0", "1 site"),
        ("sites", "", "1 site"),
        ("domain_mapping", 2, "2 custom domains"),
        ("domain_mapping", 0, "no custom domains"),
        ("domain_mapping", "0", "no custom domains"),
        ("domain_mapping", False, "no custom domains"),
        ("domain_mapping", True, "unlimited"),
        ("domain_mapping", "", "unlimited"),
        ("customer_user_role", "editor", "editor"),
        ("customer_user_role", "", "the network's default role"),
        ("customer_user_role", "default", "the network's default role"),
        ("hide_credits", True, "may be hidden"),
        ("hide_credits", False, "always shown"),
        ("hide_credits", "0", "always shown"),
    ],
)
def test_the_limit_of_an_enabled_module(module: str, limit: object, said: str) -> None:
    assert words(module, {"enabled": True, "limit": limit}) == said
    assert words(module, limit) == said


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("visits", "unlimited"),
        ("disk_space", "the network's default quota"),
        ("sites", "1 site"),
        ("domain_mapping", "unlimited"),
        ("customer_user_role", "the network's default role"),
        ("hide_credits", "always shown"),
        ("post_types", "unlimited"),
        ("plugins", "no rules"),
        ("site_templates", "all templates"),
    ],
)
def test_null(module: str, said: str) -> None:
    assert words(module, {"enabled": True, "limit": None}) == said


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("post_types", "unlimited"),
        ("users", "unlimited"),
        ("sites", "1 site"),
        ("disk_space", "the network's own upload setting"),
        ("visits", "unlimited"),
        ("domain_mapping", "unlimited"),
        ("plugins", "no rules"),
        ("themes", "no rules"),
        ("site_templates", "all templates"),
        ("customer_user_role", "the network's default role"),
        ("hide_credits", "always shown"),
    ],
)
def test_a_module_that_no_row_names(module: str, said: str) -> None:
    assert words(module, None) == said


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("sites", "unlimited"),
        ("disk_space", "the network's own upload setting"),
        ("domain_mapping", "no custom domains"),
        ("visits", "5 visits / month"),
        ("hide_credits", "always shown"),
    ],
)
def test_a_disabled_module(module: str, said: str) -> None:
    """Visits still block: their enforcer does not look at `enabled`."""
    assert words(module, {"enabled": False, "limit": 5}) == said


def test_post_types_and_roles() -> None:
    entry = {
        "enabled": True,
        "limit": {
            "post": {"enabled": True, "number": "25"},
            "page": {"enabled": True, "number": 1},
            "attachment": {"enabled": True, "number": 0},
            "product": {"enabled": False, "number": 9},
        },
    }
    assert words("post_types", entry) == (
        "25 posts, 1 page, media files: unlimited, product entries: not allowed"
    )
    assert words("users", {"enabled": True, "limit": {"editor": {"number": 2}}}) == "2 editor users"
    assert words("post_types", {**entry, "enabled": False}) == "unlimited"
    assert allowance("post_types", entry, "never listed") is Special.UNLIMITED


def test_plugins_themes_and_templates() -> None:
    plugins = {
        "limit": {
            "a.php": {"visibility": "hidden", "behavior": "force_active_locked"},
            "b.php": {},
        }
    }
    assert words("plugins", plugins) == "a.php: always on, hidden, b.php: up to the customer"
    templates = {"mode": "assign_template", "limit": {"2": {"behavior": "pre_selected"}}}
    assert words("site_templates", templates) == "one template is assigned, 2: pre-selected"
    assert words("site_templates", {"enabled": False}) == "not allowed"


def test_modules_of_others_are_told_plainly() -> None:
    entry = {"id": "forms", "enabled": True, "limit": {"forms": "3", "tags": []}}
    assert words("forms", entry) == "enabled: True, limit.forms: 3"


def test_lines_tell_every_module() -> None:
    limits = {"visits": {"enabled": True, "limit": 5}, "other": {"limit": 1}}
    assert list(lines(limits)) == [("visits", "5 visits / month"), ("other", "limit: 1")]


@pytest.mark.parametrize(
    ("megabytes", "said"),
    [(0.5, "0.5 MB"), (1024, "1 GB"), (1074, "1 074 MB"), (2**20, "1 024 GB")],
)
def test_disk(megabytes: float, said: str) -> None:
    assert disk_words(megabytes) == said


def test_a_negative_limit_allows_none() -> None:
    assert allowance("visits", {"enabled": True, "limit": -5}) == 0


def test_only_counting_modules_have_an_allowance() -> None:
    with pytest.raises(KeyError):
        allowance("plugins", {"enabled": True, "limit": 5})


def test_every_module_of_the_plugin_is_known() -> None:
    assert len(MODULES) == 11
