"""The plugin's refusal of a plan that is too small for what a site has.

Source: domain/limits.md §5, domain/plan-changes.md §4 step 5. It looks at the new plan's
own row only, at posts by type and then at custom domains, and stops at the first site
with a problem. The fair policy leaves this to `preflight`, which sees everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bridge.domain.preflight import SiteUsage
from bridge.domain.quotes import QuoteError

_LABELS = {
    "post": ("Post", "Posts"),
    "page": ("Page", "Pages"),
    "attachment": ("Media", "Media"),
    "product": ("Product", "Products"),
}
_DOMAINS = ("custom domain", "custom domains")
_TOO_MANY = (
    "Your site currently has {current} {current_label} but the new plan is limited to {limit} "
    "{limit_label}. You must {verb} {excess} {excess_label} before you can downgrade your plan."
)
_NO_DOMAINS = (
    "This new plan does NOT support custom domains. You must remove all custom domains before "
    "you can downgrade your plan."
)


def overlimit_errors(limits: Mapping[str, Any], sites: Iterable[SiteUsage]) -> list[QuoteError]:
    """Why the plan with that limits row does not fit; empty when it does."""
    for site in sites:
        found = list(_posts(limits, site))
        if not found:
            found = list(_domains(limits, site))
        if found:
            return found
    return []


def _posts(limits: Mapping[str, Any], site: SiteUsage) -> Iterator[QuoteError]:
    """Types over their number, whether or not the module or the type is enabled."""
    module = limits.get("post_types") or {}
    numbers = module.get("limit") or {}
    for slug, current in (site.posts or {}).items():
        entry = numbers.get(slug) if isinstance(numbers, Mapping) else None
        limit = _number(entry.get("number")) if isinstance(entry, Mapping) else 0
        if 0 < limit < current:
            labels = _LABELS.get(slug, (slug, slug))
            message = _too_many(current, limit, labels, verb="trash")
            counts: dict[str, str | int] = {"item": slug, "used": current, "allowed": limit}
            yield QuoteError(f"overlimits_{slug}", message, counts)


def _domains(limits: Mapping[str, Any], site: SiteUsage) -> Iterator[QuoteError]:
    """Active custom domains: a number caps them, 0 and a disabled module forbid them."""
    module = limits.get("domain_mapping")
    current = site.domains or 0
    if current == 0 or not isinstance(module, Mapping):
        return
    limit = module.get("limit")
    if not module.get("enabled", True) or limit is False or limit in (0, "0"):
        yield QuoteError("overlimits", _NO_DOMAINS, {"used": current, "allowed": 0})
    elif limit is not True and 0 < _number(limit) < current:
        message = _too_many(current, _number(limit), _DOMAINS, verb="remove")
        counts = {"used": current, "allowed": _number(limit)}
        yield QuoteError("overlimits", message, counts)


def _too_many(current: int, limit: int, labels: tuple[str, str], *, verb: str) -> str:
    excess = current - limit
    return _TOO_MANY.format(
        current=current,
        current_label=labels[current > 1],
        limit=limit,
        limit_label=labels[limit > 1],
        verb=verb,
        excess=excess,
        excess_label=labels[excess > 1],
    )


def _number(value: object) -> int:
    """A number as PHP reads one; what is none counts as 0, which is unlimited here."""
    try:
        return int(float(str(value)))
    except ValueError:
        return 0
