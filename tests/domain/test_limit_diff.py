"""Differences of effective limits: meaning counts, representation does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings

from bridge.domain.limit_diff import LimitDifference, differences
from bridge.domain.limits import compose
from tests.domain.limits_rows import addon_lists, limits_rows

PREMIUM: dict[str, Any] = {
    "post_types": {"enabled": True, "limit": {"post": {"enabled": True, "number": 5}}},
    "plugins": {
        "enabled": True,
        "limit": {"hello.php": {"visibility": "hidden", "behavior": "force_inactive"}},
    },
    "sites": {"enabled": True, "limit": 5},
    "visits": {"enabled": True, "limit": 100_000},
    "disk_space": {"enabled": True, "limit": 10_240},
    "site_templates": {"enabled": True, "mode": "default", "limit": None},
    "domain_mapping": {"enabled": True, "mode": "default", "limit": True},
    "customer_user_role": {"enabled": True, "limit": "default"},
    "hide_credits": {"enabled": False, "limit": False},
    "forms": {"enabled": True, "limit": {"max": 7}},
}


def changed(module: str, entry: object) -> dict[str, Any]:
    return {**copy.deepcopy(PREMIUM), module: entry}


def without(module: str) -> dict[str, Any]:
    return {key: value for key, value in PREMIUM.items() if key != module}


def test_the_sentence_names_both_values() -> None:
    (found,) = differences(PREMIUM, changed("visits", {"enabled": True, "limit": 21_000}))
    assert found == LimitDifference(
        module="visits",
        path=("limit",),
        expected=100_000,
        shown=21_000,
        sentence="visits: expected 100 000 / month, the site shows 21 000 / month",
    )


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(PREMIUM, id="the same"),
        pytest.param(changed("visits", {"enabled": True, "limit": "100000"}), id="number as text"),
        pytest.param(changed("visits", {"enabled": 1, "limit": 1e5}), id="number as float"),
        pytest.param(changed("plugins", {"id": "plugins", **PREMIUM["plugins"]}), id="an id key"),
        pytest.param(
            changed("plugins", {**PREMIUM["plugins"], "enabled": False}), id="ignored enabled"
        ),
        pytest.param(without("site_templates"), id="templates in their default state"),
        pytest.param(without("customer_user_role"), id="role in its default state"),
        pytest.param(without("hide_credits"), id="credits in their default state"),
        pytest.param(without("domain_mapping"), id="domains in their default state"),
        pytest.param(
            changed("domain_mapping", {"enabled": True, "limit": None}), id="null is unlimited"
        ),
        pytest.param(changed("themes", {"enabled": True, "limit": []}), id="an empty list"),
        pytest.param(
            changed("users", {"enabled": False, "limit": {"editor": {"number": 1}}}), id="off"
        ),
        pytest.param(changed("forms", {"limit": {"max": "7"}, "enabled": True}), id="unknown"),
    ],
)
def test_representation_does_not_count(shown: dict[str, Any]) -> None:
    assert differences(PREMIUM, shown) == ()
    assert differences(shown, PREMIUM) == ()


@pytest.mark.parametrize(
    ("module", "entry", "sentence"),
    [
        ("visits", {"limit": 0}, "visits: expected 100 000 / month, the site shows unlimited"),
        (
            "visits",
            {"enabled": False, "limit": 100_000},
            "visits, enabled: expected on, the site shows off",
        ),
        ("disk_space", {"limit": 0}, "disk space: expected 10 GB, the site shows uploads blocked"),
        (
            "disk_space",
            {"limit": ""},
            "disk space: expected 10 GB, the site shows the network's default quota",
        ),
        ("sites", {"enabled": False}, "sites: expected 5, the site shows unlimited"),
        (
            "domain_mapping",
            {"limit": 0},
            "custom domains: expected unlimited, the site shows no custom domains",
        ),
        (
            "post_types",
            {"limit": {"post": {"enabled": False, "number": 5}}},
            "posts: expected 5, the site shows not allowed",
        ),
        ("post_types", {"limit": {}}, "posts: expected 5, the site shows unlimited"),
        (
            "customer_user_role",
            {"limit": "editor"},
            "role of the customer: expected the network's default role, the site shows editor",
        ),
        (
            "hide_credits",
            {"enabled": True, "limit": True},
            "footer credit: expected always shown, the site shows may be hidden",
        ),
        (
            "site_templates",
            {"mode": "assign_template"},
            "site templates, mode: expected all templates, the site shows one template is assigned",
        ),
        (
            "forms",
            {"enabled": True, "limit": {"max": 8}},
            "forms, max: expected 7, the site shows 8",
        ),
        (
            "forms",
            {"enabled": True, "limit": {"max": True}},
            "forms, max: expected 7, the site shows True",
        ),
    ],
)
def test_meaning_counts(module: str, entry: object, sentence: str) -> None:
    assert sentence in [one.sentence for one in differences(PREMIUM, changed(module, entry))]


def test_true_is_not_one() -> None:
    expected, shown = {"forms": {"limit": 1}}, {"forms": {"limit": True}}
    assert len(differences(expected, shown)) == 1


def test_plugins_differ_by_visibility_and_behavior() -> None:
    rule = {"hello.php": {"visibility": "visible", "behavior": "default"}}
    found = differences(PREMIUM, changed("plugins", {"enabled": True, "limit": rule}))
    assert [(one.path, one.expected, one.shown) for one in found] == [
        (("limit", "hello.php", "visibility"), "hidden", "visible"),
        (("limit", "hello.php", "behavior"), "force_inactive", "default"),
    ]


def test_a_site_without_any_limits_differs_everywhere_it_matters() -> None:
    """What a deleted membership leaves behind: `limitations` is an empty list."""
    nothing: Any = []
    assert {one.module for one in differences(PREMIUM, nothing)} == {
        "post_types",
        "plugins",
        "sites",
        "visits",
        "disk_space",
        "forms",
    }


def test_a_module_that_only_the_network_has_is_found() -> None:
    (found,) = differences({}, {"visits": {"enabled": True, "limit": 5}})
    assert (found.expected, found.shown) == (None, 5)


class TestProperties:
    @settings(max_examples=1000, deadline=None)
    @given(limits_rows, addon_lists)
    def test_limits_never_differ_from_themselves(
        self, plan: dict[str, Any], addons: list[tuple[dict[str, Any], int]]
    ) -> None:
        limits = compose(plan=plan, addons=addons)
        assert differences(limits, copy.deepcopy(limits)) == ()

    @settings(max_examples=1000, deadline=None)
    @given(limits_rows, limits_rows)
    def test_what_differs_one_way_differs_the_other(
        self, left: dict[str, Any], right: dict[str, Any]
    ) -> None:
        there, back = differences(left, right), differences(right, left)
        assert {(one.module, one.path) for one in there} == {(one.module, one.path) for one in back}

    @settings(max_examples=1000, deadline=None)
    @given(limits_rows)
    def test_numbers_may_be_text_and_empty_maps_lists(self, limits: dict[str, Any]) -> None:
        assert differences(limits, _as_admin_forms_store_it(limits)) == ()


def _as_admin_forms_store_it(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_admin_forms_store_it(item) for key, item in value.items()} or []
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value
