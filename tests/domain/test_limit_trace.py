"""Where each limit comes from: the trace agrees with the composition and names its sources."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.limits import (
    Contribution,
    Effect,
    LimitOrigin,
    Release,
    Source,
    compose,
    explain,
)
from tests.domain.limits_rows import addon_lists, limits_rows


def visits(limit: object, *, enabled: bool = True) -> dict[str, Any]:
    return {"visits": {"enabled": enabled, "limit": limit}}


def origin(origins: tuple[LimitOrigin, ...], *path: str) -> LimitOrigin:
    (found,) = [one for one in origins if (one.module, *one.path) == path]
    return found


def test_a_sum_names_each_product_and_how_often() -> None:
    found = origin(
        explain(plan=Source("Basic", visits(1000)), addons=[Source("Extra", visits("500"), 3)]),
        "visits",
        "limit",
    )
    assert found.value == 2500
    assert found.contributions == (
        Contribution("Extra", Effect.SETS, "500"),
        Contribution("Extra", Effect.ADDS, "500", times=2),
        Contribution("Basic", Effect.ADDS, 1000),
    )
    assert found.sentence == "500 × 3 from Extra + 1000 from Basic"


def test_what_has_no_effect_is_said() -> None:
    found = origin(
        explain(plan=Source("Agency", visits("")), addons=[Source("Extra", visits(500))]),
        "visits",
        "limit",
    )
    assert found.sentence == "Agency sets '', Extra is ignored with 500"


def test_overrides_are_named_after_their_owner() -> None:
    found = origin(
        explain(plan=Source("Basic", visits(1000)), membership=visits(5), site=visits(7)),
        "visits",
        "limit",
    )
    assert found.value == 7
    assert found.sentence == (
        "Basic sets 1000, the override of the membership puts 5, the override of the site puts 7"
    )


def test_a_number_dropped_by_a_disabled_plan_is_said() -> None:
    found = origin(
        explain(
            plan=Source("Basic", visits(1000, enabled=False)),
            addons=[Source("Extra", visits(500))],
        ),
        "visits",
        "limit",
    )
    assert found.sentence == "Basic sets 1000, Extra replaces it with 500"


class TestProperties:
    @settings(max_examples=2000, deadline=None)
    @given(limits_rows, addon_lists, limits_rows, limits_rows, st.sampled_from(Release))
    def test_the_trace_ends_where_the_composition_does(
        self,
        plan: dict[str, Any],
        addons: list[tuple[dict[str, Any], int]],
        membership: dict[str, Any],
        site: dict[str, Any],
        release: Release,
    ) -> None:
        origins = explain(
            plan=Source("plan", plan),
            addons=[
                Source(f"addon {index}", row, count) for index, (row, count) in enumerate(addons)
            ],
            membership=membership,
            site=site,
            release=release,
        )
        composed = compose(
            plan=plan, addons=addons, membership=membership, site=site, release=release
        )
        rebuilt: dict[str, Any] = {}
        for one in origins:
            *parents, last = (one.module, *one.path)
            inner = rebuilt
            for key in parents:
                inner = inner.setdefault(key, {})
            inner[last] = one.value
            assert one.contributions, one
        assert repr(_sorted(rebuilt)) == repr(_sorted(composed))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return value
