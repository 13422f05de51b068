"""The terms of a network as far as its own settings tell them.

``GET /settings`` exists since 2.4.11 and shows what the operator has ever saved, which may
be very little (recordings auth/07_settings): what it does not show is left to the catalogue
file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from bridge.domain.terms import NetworkTerms, TaxMode


def terms_from_settings(settings: Mapping[str, Any], known: NetworkTerms) -> NetworkTerms:
    """What is known, with everything that the settings show put in its place."""
    terms = known
    currency = settings.get("currency_symbol")  # the ISO code, whatever its name says
    if isinstance(currency, str) and len(currency) == 3 and currency.isalpha():
        terms = replace(terms, currency=currency.upper())
    if "enable_taxes" in settings:
        terms = replace(terms, taxes=_taxes(settings))
    if "allow_trial_without_payment_method" in settings:
        allowed = _is_on(settings["allow_trial_without_payment_method"])
        terms = replace(terms, allow_trial_without_payment_method=allowed)
    return terms


def _taxes(settings: Mapping[str, Any]) -> TaxMode:
    if not _is_on(settings["enable_taxes"]):
        return TaxMode.NONE
    return TaxMode.INCLUSIVE if _is_on(settings.get("inclusive_tax")) else TaxMode.EXCLUSIVE


def _is_on(value: object) -> bool:
    return value not in (None, False, 0, "", "0", "false", "off", "no")


def terms_from_products(currencies: Collection[str], known: NetworkTerms) -> NetworkTerms:
    """What is known, in the currency that every product shows.

    A product is shown in the network's currency, whatever was saved with it
    (domain/entities.md §2.1); where products differ nothing is concluded.
    """
    shown = {currency.upper() for currency in currencies if currency}
    return replace(known, currency=shown.pop()) if len(shown) == 1 else known
