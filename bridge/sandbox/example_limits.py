"""Limits rows of the example's products, as the plugin's admin screens save them.

Plans carry every module, packages only what they add (domain/limits.md §1, §2). Disk space
is in MB, visits are per month.
"""

from __future__ import annotations

from bridge.sandbox.forms import Json


def plan_limits(
    *,
    visits: int,
    disk_space: int,
    posts: Json,
    pages: Json,
    editors: int,
    sites: int,
    role: str,
    custom_domains: bool,
    everything: bool,
) -> dict[str, Json]:
    """A plan's whole row. ``everything`` opens the restricted plugins and themes."""
    plugin = {"visibility": "visible", "behavior": "default"}
    closed_plugin = plugin if everything else {"visibility": "hidden", "behavior": "force_inactive"}
    theme = {"visibility": "visible", "behavior": "available"}
    closed_theme = theme if everything else {"visibility": "visible", "behavior": "not_available"}
    return {
        "post_types": _counted({"post": posts, "page": pages, "attachment": ""}),
        "users": _counted({"administrator": 1, "editor": editors, "author": editors}),
        "sites": _module(sites),
        "disk_space": _module(disk_space),
        "visits": _module(visits),
        "plugins": _module({"akismet/akismet.php": plugin, "hello.php": closed_plugin}),
        "themes": _module({"twentytwentyfive": theme, "twentytwentyfour": closed_theme}),
        "site_templates": {"enabled": True, "mode": "default", "limit": None},
        "domain_mapping": {"enabled": custom_domains, "mode": "default", "limit": custom_domains},
        "customer_user_role": _module(role),
        "hide_credits": {"enabled": everything, "limit": everything},
    }


def _module(limit: Json) -> dict[str, Json]:
    return {"enabled": True, "limit": limit}


def _counted(numbers: dict[str, Json]) -> dict[str, Json]:
    return _module({name: {"enabled": True, "number": number} for name, number in numbers.items()})


FREE = plan_limits(
    visits=1000,
    disk_space=100,
    posts=5,
    pages=3,
    editors=1,
    sites=2,
    role="editor",
    custom_domains=False,
    everything=False,
)
BASIC = plan_limits(
    visits=10000,
    disk_space=1024,
    posts=50,
    pages=20,
    editors=3,
    sites=1,
    role="default",
    custom_domains=True,
    everything=False,
)
PREMIUM = plan_limits(
    visits=100000,
    disk_space=10240,
    posts="",
    pages="",
    editors=10,
    sites=5,
    role="default",
    custom_domains=True,
    everything=True,
)
UNLIMITED_VISITS = {"visits": _module(0)}
EXTRA_DISK_SPACE = {"disk_space": _module(10240)}
