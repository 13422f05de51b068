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
