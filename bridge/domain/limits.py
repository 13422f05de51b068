"""The limits in force: products summed, then what the membership and the site override.

::

    site limits = OVERRIDE( OVERRIDE( SUM(products × quantity), membership row ), site row )

(``domain/limits.md`` §3.) Rows are the raw JSON that a network stores, module by module:
``{"visits": {"enabled": true, "limit": 1000}, …}``; the result has the same shape and is
what the network shows as a site's ``limitations``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bridge.domain.limit_merge import (
    EffectiveLimits,
    LimitsRow,
    Release,
    add,
    in_fold_order,
    override,
)
from bridge.domain.limit_trace import Contribution, Effect, LimitOrigin, Source, explain
from bridge.errors import InvalidInput

__all__ = [
    "Contribution",
    "Effect",
    "EffectiveLimits",
    "LimitOrigin",
    "LimitsRow",
    "Release",
    "Source",
    "UnknownRelease",
    "compose",
    "explain",
    "has_limits",
    "release_of",
]

LIMITED_SITE_TYPE = "customer_owned"

_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


class UnknownRelease(InvalidInput):
    """{version!r} is not a release of the plugin."""

    hint = "Expected a version such as 2.4.12 or 2.4.13."


def release_of(version: str) -> Release:
    """The composition rules of a plugin version such as ``2.4.7`` or ``2.4.13-beta.1``.

    Raises:
        UnknownRelease: the text does not start with a version.
    """
    match = _VERSION.match(version.strip())
    if match is None:
        raise UnknownRelease(version=version)
    numbers = tuple(int(part or 0) for part in match.groups())
    return Release.V2_4_13 if numbers >= (2, 4, 13) else Release.V2_4_12


def has_limits(site_type: str) -> bool:
    """Whether sites of this type have limits at all; the others show none (§3, 1)."""
    return site_type == LIMITED_SITE_TYPE


def compose(
    *,
    plan: LimitsRow | None,
    addons: Sequence[tuple[LimitsRow, int]] = (),
    membership: LimitsRow | None = None,
    site: LimitsRow | None = None,
    release: Release = Release.V2_4_13,
) -> EffectiveLimits:
    """The limits in force on a site, or on a membership when ``site`` is left out.

    Args:
        plan: The plan's own row; None or empty when it has none.
        addons: Each add-on's own row and its quantity, in the order of the membership's
            ``addon_products``. The order decides where the last or first value wins.
        membership: The membership's override row.
        site: The site's override row.
        release: Whose rules, see ``release_of``.

    The membership's status plays no role (§3). The result shares nothing with the rows.
    """
    effective: EffectiveLimits = {}
    for row in in_fold_order(plan if plan is not None else {}, addons):
        add(effective, row, release)
    for overriding in (membership, site):
        if overriding:
            override(effective, overriding)
    return effective
