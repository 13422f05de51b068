"""Composition of limits, rule by rule (domain/limits.md §3)."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.limits import Release, UnknownRelease, compose, has_limits, release_of
from tests.domain.limits_rows import addon_lists, limits_rows

Row = dict[str, Any]


def visits(limit: object, *, enabled: object = True) -> Row:
    return {"visits": {"enabled": enabled, "limit": limit}}


def disk(limit: object, *, enabled: object = True) -> Row:
    return {"disk_space": {"enabled": enabled, "limit": limit}}


def plugin(behavior: str, visibility: str = "visible", **keys: object) -> Row:
    rule = {"visibility": visibility, "behavior": behavior}
    return {"plugins": {**keys, "enabled": True, "limit": {"hello.php": rule}}}


class TestSum:
    def test_packages_add_quantity_times(self) -> None:
        composed = compose(plan=visits(1000), addons=[(visits(500), 2)])
        assert composed == visits(2000)

    @pytest.mark.parametrize("unlimited", ["", 0])
    def test_an_unlimited_plan_stays_unlimited(self, unlimited: object) -> None:
        assert compose(plan=visits(unlimited), addons=[(visits(500), 1)]) == visits(unlimited)

    def test_the_text_zero_is_not_recognised_as_unlimited(self) -> None:
        assert compose(plan=visits("0"), addons=[(visits(500), 1)]) == visits(500)

    def test_a_package_can_shrink_a_plan_without_quota(self) -> None:
        """A disabled module means no cap; the package enables it with its own number."""
        composed = compose(plan=disk(10_000, enabled=False), addons=[(disk(500), 1)])
        assert composed == disk(500)

    @pytest.mark.parametrize("unlimited", [0, "0", ""])
    def test_an_unlimited_package_makes_everything_unlimited(self, unlimited: object) -> None:
        assert compose(plan=visits(1000), addons=[(visits(unlimited), 1)]) == visits(unlimited)

    def test_a_fraction_below_one_counts_as_unlimited(self) -> None:
        """The plugin casts to int before it asks for zero."""
        assert compose(plan=visits(1000), addons=[(visits("0.5"), 1)]) == visits("0.5")

    def test_a_forbidden_type_is_allowed_by_a_package(self) -> None:
        plan = {"post_types": {"enabled": True, "limit": {"page": {"enabled": False, "number": 3}}}}
        addon = {
            "post_types": {"enabled": True, "limit": {"page": {"enabled": True, "number": 10}}}
        }
        composed = compose(plan=plan, addons=[(addon, 1)])
        assert composed["post_types"]["limit"]["page"] == {"enabled": True, "number": 10}

    def test_the_last_role_wins(self) -> None:
        plan = {"customer_user_role": {"enabled": True, "limit": "editor"}}
        addon = {"customer_user_role": {"enabled": True, "limit": "default"}}
        assert compose(plan=plan, addons=[(addon, 1)]) == addon

    def test_a_null_never_replaces_nor_appears(self) -> None:
        assert compose(plan=visits(1000), addons=[(visits(None), 1)]) == visits(1000)
        off = visits(1000, enabled=False)
        assert compose(plan=off, addons=[(visits(None), 1)]) == {"visits": {"enabled": True}}

    def test_a_disabled_module_is_taken_whole_when_nothing_was_there(self) -> None:
        """Its number travels along, and still blocks visits."""
        off = visits(1000, enabled=False)
        assert compose(plan=off) == off

    def test_a_disabled_package_changes_nothing(self) -> None:
        assert compose(plan=visits(1000), addons=[(visits(1, enabled=False), 3)]) == visits(1000)

    def test_true_sticks_and_false_gives_way(self) -> None:
        def mapping(limit: object) -> Row:
            return {"domain_mapping": {"enabled": True, "mode": "default", "limit": limit}}

        assert compose(plan=mapping(True), addons=[(mapping(3), 1)]) == mapping(True)
        assert compose(plan=mapping(False), addons=[(mapping(3), 1)]) == mapping(3)

    def test_unknown_modules_are_composed_by_the_same_rules(self) -> None:
        plan = {"fluent_forms": {"enabled": True, "limit": {"forms": 3, "note": "a"}}}
        addon = {"fluent_forms": {"enabled": True, "limit": {"forms": "2", "note": "b", "new": {}}}}
        assert compose(plan=plan, addons=[(addon, 1)]) == {
            "fluent_forms": {"enabled": True, "limit": {"forms": 5, "note": "b", "new": {}}}
        }


class TestPermissions:
    def test_visibility_depends_on_the_release(self) -> None:
        rows = {"plan": plugin("default"), "addons": [(plugin("default", "hidden"), 1)]}
        shown = compose(**rows, release=Release.V2_4_12)["plugins"]["limit"]["hello.php"]
        hidden = compose(**rows, release=Release.V2_4_13)["plugins"]["limit"]["hello.php"]
        assert (shown["visibility"], hidden["visibility"]) == ("visible", "hidden")

    def test_with_an_id_the_stronger_behavior_wins(self) -> None:
        plan, addon = plugin("force_inactive", id="plugins"), plugin("force_active", id="plugins")
        for pair in ((plan, addon), (addon, plan)):
            composed = compose(plan=pair[0], addons=[(pair[1], 1)])
            assert composed["plugins"]["limit"]["hello.php"]["behavior"] == "force_active"

    def test_without_an_id_the_first_merged_wins(self) -> None:
        composed = compose(plan=plugin("default"), addons=[(plugin("force_active"), 1)])
        assert composed["plugins"]["limit"]["hello.php"]["behavior"] == "default"

    def test_the_first_addon_is_merged_last(self) -> None:
        """A1, A2, P are merged as A2, P, A1; bought twice, A1 itself is merged first."""
        first, second = plugin("force_active"), plugin("force_inactive")
        behaviors = [
            compose(plan=plugin("default"), addons=addons)["plugins"]["limit"]["hello.php"][
                "behavior"
            ]
            for addons in ([(first, 1), (second, 1)], [(first, 2)], [(first, 1)])
        ]
        assert behaviors == ["force_inactive", "force_active", "default"]

    def test_an_id_keeps_plugins_enabled(self) -> None:
        plan = plugin("default", id="plugins")
        plan["plugins"]["enabled"] = False
        composed = compose(plan=plan, addons=[(plugin("force_active", id="plugins"), 1)])
        assert composed == plugin("force_active", id="plugins")

    def test_with_an_id_not_even_an_override_disables_plugins(self) -> None:
        override = plugin("default", id="plugins")
        override["plugins"]["enabled"] = False
        composed = compose(plan=plugin("force_active"), membership=override)
        assert composed == plugin("default", id="plugins")

    def test_an_unknown_behavior_loses_to_a_known_one(self) -> None:
        plan, addon = plugin("odd", id="plugins"), plugin("default", id="plugins")
        assert compose(plan=plan, addons=[(addon, 1)]) == addon
        assert compose(plan=addon, addons=[(plan, 1)]) == addon


class TestOverride:
    @pytest.mark.parametrize("value", [False, 0, "", None, "abc", 7])
    def test_every_value_of_the_row_replaces(self, value: object) -> None:
        assert compose(plan=disk(50), membership=disk(value)) == disk(value)
        assert compose(plan=disk(50), membership=disk(1), site=disk(value)) == disk(value)

    def test_what_the_row_does_not_name_is_inherited(self) -> None:
        composed = compose(plan={**disk(50), **visits(10)}, site={"disk_space": {"limit": 333}})
        assert composed == {**disk(333), **visits(10)}

    def test_disabling_keeps_the_number(self) -> None:
        assert compose(plan=disk(50), site={"disk_space": {"enabled": False}}) == disk(
            50, enabled=False
        )

    def test_enabling_again_drops_what_was_inherited(self) -> None:
        composed = compose(
            plan=disk(50, enabled=False), membership={"disk_space": {"enabled": True}}
        )
        assert composed == {"disk_space": {"enabled": True}}


class TestShapes:
    def test_php_shows_an_empty_map_as_a_list(self) -> None:
        empty: Any = []
        plan: Row = {"plugins": {"enabled": True, "limit": []}}
        composed = compose(
            plan=plan, addons=[(empty, 1), (plugin("default"), 1)], membership=empty, site=empty
        )
        assert composed == plugin("default")

    def test_nothing_at_all_is_no_limits(self) -> None:
        assert compose(plan=None) == {}

    def test_a_quantity_of_nothing_adds_nothing(self) -> None:
        assert compose(plan=visits(1), addons=[(visits(5), 0), (visits(7), -2)]) == visits(1)

    def test_only_customer_sites_have_limits(self) -> None:
        assert has_limits("customer_owned")
        assert not any(map(has_limits, ("default", "site_template", "demo", "main", "")))


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("2.4.12", Release.V2_4_12),
        ("2.4.13", Release.V2_4_13),
        ("2.4.7", Release.V2_4_12),
        ("v2.4.13-beta.1", Release.V2_4_13),
        ("2.4", Release.V2_4_12),
        ("2.15.0", Release.V2_4_13),
        ("3.0", Release.V2_4_13),
    ],
)
def test_a_version_decides_which_rules_apply(version: str, release: Release) -> None:
    assert release_of(version) is release


def test_a_text_that_is_no_version_is_refused() -> None:
    with pytest.raises(UnknownRelease, match=r"'latest' is not a release"):
        release_of("latest")


releases = st.sampled_from(Release)


class TestProperties:
    @settings(max_examples=2000, deadline=None)
    @given(limits_rows, addon_lists, limits_rows, limits_rows, releases)
    def test_rows_are_left_alone_and_not_shared(
        self, plan: Row, addons: list[tuple[Row, int]], membership: Row, site: Row, release: Release
    ) -> None:
        """Composing changes no row, and changing the result changes none either."""
        before = copy.deepcopy((plan, addons, membership, site))
        composed = compose(
            plan=plan, addons=addons, membership=membership, site=site, release=release
        )
        assert json.loads(json.dumps(composed)) == composed
        _wreck(composed)
        assert (plan, addons, membership, site) == before

    @settings(max_examples=2000, deadline=None)
    @given(limits_rows, addon_lists, releases)
    def test_empty_overrides_change_nothing(
        self, plan: Row, addons: list[tuple[Row, int]], release: Release
    ) -> None:
        composed = compose(plan=plan, addons=addons, release=release)
        again = compose(plan=plan, addons=addons, membership={}, site={}, release=release)
        assert composed == again

    @settings(max_examples=2000, deadline=None)
    @given(limits_rows, addon_lists, limits_rows, limits_rows, releases)
    def test_what_a_site_row_names_is_in_force(
        self, plan: Row, addons: list[tuple[Row, int]], membership: Row, site: Row, release: Release
    ) -> None:
        composed = compose(
            plan=plan, addons=addons, membership=membership, site=site, release=release
        )
        for path, value in _leaves(site):
            if path != ("plugins", "enabled"):  # forced on where a row has an `id`
                assert repr(_at(composed, path)) == repr(value)

    @settings(max_examples=2000, deadline=None)
    @given(limits_rows, limits_rows, st.integers(0, 4), st.integers(0, 4), releases)
    def test_equal_packages_may_be_split(
        self, plan: Row, addon: Row, left: int, right: int, release: Release
    ) -> None:
        together = compose(plan=plan, addons=[(addon, left + right)], release=release)
        split = compose(plan=plan, addons=[(addon, left), (addon, right)], release=release)
        assert together == split

    @settings(max_examples=2000, deadline=None)
    @given(
        st.integers(1, 10_000),
        st.lists(st.tuples(st.integers(1, 10_000), st.integers(0, 5)), max_size=4),
        st.randoms(use_true_random=False),
    )
    def test_numbers_are_summed_in_any_order(
        self, plan: int, addons: list[tuple[int, int]], random: Any
    ) -> None:
        shuffled = list(addons)
        random.shuffle(shuffled)
        total = plan + sum(number * quantity for number, quantity in addons)
        for order in (addons, shuffled):
            rows = [(visits(number), quantity) for number, quantity in order]
            assert compose(plan=visits(plan), addons=rows) == visits(total)


def _wreck(value: Any) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            _wreck(inner)
        value.clear()
    elif isinstance(value, list):
        value.clear()


def _leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, dict):
        return [(path, value)]
    return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, key))]


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value[key]
    return value
