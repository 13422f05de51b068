"""What the limits of each module mean (``domain/limits.md`` §2).

The same value means different things: 0 visits is unlimited, 0 MB blocks uploads, 0 sites
allows one. ``allowance`` settles the modules that count something; ``meaning`` gives what a
module comes to, leaf by leaf, so that two ways to say the same thing are equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from bridge.domain.php_values import as_map, is_map, is_numeric, to_int, to_number, truthy


class Special(StrEnum):
    """An allowance that is no number."""

    UNLIMITED = "unlimited"
    NETWORK_QUOTA = "the network's default quota"
    """Disk: the quota is enforced, at WordPress' network-wide figure."""
    NETWORK_SETTING = "the network's own upload setting"
    """Disk: the plugin stays out of it; the network may check uploads, or not."""


Allowance: TypeAlias = int | float | Special
"""How much is allowed: a number (0 is none), or ``Special``."""

Path: TypeAlias = tuple[str, ...]
"""Where a leaf is inside its module, such as ``("limit", "post")``."""


class Kind(StrEnum):
    """The shape of a module's ``limit``."""

    COUNT = "count"
    SUBTYPES = "subtypes"
    PERMISSIONS = "permissions"
    TEMPLATES = "templates"
    ROLE = "role"
    FLAG = "flag"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Module:
    """A limitation module: ``absent`` is what it comes to when no row names it (§2)."""

    id: str
    label: str
    kind: Kind
    absent: Mapping[str, Any]
    permissions: Mapping[str, str] | None = None


_OFF: Mapping[str, Any] = {"enabled": False, "limit": None}
_ON: Mapping[str, Any] = {"enabled": True, "limit": None}

MODULES: Mapping[str, Module] = {
    module.id: module
    for module in (
        Module("post_types", "posts", Kind.SUBTYPES, _OFF),
        Module("users", "users", Kind.SUBTYPES, _OFF),
        Module("sites", "sites", Kind.COUNT, _ON),
        Module("disk_space", "disk space", Kind.COUNT, _OFF),
        Module("visits", "visits", Kind.COUNT, _ON),
        Module("domain_mapping", "custom domains", Kind.COUNT, _ON),
        Module(
            "plugins",
            "plugins",
            Kind.PERMISSIONS,
            _ON,
            {"visibility": "visible", "behavior": "default"},
        ),
        Module(
            "themes",
            "themes",
            Kind.PERMISSIONS,
            _ON,
            {"visibility": "visible", "behavior": "available"},
        ),
        Module("site_templates", "site templates", Kind.TEMPLATES, _ON),
        Module("customer_user_role", "role of the customer", Kind.ROLE, _ON),
        Module("hide_credits", "footer credit", Kind.FLAG, _OFF),
    )
}
"""The plugin's own modules. Add-on plugins register more; those are of an unknown kind."""


def module_of(name: str) -> Module:
    """The module's entry; one that is not the plugin's own is of an unknown kind."""
    return MODULES.get(name) or Module(name, name, Kind.UNKNOWN, {})


def is_enabled(name: str, value: object) -> bool:
    """Whether the module's enforcement is on; ``value`` is its entry, or None when absent."""
    enabled = _entry(name, value).get("enabled")
    return True if enabled is None else truthy(enabled)


def allowance(name: str, value: object, item: str = "") -> Allowance:
    """How much a counting module allows (§2.1).

    Args:
        name: ``post_types``, ``users``, ``sites``, ``disk_space``, ``visits`` or
            ``domain_mapping``.
        value: The module's entry in effective limits, or None when there is none.
        item: The post type or role, for the two modules that have them.

    Units: posts, users, sites, MB, unique visits in a calendar month, domains.
    """
    limit, enabled = _entry(name, value).get("limit"), is_enabled(name, value)
    if name in ("post_types", "users"):
        return _subtype_allowance(as_map(limit).get(item)) if enabled else Special.UNLIMITED
    return _COUNTS[name](limit, enabled)


def items(value: object) -> dict[str, Any]:
    """What a module's ``limit`` map lists: post types, roles, plugins, themes, templates."""
    return as_map(as_map(value).get("limit"))


def permission(name: str, value: object, item: str, key: str) -> str:
    """A plugin's or theme's ``visibility`` or ``behavior``, its default when not listed."""
    found = as_map(items(value).get(item)).get(key)
    defaults = module_of(name).permissions or {}
    return defaults[key] if found is None else str(found)


def role(value: object) -> str:
    """The customer's role on his sites; ``default`` is the network's default role."""
    limit = as_map(value).get("limit")
    return str(limit) if truthy(limit) else "default"


def template_mode(value: object) -> str:
    """How site templates are offered: default, assign_template, choose_available_templates."""
    mode = as_map(value).get("mode")
    return "default" if mode is None else str(mode)


def meaning(name: str, value: object) -> dict[Path, object]:
    """What a module comes to, leaf by leaf; ``value`` None means no row names it.

    Two entries that the plugin treats alike have equal meanings once each leaf that only
    one of them lists is filled in with ``unlisted``.
    """
    return _MEANINGS[module_of(name).kind](name, value)


def unlisted(name: str, path: Path, beside: object) -> object:
    """What a leaf means that one entry does not list; ``beside`` is the other entry's."""
    module = module_of(name)
    if module.kind is Kind.SUBTYPES:
        return Special.UNLIMITED
    if module.permissions is not None:
        return module.permissions[path[-1]]
    # Of visits, `enabled` is listed only beside a number; whose lack is told by the number.
    return beside if module.kind is Kind.COUNT and path == ("enabled",) else None


def lessens(name: str, path: Path, before: object, after: object) -> bool:
    """Whether a leaf's meaning went from more to less for the customer.

    False where that cannot be told: roles, template modes, WordPress' own quotas.
    """
    kind = module_of(name).kind
    if kind in (Kind.COUNT, Kind.SUBTYPES) and path[0] == "limit":
        had, has = _amount(before), _amount(after)
        return had is not None and has is not None and has < had
    if kind is Kind.FLAG or path[0] == "enabled":
        return bool(before) and not after
    return after in _WITHHELD and before not in _WITHHELD


_WITHHELD = frozenset({"hidden", "not_available", "force_inactive", "force_inactive_locked"})


def _amount(allowed: object) -> float | None:
    if allowed in (Special.UNLIMITED, Special.NETWORK_SETTING):
        return math.inf
    return allowed if isinstance(allowed, int | float) else None


def _entry(name: str, value: object) -> Mapping[str, Any]:
    return module_of(name).absent if value is None else as_map(value)


def _subtype_allowance(item: object) -> Allowance:
    if not is_map(item):
        return Special.UNLIMITED
    entry = as_map(item)
    enabled = entry.get("enabled")
    if enabled is not None and not truthy(enabled):
        return 0
    number = to_number(entry.get("number"))
    return number if number > 0 else Special.UNLIMITED


def _sites_allowance(limit: object, enabled: bool) -> Allowance:
    if not enabled:
        return Special.UNLIMITED
    # Empty counts as 1 at the gate, whatever the pricing table prints.
    return max(to_int(limit), 0) if truthy(limit) else 1


def _disk_allowance(limit: object, enabled: bool) -> Allowance:
    if not enabled:
        return Special.NETWORK_SETTING
    return _at_least_none(limit) if is_numeric(limit) else Special.NETWORK_QUOTA


def _domains_allowance(limit: object, enabled: bool) -> Allowance:
    if not enabled or limit is False:
        return 0
    return _at_least_none(limit) if is_numeric(limit) else Special.UNLIMITED


def _visits_allowance(limit: object, _enabled: bool) -> Allowance:
    # The enforcer does not look at `enabled` (§4).
    counts = truthy(limit) and is_numeric(limit)
    return _at_least_none(limit) if counts else Special.UNLIMITED


def _at_least_none(limit: object) -> int | float:
    return max(to_number(limit), 0)


_COUNTS: Mapping[str, Callable[[object, bool], Allowance]] = {
    "sites": _sites_allowance,
    "disk_space": _disk_allowance,
    "visits": _visits_allowance,
    "domain_mapping": _domains_allowance,
}


def _count_meaning(name: str, value: object) -> dict[Path, object]:
    allowed = allowance(name, value)
    found: dict[Path, object] = {("limit",): allowed}
    if name == "visits" and allowed is not Special.UNLIMITED:
        found[("enabled",)] = is_enabled(name, value)
    if name == "domain_mapping":
        found[("mode",)] = template_mode(value)
    return found


def _subtypes_meaning(name: str, value: object) -> dict[Path, object]:
    return {("limit", item): allowance(name, value, item) for item in items(value)}


def _permissions_meaning(name: str, value: object) -> dict[Path, object]:
    return {
        ("limit", item, key): permission(name, value, item, key)
        for item in items(value)
        for key in module_of(name).permissions or ()
    }


def _role_meaning(_name: str, value: object) -> dict[Path, object]:
    return {("limit",): role(value)}


def _flag_meaning(name: str, value: object) -> dict[Path, object]:
    return {("limit",): is_enabled(name, value) and truthy(as_map(value).get("limit"))}


def _templates_meaning(name: str, value: object) -> dict[Path, object]:
    enabled, mode = is_enabled(name, value), template_mode(value)
    found: dict[Path, object] = {("enabled",): enabled, ("mode",): mode}
    for item, entry in items(value).items():
        behavior = as_map(entry).get("behavior")
        found[("limit", item)] = "available" if behavior is None else str(behavior)
    return found


def _plain_meaning(_name: str, value: object) -> dict[Path, object]:
    """Leaves of a module that planbridge does not know: numbers as numbers, no ``id``."""
    found: dict[Path, object] = {}
    pending: list[tuple[Path, object]] = [
        ((key,), item) for key, item in as_map(value).items() if key != "id"
    ]
    while pending:
        path, item = pending.pop()
        if is_map(item):
            pending.extend(((*path, key), inner) for key, inner in as_map(item).items())
        elif item is not None:
            found[path] = to_number(item) if is_numeric(item) else item
    return found


_MEANINGS: Mapping[Kind, Callable[[str, object], dict[Path, object]]] = {
    Kind.COUNT: _count_meaning,
    Kind.SUBTYPES: _subtypes_meaning,
    Kind.PERMISSIONS: _permissions_meaning,
    Kind.TEMPLATES: _templates_meaning,
    Kind.ROLE: _role_meaning,
    Kind.FLAG: _flag_meaning,
    Kind.UNKNOWN: _plain_meaning,
}
