"""What a site uses beside what it is allowed, limit by limit, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.domain.limit_modules import Allowance, Kind, Special, allowance, items, module_of
from bridge.domain.limit_words import allowance_words, counted, disk_words, grouped, words
from bridge.domain.preflight import SiteUsage


@dataclass(frozen=True, slots=True)
class LimitUse:
    """One limit of a site; ``used`` and ``allowed`` in the units of `allowance`.

    Attributes:
        item: The post type or role, for the two modules that have them.
        used: None where nobody knows it.
        allowed: None for modules that count nothing; ``words`` says what they allow.
        words: What is allowed, for a person.
    """

    module: str
    item: str
    label: str
    used: float | None
    allowed: Allowance | None
    words: str

    @property
    def used_words(self) -> str:
        """How much is used, for a person; "" where nobody knows."""
        if self.used is None:
            return ""
        return disk_words(self.used) if self.module == "disk_space" else grouped(self.used)

    @property
    def over(self) -> bool:
        """More is used than allowed."""
        unlimited = self.allowed is None or isinstance(self.allowed, Special)
        return not unlimited and self.used is not None and self.used > float(self.allowed or 0)


def limit_uses(
    limits: Mapping[str, Any], usage: SiteUsage, *, site_count: int | None = None
) -> tuple[LimitUse, ...]:
    """Every limit in force on a site, in the order it has them.

    Args:
        limits: The site's effective limits by module.
        usage: What the site uses.
        site_count: How many sites the membership has, None where that is not known.
    """
    single = {
        "disk_space": usage.disk_mb,
        "visits": usage.visits,
        "domain_mapping": usage.domains,
        "sites": site_count,
    }
    listed = {"post_types": usage.posts, "users": usage.users}
    found: list[LimitUse] = []
    for module, entry in limits.items():
        kind = module_of(module).kind
        if kind is Kind.COUNT:
            found.append(_one(module, "", entry, single.get(module)))
        elif kind is Kind.SUBTYPES:
            found.extend(_each(module, entry, listed.get(module)))
        else:
            label = module_of(module).label
            found.append(LimitUse(module, "", label, None, None, words(module, entry)))
    return tuple(found)


def _each(module: str, entry: object, used: Mapping[str, int] | None) -> Iterator[LimitUse]:
    for item in dict.fromkeys((*items(entry), *(used or {}))):
        yield _one(module, item, entry, None if used is None else used.get(item, 0))


def _one(module: str, item: str, entry: object, used: float | None) -> LimitUse:
    allowed = allowance(module, entry, item)
    label = counted(module, 2, item) if item else module_of(module).label
    return LimitUse(module, item, label, used, allowed, allowance_words(module, allowed, item))
