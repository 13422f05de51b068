"""What the linter finds in products' limits (limits.md §2.1, §3.1)."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.domain.catalogue import Product, ProductType
from bridge.domain.limit_linter import Finding, Severity, lint
from bridge.domain.limits import Release

Row = dict[str, Any]


def plan(limits: Row | None, *, id: int = 1, name: str = "Basic", addons: Any = ()) -> Product:
    return Product(
        id=id,
        slug=name.lower(),
        name=name,
        type=ProductType.PLAN,
        amount=2999,
        currency="USD",
        available_addons=tuple(addons),
        limits=limits,
    )


def package(limits: Row | None, *, id: int = 9, name: str = "Extra") -> Product:
    return Product(
        id=id,
        slug=name.lower(),
        name=name,
        type=ProductType.PACKAGE,
        amount=450,
        currency="USD",
        limits=limits,
    )


def disk(limit: object, *, enabled: bool = True) -> Row:
    return {"disk_space": {"enabled": enabled, "limit": limit}}


def visits(limit: object, *, enabled: bool = True) -> Row:
    return {"visits": {"enabled": enabled, "limit": limit}}


def plugin(behavior: str, **keys: object) -> Row:
    rule = {"visibility": "visible", "behavior": behavior}
    return {"plugins": {**keys, "enabled": True, "limit": {"hello.php": rule}}}


def found(*products: Product) -> list[tuple[str, str]]:
    return [(one.code, one.message) for one in lint(products)]


def test_sound_products_have_no_findings() -> None:
    """Unlimited is "" or 0 where that means it; packages add to numbers."""
    basic = plan({**disk(1024), **visits(1000), "sites": {"enabled": True, "limit": 1}})
    premium = plan({**disk(10_240), **visits(""), "sites": {"enabled": False}}, id=2, name="Pro")
    assert found(basic, package(disk(1024))) == []
    assert found(premium, package(disk(1024))) == []


class TestOwnRows:
    @pytest.mark.parametrize(
        ("limits", "code", "message"),
        [
            (
                visits("0"),
                "zero-string",
                'Basic, visits: the text "0" is unlimited only until an add-on adds to it.',
            ),
            (
                {"post_types": {"enabled": True, "limit": {"post": {"number": "0"}}}},
                "zero-string",
                'Basic, posts: post: the text "0" is unlimited only until an add-on adds to it.',
            ),
            (
                disk(0),
                "disk-zero",
                "Basic, disk space: 0 MB blocks all uploads; it is not unlimited.",
            ),
            (
                disk("0"),
                "disk-zero",
                "Basic, disk space: 0 MB blocks all uploads; it is not unlimited.",
            ),
            (
                {"sites": {"enabled": True, "limit": ""}},
                "one-site",
                "Basic, sites: an empty limit allows one site, although the pricing table says "
                "unlimited.",
            ),
            (
                visits(1000, enabled=False),
                "blocks-while-off",
                "Basic, visits: switched off, but its 1000 visits a month still block the site.",
            ),
            (
                disk("10 GB"),
                "not-a-number",
                "Basic, disk space: '10 GB' is no number and limits nothing.",
            ),
            (None, "limits-unknown", "The limits of Basic are not known."),
        ],
    )
    def test_a_finding(self, limits: Row | None, code: str, message: str) -> None:
        assert found(plan(limits)) == [(code, message)]

    @pytest.mark.parametrize(
        "limits",
        [
            disk(0, enabled=False),
            disk(""),
            {"sites": {"enabled": False, "limit": 0}},
            visits("", enabled=False),
            {"domain_mapping": {"enabled": True, "limit": False}},
            {"of_an_addon": {"enabled": True, "limit": "0"}},
            {"plugins": {"enabled": True, "limit": []}},
        ],
    )
    def test_no_finding(self, limits: Row) -> None:
        assert found(plan(limits)) == []


class TestPlansWithAddons:
    def test_a_package_that_shrinks_a_plan(self) -> None:
        """The plan has no quota at all; the package that is to add 500 MB sets one."""
        (only,) = lint([plan(disk(None, enabled=False)), package(disk(500))])
        assert only == Finding(
            code="shrinks",
            severity=Severity.ERROR,
            product_id=9,
            module="disk_space",
            message="Extra shrinks Basic: disk space from the network's own upload setting "
            "to 500 MB.",
            advice="Leave the module out of the add-on, or give the plan the number it stands for.",
            plan_id=1,
        )

    def test_a_text_zero_shrinks_an_unlimited_plan(self) -> None:
        assert [code for code, _ in found(plan(visits("0")), package(visits(500)))] == [
            "zero-string",
            "shrinks",
        ]

    def test_a_package_without_disk_space_takes_the_plans(self) -> None:
        messages = [message for _, message in found(plan(disk(1024)), package(disk(0)))]
        assert "Extra shrinks Basic: disk space from 1 GB to uploads blocked." in messages

    def test_hiding_a_plugin_is_shrinking_where_hidden_wins(self) -> None:
        hidden = {"plugins": {"enabled": True, "limit": {"hello.php": {"visibility": "hidden"}}}}
        products = [plan(plugin("default")), package(hidden)]
        assert [one.code for one in lint(products, release=Release.V2_4_13)] == ["shrinks"]
        assert lint(products, release=Release.V2_4_12) == ()

    def test_a_package_that_resets_the_role(self) -> None:
        role = {"customer_user_role": {"enabled": True, "limit": "editor"}}
        default = {"customer_user_role": {"enabled": True, "limit": "default"}}
        assert found(plan(role), package(default)) == [
            (
                "replaces",
                "Extra replaces Basic's role of the customer: editor becomes the network's "
                "default role.",
            )
        ]

    def test_a_package_that_adds_nothing(self) -> None:
        assert found(plan(visits("")), package(visits(500))) == [
            ("no-effect", "Extra adds nothing to Basic: visits stay at unlimited.")
        ]

    def test_only_offered_addons_are_tried(self) -> None:
        basic = plan(disk(None, enabled=False), addons=[8])
        assert found(basic, package(disk(500))) == []

    def test_unknown_rows_are_not_guessed(self) -> None:
        assert [code for code, _ in found(plan(disk(50)), package(None))] == ["limits-unknown"]
        assert [code for code, _ in found(plan(None), package(disk(50)))] == ["limits-unknown"]


class TestBehaviors:
    def test_a_weaker_behavior_can_never_win(self) -> None:
        products = [
            plan(plugin("force_active", id="plugins")),
            package(plugin("force_inactive", id="plugins")),
        ]
        assert found(*products) == [
            (
                "behavior-never-wins",
                "Extra, plugins, hello.php: force_inactive can never win over the plans' own.",
            )
        ]

    def test_without_an_id_the_order_decides(self) -> None:
        products = [plan(plugin("default")), package(plugin("force_active"))]
        assert found(*products) == [
            (
                "behavior-by-order",
                "Extra, plugins, hello.php: force_active wins only when bought twice or beside "
                "another add-on.",
            )
        ]

    def test_a_stronger_behavior_wins(self) -> None:
        products = [
            plan(plugin("default", id="plugins")),
            package(plugin("force_active", id="plugins")),
        ]
        assert found(*products) == []

    def test_one_plan_where_it_wins_is_enough(self) -> None:
        products = [
            plan(plugin("force_active", id="plugins")),
            plan(plugin("default", id="plugins"), id=2, name="Pro"),
            package(plugin("force_inactive", id="plugins")),
        ]
        assert [one.code for one in lint(products)] == ["shrinks"]

    def test_the_same_behavior_is_no_rival(self) -> None:
        assert found(plan(plugin("default")), package(plugin("default"))) == []
