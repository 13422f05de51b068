"""What a network itself decides about money: currency, taxes, enabled modules, policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class TaxMode(StrEnum):
    """Whether prices carry tax, and how (domain/plan-changes.md §7)."""

    NONE = "none"
    EXCLUSIVE = "exclusive"
    INCLUSIVE = "inclusive"


@dataclass(frozen=True, slots=True)
class TaxRate:
    """One tax rate of a category; ``rate`` in per cent, country ``*`` for everywhere."""

    title: str
    country: str
    rate: Decimal
    state: str = ""
    city: str = ""
    compound: bool = False


class Timing(StrEnum):
    """When a change of plan takes effect."""

    IMMEDIATE = "immediate"
    END_OF_TERM = "end_of_term"
    ILLEGAL = "illegal"


class Credit(StrEnum):
    """What a change costs within a cycle.

    ``prorated``: the unused part of the old plan is credited, and where the cycle is kept
    the new plan is charged for the rest of it. ``full_difference``: one cycle of the new
    plan less one of the old. ``none``: no credit; where the cycle is kept nothing is
    charged before its end.
    """

    PRORATED = "prorated"
    FULL_DIFFERENCE = "full_difference"
    NONE = "none"


class Anchor(StrEnum):
    """Whether an immediate change starts a new cycle or keeps the running one."""

    RESTART = "restart"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class PathRule:
    """How one may go from one plan to another; None stands for any plan."""

    timing: Timing = Timing.IMMEDIATE
    credit: Credit = Credit.PRORATED
    from_plan: int | None = None
    to_plan: int | None = None

    def matches(self, from_plan: int, to_plan: int) -> bool:
        """Whether the rule is about this path."""
        return self.from_plan in (None, from_plan) and self.to_plan in (None, to_plan)


@dataclass(frozen=True, slots=True)
class FairTerms:
    """The choices of the fair policy. ``paths`` are looked up first, the first match wins.

    ``carry_addons`` and ``carry_discount`` keep what a member has on a change of plan;
    ``keep_excess`` puts credit beyond the price into the membership's ledger;
    ``addons_recur`` makes recurring add-ons part of the recurring amount;
    ``prorate_addons`` charges one bought mid-term for the rest of the term only.
    """

    upgrade: PathRule = PathRule()
    downgrade: PathRule = PathRule(timing=Timing.END_OF_TERM)
    paths: tuple[PathRule, ...] = ()
    anchor: Anchor = Anchor.RESTART
    carry_addons: bool = True
    carry_discount: bool = True
    keep_excess: bool = True
    addons_recur: bool = True
    prorate_addons: bool = True

    def path(self, from_plan: int, to_plan: int, *, downgrade: bool) -> PathRule:
        """The rule for a change of plan."""
        for rule in self.paths:
            if rule.matches(from_plan, to_plan):
                return rule
        return self.downgrade if downgrade else self.upgrade


@dataclass(frozen=True, slots=True)
class NetworkTerms:
    """The settings of a network that prices depend on.

    ``timezone`` is the zone of the main site: the plugin's parity rules compare dates
    in it; the fair policy computes in UTC. ``minor_digits`` is how many decimals the
    integer amounts carry when that is not the currency's ISO 4217 exponent.
    """

    currency: str = "USD"
    taxes: TaxMode = TaxMode.NONE
    tax_rates: Mapping[str, tuple[TaxRate, ...]] = field(default_factory=dict)
    policy: str = "fair"
    timezone: str = "UTC"
    allow_trial_without_payment_method: bool = False
    minor_digits: int | None = None
    fair: FairTerms = FairTerms()
