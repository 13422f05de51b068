"""Limits in words: what is counted, how much of it is allowed, how much is used."""

from __future__ import annotations

from bridge.domain.limit_modules import Allowance, Special, module_of
from bridge.domain.limit_use import LimitUse
from bridge.web.pages.languages import Language
from bridge.web.pages.wording.records import recorded

_GB = 1024  # megabytes


def limit_label(language: Language, use: LimitUse) -> str:
    """What a limit is about, to stand before its numbers: "Posts", "Visits this month"."""
    return item_label(language, use.module, use.item)


def item_label(language: Language, module: str, item: str = "") -> str:
    """What a module counts, or one post type or role of it, as a heading."""
    _ = language.gettext
    if module == "post_types" and item:
        return _post_types(language).get(item, item)
    if module == "users" and item:
        return _("Users: %(role)s", role=_roles(language).get(item, item))
    known = {
        "post_types": _("Posts and pages"),
        "users": _("Users"),
        "sites": _("Sites"),
        "disk_space": _("Disk space"),
        "visits": _("Visits this month"),
        "domain_mapping": _("Custom domains"),
        "plugins": _("Plugins"),
        "themes": _("Themes"),
        "site_templates": _("Site templates"),
        "customer_user_role": _("Your role on your sites"),
        "hide_credits": _("Credit in the footer"),
    }
    return known.get(module, module_of(module).label)


def use_words(language: Language, use: LimitUse) -> str:
    """Used and allowed: "12 / 100", "480 MB / 1 GB", "3 / unlimited", "unlimited"."""
    if use.allowed is None:
        return recorded(language, use.words)
    allowed = allowed_words(language, use.module, use.allowed)
    if use.used is None:
        return allowed
    used = disk_words(language, use.used) if use.module == "disk_space" else None
    return f"{used or language.number(use.used)} / {allowed}"


def allowed_words(language: Language, module: str, allowed: Allowance) -> str:
    """How much is allowed, beside its label: "10,000", "10 GB", "unlimited", "none"."""
    _ = language.gettext
    if allowed is Special.UNLIMITED:
        return _("unlimited")
    if allowed is Special.NETWORK_QUOTA:
        return _("the network’s usual space")
    if allowed is Special.NETWORK_SETTING:
        return _("as the network has it")
    if allowed == 0:
        return _("none")
    amount = float(allowed)
    return disk_words(language, amount) if module == "disk_space" else language.number(allowed)


def disk_words(language: Language, megabytes: float) -> str:
    """``500 MB``, and ``10 GB`` where it is a whole number of them."""
    _ = language.gettext
    if megabytes >= _GB and megabytes % _GB == 0:
        return _("%(amount)s GB", amount=language.number(megabytes / _GB))
    return _("%(amount)s MB", amount=language.number(megabytes))


def counted_words(language: Language, module: str, count: int, item: str = "") -> str:
    """A number of what a module counts: "3 posts", "1 custom domain", "500 MB"."""
    if module == "disk_space":
        return disk_words(language, count)
    number = language.number(count)
    pair = _COUNTED.get((module, item)) or _COUNTED.get((module, "*" if item else ""))
    if pair is None:
        return f"{number} {item_label(language, module, item)}"
    name = (_roles if module == "users" else _post_types)(language).get(item, item)
    return language.ngettext(*pair, count, n=number, name=name)


# One and many of what is counted; "*" stands for any other post type or role.
_COUNTED: dict[tuple[str, str], tuple[str, str]] = {
    ("post_types", "post"): ("%(n)s post", "%(n)s posts"),
    ("post_types", "page"): ("%(n)s page", "%(n)s pages"),
    ("post_types", "attachment"): ("%(n)s media file", "%(n)s media files"),
    ("post_types", "product"): ("%(n)s product", "%(n)s products"),
    ("post_types", "*"): ("%(n)s entry of “%(name)s”", "%(n)s entries of “%(name)s”"),
    ("users", ""): ("%(n)s user", "%(n)s users"),
    ("users", "*"): ("%(n)s user with role “%(name)s”", "%(n)s users with role “%(name)s”"),
    ("sites", ""): ("%(n)s site", "%(n)s sites"),
    ("visits", ""): ("%(n)s visit", "%(n)s visits"),
    ("domain_mapping", ""): ("%(n)s custom domain", "%(n)s custom domains"),
}


def _post_types(language: Language) -> dict[str, str]:
    _ = language.gettext
    return {
        "post": _("Posts"),
        "page": _("Pages"),
        "attachment": _("Media files"),
        "product": _("Products"),
    }


def _roles(language: Language) -> dict[str, str]:
    _ = language.gettext
    return {
        "administrator": _("administrator"),
        "editor": _("editor"),
        "author": _("author"),
        "contributor": _("contributor"),
        "subscriber": _("subscriber"),
    }


def rule_words(language: Language, module: str, leaf: object) -> str:
    """What a plan says about one plugin, theme, template or switch."""
    _ = language.gettext
    if module == "hide_credits":
        return _("may be hidden") if leaf else _("always shown")
    known = {
        "None": _("nothing"),
        "default": _("as you like") if module == "plugins" else _("usual"),
        "force_active": _("switched on"),
        "force_inactive": _("switched off"),
        "force_active_locked": _("always on"),
        "force_inactive_locked": _("always off"),
        "available": _("available"),
        "not_available": _("not available"),
        "pre_selected": _("pre-selected"),
    }
    if module == "customer_user_role":
        return _roles(language).get(str(leaf), known.get(str(leaf), str(leaf)))
    return known.get(str(leaf), str(leaf))
