"""Before a change: what the customer uses, against the limits in force after it.

The plugin checks the new plan's own row only, posts and domains only, and stops at the
first site (``domain/limits.md`` §5). Here add-ons and overrides count, every module of
every site is looked at, and one answer says what to remove and how much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias

from bridge.domain.limit_modules import MODULES, Special, allowance, items, permission
from bridge.domain.limit_words import counted, disk_words, grouped


class Policy(StrEnum):
    """What to do about a site that would be over a limit."""

    REFUSE = "refuse"
    WARN = "warn"
    ALLOW = "allow"


DEFAULT_POLICIES: Mapping[str, Policy] = {
    "post_types": Policy.REFUSE,
    "domain_mapping": Policy.REFUSE,
}
"""As the plugin: it refuses for posts and domains. Modules not named here warn."""


@dataclass(frozen=True, slots=True)
class SiteUsage:
    """What a site uses; None where it is not known, which is reported, not passed over.

    Attributes:
        posts: Published and private entries by post type; media for ``attachment``.
        users: Users by role.
        disk_mb: Megabytes uploaded.
        visits: Unique visits of the current calendar month.
        domains: Active main custom domains; sub-domains are free.
        plugins: Files of the active plugins, such as ``akismet/akismet.php``.
        theme: Stylesheet of the active theme.
    """

    site_id: int
    name: str = ""
    posts: Mapping[str, int] | None = None
    users: Mapping[str, int] | None = None
    disk_mb: float | None = None
    visits: int | None = None
    domains: int | None = None
    plugins: Sequence[str] | None = None
    theme: str | None = None


@dataclass(frozen=True, slots=True)
class Excess:
    """One thing that would be over its limit.

    ``site_id`` is None for what the whole membership shares (its number of sites).
    ``remove`` is how much has to go: entries, users, sites, domains, visits, MB (rounded
    up); for plugins and themes 1. ``sentence`` says so in words.
    """

    site_id: int | None
    module: str
    item: str
    used: float
    allowed: float
    remove: int
    sentence: str
    policy: Policy = Policy.WARN


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A limit that could not be compared, and why."""

    site_id: int | None
    module: str
    why: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """Everything that would be over a limit, on every site, and what could not be told."""

    excesses: tuple[Excess, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()

    @property
    def decision(self) -> Policy:
        """The strictest policy that any excess asks for; ``allow`` when there is none."""
        policies = {excess.policy for excess in self.excesses}
        for policy in (Policy.REFUSE, Policy.WARN):
            if policy in policies:
                return policy
        return Policy.ALLOW

    def under(self, policy: Policy) -> tuple[Excess, ...]:
        """The excesses to which a policy applies."""
        return tuple(excess for excess in self.excesses if excess.policy is policy)


def preflight(
    *,
    sites: Iterable[tuple[SiteUsage, Mapping[str, Any]]],
    membership: Mapping[str, Any],
    site_count: int | None,
    policies: Mapping[str, Policy] | None = None,
) -> Preflight:
    """Compare usage with the limits that would be in force after a change.

    Args:
        sites: Each site's usage and its effective limits after the change (``compose``
            with the new plan, the add-ons and every override).
        membership: The membership's effective limits after the change, for what all its
            sites share.
        site_count: How many sites the membership has, None when not known.
        policies: By module id, over ``DEFAULT_POLICIES``.
    """
    chosen = {**DEFAULT_POLICIES, **(policies or {})}
    found: list[Excess | Unchecked] = list(_counted(_ALL_SITES, "sites", membership, site_count))
    for usage, limits in sites:
        found.extend(_site(usage, limits))
    return Preflight(
        excesses=tuple(
            replace(item, policy=chosen.get(item.module, Policy.WARN))
            for item in found
            if isinstance(item, Excess)
        ),
        unchecked=tuple(item for item in found if isinstance(item, Unchecked)),
    )


_Found: TypeAlias = Iterator[Excess | Unchecked]


@dataclass(frozen=True, slots=True)
class _Where:
    """What a finding is about: a site, or all sites of the membership."""

    site_id: int | None
    name: str


_ALL_SITES = _Where(None, "The membership")


def _site(usage: SiteUsage, limits: Mapping[str, Any]) -> _Found:
    where = _Where(usage.site_id, usage.name or f"Site {usage.site_id}")
    yield from _subtypes(where, "post_types", limits, usage.posts)
    yield from _subtypes(where, "users", limits, usage.users)
    yield from _counted(where, "disk_space", limits, usage.disk_mb)
    yield from _counted(where, "visits", limits, usage.visits)
    yield from _counted(where, "domain_mapping", limits, usage.domains)
    yield from _plugins(where, limits.get("plugins"), usage.plugins)
    yield from _theme(where, limits.get("themes"), usage.theme)
    for module in limits:
        if module not in MODULES:
            yield Unchecked(where.site_id, module, "planbridge does not know what it counts")


def _counted(
    where: _Where, module: str, limits: Mapping[str, Any], used: float | None, item: str = ""
) -> _Found:
    allowed = allowance(module, limits.get(module), item)
    if allowed is Special.NETWORK_QUOTA:
        yield Unchecked(where.site_id, module, "WordPress' own default quota applies")
    elif isinstance(allowed, Special):
        return
    elif used is None:
        yield Unchecked(where.site_id, module, "its use is not known")
    elif used > allowed:
        excess = math.ceil(used - allowed)
        sentence = f"{where.name}: {_sentence(module, item, used, allowed)}"
        yield Excess(where.site_id, module, item, used, allowed, excess, sentence)


def _subtypes(
    where: _Where, module: str, limits: Mapping[str, Any], used: Mapping[str, int] | None
) -> _Found:
    entry = limits.get(module)
    limited = [
        item for item in items(entry) if not isinstance(allowance(module, entry, item), Special)
    ]
    if used is None:
        if limited:
            yield Unchecked(where.site_id, module, "its use is not known")
        return
    for item in limited:
        yield from _counted(where, module, limits, used.get(item, 0), item)


def _plugins(where: _Where, entry: object, active: Sequence[str] | None) -> _Found:
    withheld = [item for item in items(entry) if _is_withheld(entry, item)]
    if active is None:
        if withheld:
            yield Unchecked(where.site_id, "plugins", "the active plugins are not known")
        return
    for item in withheld:
        if item in active:
            sentence = f"{where.name}: the plugin {item} is active and would be switched off."
            yield Excess(where.site_id, "plugins", item, 1, 0, 1, sentence)


def _is_withheld(entry: object, plugin: str) -> bool:
    behavior = permission("plugins", entry, plugin, "behavior")
    if behavior.startswith("force_active"):
        return False
    hidden = permission("plugins", entry, plugin, "visibility") == "hidden"
    return hidden or behavior.startswith("force_inactive")


def _theme(where: _Where, entry: object, theme: str | None) -> _Found:
    behaviors = {item: permission("themes", entry, item, "behavior") for item in items(entry)}
    # The plugin serves the last theme that is forced.
    forced = next((item for item in reversed(behaviors) if behaviors[item] == "force_active"), None)
    if theme is None:
        if forced or "not_available" in behaviors.values():
            yield Unchecked(where.site_id, "themes", "the active theme is not known")
        return
    if forced is not None and forced != theme:
        said = f"the theme {theme} would be replaced by {forced}."
    elif behaviors.get(theme) == "not_available":
        said = f"the theme {theme} would stay, but could not be chosen again."
    else:
        return
    yield Excess(where.site_id, "themes", theme, 1, 0, 1, f"{where.name}: {said}")


def _sentence(module: str, item: str, used: float, allowed: float) -> str:
    if module == "disk_space":
        return (
            f"{disk_words(used)} used, {disk_words(allowed)} allowed: "
            f"remove {disk_words(math.ceil(used - allowed))}."
        )
    said = f"{grouped(used)} {counted(module, used, item)}, {grouped(allowed)} allowed"
    if module == "visits":
        return f"{said} this month: it would be closed to visitors until the next."
    excess = math.ceil(used - allowed)
    return f"{said}: remove {grouped(excess)} {counted(module, excess, item)}."
