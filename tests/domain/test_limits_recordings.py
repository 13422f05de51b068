"""A recorded network: what its products come to is what it shows for each of its sites.

The products' own rows are not shown by any REST (domain/limits.md §1), so they are learned
here from sites that have the plan with the fewest add-ons.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.limit_diff import differences
from bridge.domain.limits import compose

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
pytestmark = pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not there")

EXTRA_VISITS, EXTRA_DISK = 1, 2
ROWS: dict[int, dict[str, Any]] = {
    EXTRA_VISITS: {"visits": {"enabled": True, "limit": 10_000}},
    EXTRA_DISK: {"disk_space": {"enabled": True, "limit": 1024}},
}
FREE, PREMIUM, AGENCY = 8, 9, 14


def body(path: str) -> Any:
    return json.loads((RECORDINGS / path).read_text())["response"]["body"]


def customer_sites() -> list[dict[str, Any]]:
    return [site for site in body("site/04_list_pp100.json") if site["type"] == "customer_owned"]


def memberships() -> dict[str, dict[str, Any]]:
    return {str(row["id"]): row for row in body("membership/04_list_pp100.json")}


def addons_of(membership: Mapping[str, Any]) -> dict[int, int]:
    return {int(key): int(count) for key, count in dict(membership["addon_products"]).items()}


def plans() -> dict[int, dict[str, Any]]:
    """Each plan's own row: the limits of a site that has it, less its add-ons' numbers."""
    found: dict[int, dict[str, Any]] = {}
    known = memberships()
    for site in customer_sites():
        membership = known[str(site["membership_id"])]
        row = json.loads(json.dumps(site["limitations"]))
        for addon, count in addons_of(membership).items():
            for module, entry in ROWS[addon].items():
                if row[module]["limit"] != "":
                    row[module]["limit"] -= entry["limit"] * count
        found.setdefault(int(membership["plan_id"]), row)
    return found


def test_every_recorded_site_has_the_limits_we_compose() -> None:
    own, known, checked = plans(), memberships(), 0
    for site in customer_sites():
        membership = known[str(site["membership_id"])]
        composed = compose(
            plan=own[int(membership["plan_id"])],
            addons=[(ROWS[addon], count) for addon, count in addons_of(membership).items()],
        )
        assert composed == site["limitations"]
        checked += 1
    assert checked == 30


def test_learned_plans_are_what_the_seed_says() -> None:
    own = plans()
    assert own[FREE]["visits"]["limit"] == 1000
    assert own[PREMIUM]["visits"]["limit"] == 100_000
    assert own[AGENCY]["visits"]["limit"] == ""


def end_to_end(name: str) -> dict[str, Any]:
    return json.loads((RECORDINGS / "e2e" / f"{name}.json").read_text())


MEMBERSHIP_ROW = {
    "disk_space": {"enabled": True, "limit": 777},
    "visits": {"enabled": True, "limit": 4321},
}
SITE_ROW = {
    "disk_space": {"enabled": True, "limit": 333},
    "post_types": {"enabled": True, "limit": {"post": {"enabled": True, "number": 99}}},
}


@pytest.mark.parametrize(
    ("recording", "plan", "addons", "membership", "site"),
    [
        ("1_before_agency", AGENCY, {EXTRA_VISITS: 2, EXTRA_DISK: 1}, {}, {}),
        ("2_after_put_plan_free_before_cron", FREE, {EXTRA_VISITS: 2, EXTRA_DISK: 1}, {}, {}),
        ("4_site_meta", FREE, {EXTRA_VISITS: 2, EXTRA_DISK: 1}, {}, SITE_ROW),
        (
            "5_membership_meta_with_site_meta",
            FREE,
            {EXTRA_VISITS: 2, EXTRA_DISK: 1},
            MEMBERSHIP_ROW,
            SITE_ROW,
        ),
        ("6_membership_meta_only", FREE, {EXTRA_VISITS: 2, EXTRA_DISK: 1}, MEMBERSHIP_ROW, {}),
        (
            "7_membership_meta_garbage",
            FREE,
            {EXTRA_VISITS: 2, EXTRA_DISK: 1},
            {"disk_space": {"enabled": True, "limit": "abc"}},
            {},
        ),
        (
            "8_membership_meta_disabled",
            FREE,
            {EXTRA_VISITS: 2, EXTRA_DISK: 1},
            {"disk_space": {"enabled": False}},
            {},
        ),
        ("9_cleared", FREE, {EXTRA_VISITS: 2, EXTRA_DISK: 1}, {}, {}),
        ("10_addons", FREE, {EXTRA_VISITS: 1, EXTRA_DISK: 3}, {}, {}),
    ],
)
def test_end_to_end(
    recording: str,
    plan: int,
    addons: dict[int, int],
    membership: dict[str, Any],
    site: dict[str, Any],
) -> None:
    """What the site's own PHP saw at each step of the recorded change, value by value."""
    seen = end_to_end(recording)
    composed = compose(
        plan=plans()[plan],
        addons=[(ROWS[addon], count) for addon, count in addons.items()],
        membership=membership,
        site=site,
    )
    assert {
        "plan": plan,
        "disk_space.limit": composed["disk_space"]["limit"],
        "visits.limit": composed["visits"]["limit"],
        "sites.limit": composed["sites"]["limit"],
        "post quota": composed["post_types"]["limit"]["post"]["number"],
        "users.editor": composed["users"]["limit"]["editor"],
        "hello.php": composed["plugins"]["limit"]["hello.php"],
        "tt4": composed["themes"]["limit"]["twentytwentyfour"],
        "domain_mapping": composed["domain_mapping"],
        "hide_credits": composed["hide_credits"],
        "site_templates.mode": composed["site_templates"]["mode"],
    }.items() <= seen.items()


def test_a_site_override_written_by_rest_is_shown_as_composed() -> None:
    request = json.loads((RECORDINGS / "site/105_put_meta_limitations.json").read_text())
    row = request["request"]["body"]["meta"]["wu_limitations"]
    before = body("site/103_get_6.json")["limitations"]
    after = body("site/106_get_6_after.json")["limitations"]
    assert differences(compose(plan=before, site=row), after) == ()
    assert [one.sentence for one in differences(before, after)] == [
        "visits: expected 3 000 / month, the site shows 42 / month",
        "disk space: expected 250 MB, the site shows 555 MB",
    ]


def test_a_partial_product_row_wipes_the_rest() -> None:
    """After the write of disk space alone, the plan has nothing else left to give."""
    row = json.loads((RECORDINGS / "product/130_put_meta_limitations_partial.json").read_text())[
        "request"
    ]["body"]["meta"]["wu_limitations"]
    shown = body("site/102_get_5_after_partial.json")["limitations"]
    composed = compose(plan=row, addons=[(ROWS[EXTRA_VISITS], 3)])
    assert composed == shown
