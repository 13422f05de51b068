"""What is used beside what is allowed, with each module's own meaning of 0, "" and null."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.domain.limit_modules import Special
from bridge.domain.limit_use import LimitUse, limit_uses
from bridge.domain.preflight import SiteUsage

USAGE = SiteUsage(
    5,
    posts={"post": 7, "page": 2},
    users={"editor": 1},
    disk_mb=1536,
    visits=12_000,
    domains=0,
)


def use_of(module: str, entry: dict[str, Any], usage: SiteUsage = USAGE) -> list[LimitUse]:
    return list(limit_uses({module: entry}, usage, site_count=3))


@pytest.mark.parametrize(
    ("module", "limit", "used", "words", "over"),
    [
        ("disk_space", 1024, "1 536 MB", "1 GB", True),
        ("disk_space", 2048, "1 536 MB", "2 GB", False),
        ("disk_space", 0, "1 536 MB", "uploads blocked", True),
        ("visits", 10_000, "12 000", "10 000 visits / month", True),
        ("visits", 0, "12 000", "unlimited", False),
        ("domain_mapping", 1, "0", "1 custom domain", False),
        ("sites", 3, "3", "3 sites", False),
        ("sites", 2, "3", "2 sites", True),
    ],
)
def test_a_module_that_counts_one_thing(
    module: str, limit: int, used: str, words: str, over: bool
) -> None:
    [use] = use_of(module, {"enabled": True, "limit": limit})
    assert (use.used_words, use.words, use.over) == (used, words, over)


def test_each_post_type_that_is_limited_or_used() -> None:
    limits = {"post": {"enabled": True, "number": 5}, "book": {"enabled": False, "number": ""}}
    uses = use_of("post_types", {"enabled": True, "limit": limits})
    assert [(use.item, use.used, use.words, use.over) for use in uses] == [
        ("post", 7, "5 posts", True),
        ("book", 0, "not allowed", False),
        ("page", 2, "unlimited", False),
    ]
    assert uses[2].allowed is Special.UNLIMITED


def test_users_by_role() -> None:
    limits = {"editor": {"enabled": True, "number": 1}}
    [use] = use_of("users", {"enabled": True, "limit": limits})
    assert (use.label, use.used_words, use.over) == ("editor users", "1", False)


def test_what_nobody_knows_is_neither_none_nor_over() -> None:
    limits = {"post": {"enabled": True, "number": 5}}
    [use] = use_of("post_types", {"enabled": True, "limit": limits}, SiteUsage(5))
    assert (use.used, use.used_words, use.words, use.over) == (None, "", "5 posts", False)


def test_a_module_that_counts_nothing_says_what_it_allows() -> None:
    [use] = use_of("customer_user_role", {"enabled": True, "limit": "editor"})
    assert (use.used, use.allowed, use.words, use.over) == (None, None, "editor", False)


def test_a_module_nobody_knows_is_shown() -> None:
    [use] = use_of("new_module", {"enabled": True, "limit": 3})
    assert use.module == "new_module"
    assert "3" in use.words
