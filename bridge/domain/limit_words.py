"""Limits in words a person reads: "10 000 visits / month", "unlimited", "uploads blocked"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.domain.limit_modules import (
    Allowance,
    Kind,
    Path,
    Special,
    allowance,
    is_enabled,
    items,
    meaning,
    module_of,
    permission,
    template_mode,
)
from bridge.domain.php_values import is_map

_PERMISSION_WORDS = {
    "default": "up to the customer",
    "force_active": "switched on",
    "force_inactive": "switched off",
    "force_active_locked": "always on",
    "force_inactive_locked": "always off",
    "available": "available",
    "not_available": "not available",
    "pre_selected": "pre-selected",
}
_MODE_WORDS = {
    "default": "all templates",
    "assign_template": "one template is assigned",
    "choose_available_templates": "a choice of templates",
}
_SETTING_WORDS = {"enabled": {"True": "on", "False": "off"}, "mode": _MODE_WORDS}
_KIND_WORDS = {
    Kind.ROLE: {"default": "the network's default role"},
    Kind.FLAG: {"True": "may be hidden", "False": "always shown"},
}
_POST_TYPES = {"post": "posts", "page": "pages", "attachment": "media files"}
_LIMIT: Path = ("limit",)
_SINGULAR = {
    "posts": "post",
    "pages": "page",
    "media files": "media file",
    "visits": "visit",
    "sites": "site",
    "custom domains": "custom domain",
}


def words(module: str, limit: object) -> str:
    """A module's limits in words, with that module's meaning of 0, "", null and false.

    Args:
        module: The module's id, such as ``visits``.
        limit: The module's entry (``{"enabled": true, "limit": 10000}``), None when there is
            none, or the bare limit of an enabled module.
    """
    entry: object = limit
    if limit is not None and not is_map(limit):
        entry = {"enabled": True, "limit": limit}
    kind = module_of(module).kind
    if kind is Kind.COUNT:
        return allowance_words(module, allowance(module, entry))
    if kind is Kind.UNKNOWN:
        return _plain_words(module, entry)
    if kind in (Kind.ROLE, Kind.FLAG):
        return leaf_words(module, _LIMIT, meaning(module, entry)[_LIMIT])
    return _listed_words(module, entry)


def allowance_words(module: str, allowed: Allowance, item: str = "") -> str:
    """An allowance in words: "10 000 visits / month", "uploads blocked", "5 posts"."""
    if module == "disk_space" and allowed == 0:
        return "uploads blocked"
    if module == "domain_mapping" and allowed == 0:
        return "no custom domains"
    if isinstance(allowed, Special):
        return str(allowed)
    if module in ("post_types", "users") and allowed == 0:
        return "not allowed"
    if module == "disk_space":
        return disk_words(allowed)
    amount = f"{grouped(allowed)} {counted(module, allowed, item)}"
    return f"{amount} / month" if module == "visits" else amount


def leaf_words(module: str, path: Path, found: object) -> str:
    """One leaf of a module's ``meaning`` in words, where the module is already named."""
    kind = module_of(module).kind
    if found is None:
        return "nothing"
    if kind in (Kind.COUNT, Kind.SUBTYPES) and path[0] == "limit":
        return _bare_words(module, found, path)
    table = _SETTING_WORDS.get(path[0]) or _KIND_WORDS.get(kind, _PERMISSION_WORDS)
    return table.get(str(found), str(found))


def lines(limits: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each module of effective limits as (label, words), in the order it has them."""
    for module, entry in limits.items():
        yield module_of(module).label, words(module, entry)


def disk_words(megabytes: float) -> str:
    """``500 MB``, and ``10 GB`` where it is a whole number of them."""
    if megabytes >= 1024 and megabytes % 1024 == 0:
        return f"{grouped(megabytes / 1024)} GB"
    return f"{grouped(megabytes)} MB"


def grouped(number: float) -> str:
    """A number with its thousands apart: ``10 000``."""
    return f"{number:,.10g}".replace(",", " ")


def counted(module: str, number: float, item: str = "") -> str:
    """What is counted, in the singular or plural: ``posts``, ``editor users``."""
    if module == "users":
        return f"{item} user".strip() + ("" if number == 1 else "s")
    if module == "post_types":
        plural = _POST_TYPES.get(item, f"{item} entries".strip())
        if number == 1:
            return _SINGULAR.get(plural, f"{item} entry".strip())
        return plural
    plural = module_of(module).label
    return _SINGULAR.get(plural, plural) if number == 1 else plural


def _bare_words(module: str, found: object, path: Path) -> str:
    if isinstance(found, Special) or not isinstance(found, int | float):
        return str(found)
    item = path[1] if len(path) > 1 else ""
    if found == 0 or module == "disk_space":
        return allowance_words(module, found, item)
    return f"{grouped(found)} / month" if module == "visits" else grouped(found)


def _listed_words(module: str, entry: object) -> str:
    if not is_enabled(module, entry) and module not in ("plugins", "themes"):
        return "not allowed" if module == "site_templates" else "unlimited"
    listed = [_item_words(module, entry, item) for item in items(entry)]
    if module == "site_templates":
        mode = template_mode(entry)
        listed.insert(0, _MODE_WORDS.get(mode, mode))
    if listed:
        return ", ".join(listed)
    return "unlimited" if module_of(module).kind is Kind.SUBTYPES else "no rules"


def _item_words(module: str, entry: object, item: str) -> str:
    kind = module_of(module).kind
    if kind is Kind.SUBTYPES:
        allowed = allowance(module, entry, item)
        if isinstance(allowed, Special) or allowed == 0:
            return f"{counted(module, 2, item)}: {allowance_words(module, allowed, item)}"
        return allowance_words(module, allowed, item)
    if kind is Kind.TEMPLATES:
        behavior = str(meaning(module, entry)[("limit", item)])
        return f"{item}: {_PERMISSION_WORDS.get(behavior, behavior)}"
    behavior = permission(module, entry, item, "behavior")
    said = _PERMISSION_WORDS.get(behavior, behavior)
    hidden = permission(module, entry, item, "visibility") == "hidden"
    return f"{item}: {said}, hidden" if hidden else f"{item}: {said}"


def _plain_words(module: str, entry: object) -> str:
    leaves = sorted(meaning(module, entry).items())
    return ", ".join(f"{'.'.join(path)}: {found}" for path, found in leaves) or "nothing"
