"""Effective limits through a whole story, as they were measured on a running network.

``recordings/e2e`` holds what one site saw, step by step. The bodies of the writes between
the steps are those that domain/live-findings.md §3 tells of.
"""

from __future__ import annotations

import json
from typing import Any

from bridge.sandbox.releases import Release
from bridge.sandbox.server import SandboxNetwork
from tests.sandbox.conftest import Caller, MovingClock
from tests.sandbox.recordings import FOLDERS, SHARED, fill

SITE, MEMBERSHIP = 14, 16


def limits_row(**modules: Any) -> dict[str, Any]:
    return {"meta": {"wu_limitations": modules or []}}


def disk(limit: Any, *, enabled: bool = True) -> dict[str, Any]:
    return {"enabled": enabled, "limit": limit}


POSTS = {"enabled": True, "limit": {"post": {"enabled": True, "number": 99}}}
STORY: list[tuple[str, list[tuple[str, dict[str, Any]]]]] = [
    ("1_before_agency", []),
    ("2_after_put_plan_free_before_cron", [("membership", {"plan_id": 8})]),
    ("4_site_meta", [("site", limits_row(disk_space=disk(333), post_types=POSTS))]),
    (
        "5_membership_meta_with_site_meta",
        [("membership", limits_row(disk_space=disk(777), visits=disk(4321)))],
    ),
    ("6_membership_meta_only", [("site", limits_row())]),
    ("7_membership_meta_garbage", [("membership", limits_row(disk_space=disk("abc")))]),
    (
        "8_membership_meta_disabled",
        [("membership", limits_row(disk_space={"enabled": False}))],
    ),
    ("9_cleared", [("membership", limits_row())]),
    ("10_addons", [("membership", {"addon_products": {"1": 1, "2": 3}})]),
]


def seen(limits: dict[str, Any]) -> dict[str, Any]:
    """What the measurement looked at, found in a site's effective limits."""
    return {
        "disk_space.limit": limits["disk_space"].get("limit"),
        "visits.limit": limits["visits"]["limit"],
        "sites.limit": limits["sites"]["limit"],
        "post quota": limits["post_types"]["limit"]["post"]["number"],
        "users.editor": limits["users"]["limit"]["editor"],
        "hello.php": limits["plugins"]["limit"]["hello.php"],
        "tt4": limits["themes"]["limit"]["twentytwentyfour"],
        "domain_mapping": limits["domain_mapping"],
        "hide_credits": limits["hide_credits"],
        "site_templates.mode": limits["site_templates"]["mode"],
    }


def test_limits_follow_the_measured_story(clock: MovingClock) -> None:
    """Plan change, overrides of both levels, garbage, a disabled module, other add-ons."""
    with SandboxNetwork(example=fill, clock=clock) as network:
        call = Caller(network)
        for step, writes in STORY:
            for entity, body in writes:
                clock.advance()
                call.put(f"{entity}/{SITE if entity == 'site' else MEMBERSHIP}", body)
            measured = json.loads(
                (SHARED / FOLDERS[Release.HEAD] / "e2e" / f"{step}.json").read_text()
            )
            shown = seen(call.get(f"site/{SITE}")["limitations"])
            assert shown == {name: measured[name] for name in shown}, step
