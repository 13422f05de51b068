"""The customer portal and the page of an invoice: what customers do at Stripe by themselves."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

from bridge.payments.client import API_VERSION
from bridge.sandbox.stripe_server import SandboxStripe

BACK = "https://plans.example.test/account/main/memberships/1/card"


@pytest.fixture
def sandbox() -> Any:
    with SandboxStripe(account="acct_portal") as running:
        yield running


@pytest.fixture
def api(sandbox: SandboxStripe) -> Any:
    return stripe.StripeClient(
        sandbox.api_key, stripe_version=API_VERSION, base_addresses={"api": sandbox.url}
    ).v1


@pytest.fixture
def customer(api: Any) -> Any:
    made = api.customers.create({"email": "customer1@example.com"})
    method = api.payment_methods.attach("pm_card_visa", {"customer": made.id})
    api.customers.update(made.id, {"invoice_settings": {"default_payment_method": method.id}})
    return made


def visit(api: Any, customer: str, **flow: Any) -> Any:
    params: dict[str, Any] = {"customer": customer, "return_url": "https://plans.example.test/"}
    return api.billing_portal.sessions.create(params | ({"flow_data": flow} if flow else {}))


def default_of(api: Any, customer: str) -> str:
    return str(api.customers.retrieve(customer).invoice_settings.default_payment_method)


def after(url: str) -> dict[str, Any]:
    return {"type": "redirect", "redirect": {"return_url": url}}


def test_a_card_given_there_becomes_the_default(api: Any, customer: Any) -> None:
    """And leads back to where the flow says; the subscription's own method is not touched."""
    made = visit(api, customer.id, type="payment_method_update", after_completion=after(BACK))
    assert made.object == "billing_portal.session"
    assert made.id.startswith("bps_")
    before = default_of(api, customer.id)
    page = requests.get(made.url, timeout=10)
    assert "Change card" in page.text
    answer = requests.post(
        made.url,
        data={"do": "save", "card": "pm_card_visa"},
        allow_redirects=False,
        timeout=10,
    )
    assert answer.headers["location"] == BACK
    assert default_of(api, customer.id) != before


def test_leaving_it_changes_nothing(api: Any, customer: Any) -> None:
    """Without a flow it leads to the return address."""
    made = visit(api, customer.id)
    before = default_of(api, customer.id)
    answer = requests.post(made.url, data={"do": "back"}, allow_redirects=False, timeout=10)
    assert answer.headers["location"] == "https://plans.example.test/"
    assert default_of(api, customer.id) == before


def test_a_card_that_is_none_is_refused(api: Any, customer: Any) -> None:
    """What is not on the list is no card."""
    made = visit(api, customer.id, type="payment_method_update")
    before = default_of(api, customer.id)
    answer = requests.post(made.url, data={"do": "save", "card": "pm_forged"}, timeout=10)
    assert answer.status_code == 400
    assert default_of(api, customer.id) == before


@pytest.mark.parametrize(
    "params",
    [
        {"return_url": "https://plans.example.test/"},
        {"customer": "cus_unknown", "return_url": "https://plans.example.test/"},
    ],
)
def test_a_visit_needs_its_customer(api: Any, params: dict[str, Any]) -> None:
    """Missing or unknown: refused."""
    with pytest.raises(stripe.InvalidRequestError):
        api.billing_portal.sessions.create(params)


def test_an_open_invoice_is_paid_on_its_page(api: Any, customer: Any) -> None:
    """``hosted_invoice_url`` leads to a page; paid there, it is paid."""
    item = {"customer": customer.id, "amount": 1999, "currency": "usd"}
    invoice = api.invoices.create({"customer": customer.id, "auto_advance": False})
    api.invoice_items.create({**item, "invoice": invoice.id})
    open_one = api.invoices.finalize_invoice(invoice.id)
    assert "$19.99" in requests.get(open_one.hosted_invoice_url, timeout=10).text
    paid = requests.post(open_one.hosted_invoice_url, data={"card": "pm_card_visa"}, timeout=10)
    assert "This invoice is paid" in paid.text
    assert api.invoices.retrieve(invoice.id).status == "paid"
    assert "This invoice is paid" in requests.get(open_one.hosted_invoice_url, timeout=10).text


def test_the_reason_of_a_cancellation_is_kept(api: Any, customer: Any) -> None:
    """Feedback is one of Stripe's words, the comment anything; taken back, the reason goes."""
    product = api.products.create({"name": "Plan"}).id
    price = {
        "currency": "usd",
        "product": product,
        "recurring": {"interval": "month"},
        "unit_amount": 1000,
    }
    made = api.subscriptions.create({"customer": customer.id, "items": [{"price_data": price}]})
    told = {"feedback": "unused", "comment": "No time"}
    ending = api.subscriptions.update(
        made.id, {"cancel_at_period_end": True, "cancellation_details": told}
    )
    assert ending.cancellation_details.feedback == "unused"
    assert ending.cancellation_details.comment == "No time"
    assert ending.cancellation_details.reason == "cancellation_requested"
    on = api.subscriptions.update(made.id, {"cancel_at_period_end": False})
    assert on.cancellation_details.reason is None
    with pytest.raises(stripe.InvalidRequestError):
        api.subscriptions.update(made.id, {"cancellation_details": {"feedback": "bored"}})
