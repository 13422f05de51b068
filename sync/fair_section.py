"""The choices of the fair policy in a catalogue file.

::

    network:
      policy: fair
      fair:                         # every key may be left out: it stays as it is known
        anchor: restart             # or keep: an upgrade keeps the billing date
        upgrade: {timing: immediate, credit: prorated}     # credit: full_difference, none
        downgrade: {timing: end_of_term}
        paths:                      # looked up first, the first that fits decides; all of them
          - {from: free, to: premium, timing: immediate}
          - {from: premium, to: free, timing: illegal}     # left out: any plan
        carry_addons: true
        carry_discount: true
        keep_excess: true
        addons_recur: true
        prorate_addons: true
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bridge.domain.terms import Anchor, Credit, FairTerms, PathRule, Timing


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class RuleEntry(_Entry):
    """When a change takes effect, and what is taken off for the old plan."""

    timing: Timing = Timing.IMMEDIATE
    credit: Credit = Credit.PRORATED


class PathEntry(RuleEntry):
    """A rule for one path between two plans, by slug; left out means any plan."""

    from_plan: str | None = Field(default=None, alias="from")
    to_plan: str | None = Field(default=None, alias="to")


class FairSection(_Entry):
    """The fair policy's choices; see the module's example."""

    upgrade: RuleEntry | None = None
    downgrade: RuleEntry | None = None
    paths: list[PathEntry] | None = None
    anchor: Anchor | None = None
    carry_addons: bool | None = None
    carry_discount: bool | None = None
    keep_excess: bool | None = None
    addons_recur: bool | None = None
    prorate_addons: bool | None = None


_PLAIN = (
    "anchor",
    "carry_addons",
    "carry_discount",
    "keep_excess",
    "addons_recur",
    "prorate_addons",
)


def named_plans(section: FairSection) -> list[str]:
    """Every slug that the section names."""
    paths = section.paths or []
    return [slug for path in paths for slug in (path.from_plan, path.to_plan) if slug is not None]


def fair_terms(section: FairSection, known: FairTerms, ids: Mapping[str, int]) -> FairTerms:
    """The known choices with those of the file; ``ids`` has every slug that is named."""
    given: dict[str, Any] = {
        name: value for name in _PLAIN if (value := getattr(section, name)) is not None
    }
    for name in ("upgrade", "downgrade"):
        rule = getattr(section, name)
        if rule is not None:
            given[name] = PathRule(timing=rule.timing, credit=rule.credit)
    if section.paths is not None:
        given["paths"] = tuple(
            PathRule(
                timing=path.timing,
                credit=path.credit,
                from_plan=None if path.from_plan is None else ids[path.from_plan],
                to_plan=None if path.to_plan is None else ids[path.to_plan],
            )
            for path in section.paths
        )
    return replace(known, **given)


def fair_section(terms: FairTerms, slugs: Mapping[int, str]) -> FairSection:
    """The choices as a file has them; a path of a product that is gone is left out."""
    return FairSection(
        upgrade=RuleEntry(timing=terms.upgrade.timing, credit=terms.upgrade.credit),
        downgrade=RuleEntry(timing=terms.downgrade.timing, credit=terms.downgrade.credit),
        paths=[
            PathEntry(
                timing=rule.timing,
                credit=rule.credit,
                from_plan=None if rule.from_plan is None else slugs[rule.from_plan],
                to_plan=None if rule.to_plan is None else slugs[rule.to_plan],
            )
            for rule in terms.paths
            if {rule.from_plan, rule.to_plan} - {None} <= set(slugs)
        ],
        **{name: getattr(terms, name) for name in _PLAIN},
    )
