"""The terms of a network as JSON: how they are kept in ``networks.terms``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from bridge.domain.terms import NetworkTerms, TaxMode, TaxRate


def terms_to_json(terms: NetworkTerms) -> dict[str, Any]:
    """Plain JSON; tax rates as decimal text in per cent."""
    return {
        **asdict(terms),
        "taxes": terms.taxes.value,
        "tax_rates": {
            category: [{**asdict(rate), "rate": str(rate.rate)} for rate in rates]
            for category, rates in terms.tax_rates.items()
        },
    }


def terms_from_json(document: Mapping[str, Any]) -> NetworkTerms:
    """The terms again; what is missing has its default, so that ``{}`` is a new network."""
    values = {**terms_to_json(NetworkTerms()), **document}
    values["taxes"] = TaxMode(values["taxes"])
    values["tax_rates"] = {
        category: tuple(TaxRate(**{**rate, "rate": Decimal(rate["rate"])}) for rate in rates)
        for category, rates in values["tax_rates"].items()
    }
    return NetworkTerms(**values)
