"""Overrides on a membership or site that would hide the limits of a new plan.

An override is absolute: it stays when the plan changes (``domain/limits.md`` §3.2). Before
a change is carried out the ones that would keep the customer from what he pays for are
found: from the override rows where planbridge knows them, else from what the network
shows beside what the products alone would give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.domain.limit_diff import LeafPair, subject, unequal
from bridge.domain.limit_merge import EffectiveLimits, LimitsRow, override, owned
from bridge.domain.limit_modules import Path
from bridge.domain.limit_words import leaf_words
from bridge.domain.php_values import as_map

MEMBERSHIP = "membership"
SITE = "site"


@dataclass(frozen=True, slots=True)
class HidingOverride:
    """A limit of the new plan that an override keeps from taking effect.

    ``owner`` is ``membership``, ``site``, or ``membership or site`` where only its effect
    was seen; ``known`` tells whether the override's row was. ``path`` leads to the limit
    inside the module.
    """

    owner: str
    known: bool
    module: str
    path: Path
    sentence: str


def hiding_overrides(
    *,
    planned: Mapping[str, Any],
    membership: LimitsRow | None = None,
    site: LimitsRow | None = None,
    current: Mapping[str, Any] | None = None,
    shown: Mapping[str, Any] | None = None,
) -> tuple[HidingOverride, ...]:
    """The overrides that would hide limits of the products after a change.

    Args:
        planned: Composition of the products alone, as they will be after the change.
        membership: The membership's override row; ``{}`` when it is known to have none,
            None when planbridge does not know.
        site: The same for the site.
        current: Composition of the products alone, as they are now.
        shown: What the network shows for the site now.

    ``current`` and ``shown`` together tell of overrides whose rows are not known: whatever
    the products do not account for.
    """
    rows = ((MEMBERSHIP, membership), (SITE, site))
    final, owners = _overridden(planned, rows)
    found = [
        _hiding(owners[pair.module, pair.path], pair)
        for pair in unequal(as_map(planned), final)
        if (pair.module, pair.path) in owners
    ]
    unknown = [owner for owner, row in rows if row is None]
    if unknown and current is not None and shown is not None:
        accounted, _ = _overridden(current, rows)
        found.extend(_suspected(" or ".join(unknown), accounted, as_map(shown), final))
    return tuple(found)


def suspected_overrides(
    expected: Mapping[str, Any], shown: Mapping[str, Any], owners: Mapping[tuple[str, Path], str]
) -> tuple[HidingOverride, ...]:
    """The overrides behind what a site shows instead of what is expected there.

    ``owners`` has whose it seems to be by module and path; limits without one are left out.
    """
    return tuple(
        _hiding(owners[pair.module, pair.path], pair, known=False, of="the computed")
        for pair in unequal(as_map(expected), as_map(shown))
        if (pair.module, pair.path) in owners
    )


def _overridden(
    products: Mapping[str, Any], rows: Sequence[tuple[str, LimitsRow | None]]
) -> tuple[EffectiveLimits, dict[tuple[str, Path], str]]:
    """The limits under the known rows, and which owner's row changed each leaf last."""
    limits: EffectiveLimits = owned(as_map(products))
    owners: dict[tuple[str, Path], str] = {}
    for owner, row in rows:
        before: EffectiveLimits = owned(limits)
        override(limits, row or {})
        owners.update({(pair.module, pair.path): owner for pair in unequal(before, limits)})
    return limits, owners


def _suspected(
    owner: str, accounted: EffectiveLimits, shown: Mapping[str, Any], planned: EffectiveLimits
) -> list[HidingOverride]:
    unaccounted = {(pair.module, pair.path) for pair in unequal(accounted, shown)}
    return [
        _hiding(owner, pair, known=False)
        for pair in unequal(planned, shown)
        if (pair.module, pair.path) in unaccounted
    ]


def _hiding(
    owner: str, pair: LeafPair, *, known: bool = True, of: str = "the products'"
) -> HidingOverride:
    """The left of the pair is the limit of whom ``of`` says, the right what hides it."""
    planned = leaf_words(pair.module, pair.path, pair.left)
    hides = leaf_words(pair.module, pair.path, pair.right)
    verb = "hides" if known else "seems to hide"
    sentence = (
        f"{subject(pair.module, pair.path)}: an override of the {owner} ({hides}) "
        f"{verb} {of} {planned}"
    )
    return HidingOverride(owner, known, pair.module, pair.path, sentence)
