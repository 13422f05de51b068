"""Events are Stripe's in shape, and signed so that Stripe's own library accepts them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from stripe import SignatureVerificationError, WebhookSignature

from bridge.sandbox.stripe_events import (
    ApiShape,
    StripeEvents,
    UnknownStripeField,
    assign,
    example,
)
from bridge.sandbox.stripe_signing import forge, sign

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECRET = "whsec_test"
ABOUT: dict[str, Any] = {
    "amount": 4900,
    "currency": "USD",
    "metadata": {"planbridge_network": "main", "planbridge_quote": "q_1"},
}
PUBLISHED = Path(__file__).parents[2].parent / "shared" / "stripe"
FILES = {
    ApiShape.LEGACY: "fixtures3-2025-02-acacia.json",
    ApiShape.CURRENT: "fixtures3-2026-07.json",
}


def events(shape: ApiShape, **options: Any) -> StripeEvents:
    return StripeEvents(clock=lambda: NOW, shape=shape, **options)


def made_by(shape: ApiShape) -> Iterator[bytes]:
    stripe = events(shape)
    yield stripe.invoice_paid(**ABOUT)
    yield stripe.invoice_paid(**ABOUT, subscription="sub_1")
    yield stripe.checkout_session_completed(**ABOUT)
    yield stripe.checkout_session_completed(**ABOUT, mode="subscription")
    yield stripe.payment_intent_succeeded(**ABOUT)


@pytest.mark.parametrize("shape", ApiShape)
def test_objects_have_no_field_that_stripe_does_not_publish(shape: ApiShape) -> None:
    """Every field of every object is in Stripe's own example of it."""
    published = json.loads((PUBLISHED / FILES[shape]).read_text())["resources"]
    for payload in made_by(shape):
        event = json.loads(payload)
        made = event["data"]["object"]
        assert event.keys() == published["event"].keys()
        assert made.keys() == published[made["object"]].keys()


def test_the_two_shapes_differ_where_stripe_moved_fields() -> None:
    """The subscription of an invoice is on the invoice before 2025, under its parent since."""
    invoices = [
        json.loads(events(shape).invoice_paid(**ABOUT, subscription="sub_1"))["data"]["object"]
        for shape in (ApiShape.LEGACY, ApiShape.CURRENT)
    ]
    legacy, current = invoices
    assert legacy["subscription"] == "sub_1"
    assert legacy["subscription_details"]["metadata"] == ABOUT["metadata"]
    assert "parent" not in legacy
    details = current["parent"]["subscription_details"]
    assert details == {"metadata": ABOUT["metadata"], "subscription": "sub_1"}
    assert "charge" not in current


@pytest.mark.parametrize("shape", ApiShape)
def test_amount_currency_and_metadata_are_where_they_belong(shape: ApiShape) -> None:
    """Amounts are in minor units, currencies in lower case."""
    invoice, _, session, _, intent = (
        json.loads(payload)["data"]["object"] for payload in made_by(shape)
    )
    assert (invoice["amount_paid"], invoice["amount_remaining"]) == (4900, 0)
    assert (session["amount_total"], session["payment_status"]) == (4900, "paid")
    assert (intent["amount_received"], intent["status"]) == (4900, "succeeded")
    for each in (invoice, session, intent):
        assert each["currency"] == "usd"
        assert each["metadata"] == ABOUT["metadata"]


def test_an_event_names_its_account_mode_and_time() -> None:
    """What an endpoint must check is in the event."""
    stripe = events(ApiShape.CURRENT, account="acct_1", livemode=True)
    event = stripe.event("customer.updated", {"object": "customer"}, created=5, event_id="evt_x")
    assert (event["account"], event["livemode"]) == ("acct_1", True)
    assert (event["created"], event["id"]) == (5, "evt_x")
    assert "account" not in events(ApiShape.CURRENT).event("customer.updated", {})


def test_ids_are_new_for_every_event_and_the_same_in_every_run() -> None:
    """Two events differ; the same calls give the same bytes."""
    first, second = (json.loads(each)["id"] for each in list(made_by(ApiShape.CURRENT))[:2])
    assert first != second
    assert list(made_by(ApiShape.LEGACY)) == list(made_by(ApiShape.LEGACY))


def test_stripe_accepts_the_signature() -> None:
    """The header passes the check of Stripe's own library."""
    payload = events(ApiShape.CURRENT).invoice_paid(**ABOUT)
    header = sign(payload, SECRET, timestamp=1_795_521_600)
    assert WebhookSignature.verify_header(payload.decode(), header, SECRET)


@pytest.mark.parametrize("wrong", ["secret", "payload", "forged"])
def test_stripe_refuses_what_was_not_signed_with_the_secret(wrong: str) -> None:
    """Another secret, another payload, a forged header."""
    payload = events(ApiShape.CURRENT).invoice_paid(**ABOUT)
    header = sign(payload, "whsec_other" if wrong == "secret" else SECRET, timestamp=1)
    if wrong == "forged":
        header = forge(payload, timestamp=1)
    told = payload + b" " if wrong == "payload" else payload
    with pytest.raises(SignatureVerificationError):
        WebhookSignature.verify_header(told.decode(), header, SECRET)


def test_a_field_that_does_not_exist_cannot_beassign() -> None:
    """A mistaken builder fails instead of inventing a field."""
    invoice = example(ApiShape.CURRENT, "invoice")
    with pytest.raises(UnknownStripeField, match="invoice has no charge"):
        assign(invoice, charge="ch_1")


def test_examples_are_copies() -> None:
    """Changing one event leaves the next one alone."""
    example(ApiShape.LEGACY, "invoice")["lines"]["data"][0]["amount"] = -1
    assert example(ApiShape.LEGACY, "invoice")["lines"]["data"][0]["amount"] == 1000
