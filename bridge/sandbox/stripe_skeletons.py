"""What an object of each kind has before anything is set, and how it is named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

from bridge.sandbox.stripe_errors import StripeObject
from bridge.sandbox.stripe_shapes import Shown

PREFIXES: Final[Mapping[str, str]] = {
    "billing_portal.session": "bps_",
    "charge": "ch_",
    "checkout.session": "cs_test_",
    "coupon": "",
    "customer": "cus_",
    "customer_balance_transaction": "cbtxn_",
    "discount": "di_",
    "dispute": "du_",
    "event": "evt_",
    "invoice": "in_",
    "invoice_payment": "inpay_",
    "invoiceitem": "ii_",
    "item": "li_",
    "line_item": "il_",
    "payment_intent": "pi_",
    "payment_method": "pm_",
    "price": "price_",
    "product": "prod_",
    "refund": "re_",
    "setup_intent": "seti_",
    "subscription": "sub_",
    "subscription_item": "si_",
    "subscription_schedule": "sub_sched_",
    "tax_rate": "txr_",
    "webhook_endpoint": "we_",
}
"""Stripe's ``object`` → how its ids start."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SKELETONS: Final[Mapping[str, StripeObject]] = json.loads(
    resources.files("bridge.sandbox.stripe_resources").joinpath("skeletons.json").read_text()
)


def skeleton(kind: str) -> StripeObject:
    """An object of a kind with nothing in it, all of whose fields are there."""
    made: StripeObject = copied(_SKELETONS[kind])
    return made


def make_id(kind: str, seed: str) -> str:
    """An id of a kind; the same for the same seed."""
    number = int.from_bytes(hashlib.sha256(f"{kind}/{seed}".encode()).digest())
    letters = []
    for _ in range(24):
        number, letter = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[letter])
    return PREFIXES.get(kind, "") + "".join(letters)


def copied(value: Any) -> Any:
    """A copy of JSON data that shares nothing with it, but for what is `Shown`."""
    if isinstance(value, Shown):
        return value
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [copied(each) for each in value]
    return value
