"""Paying with the card that Stripe keeps: no page of Stripe in between, unless it fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from bridge.sandbox.examples import FREE_ID, member
from bridge.store.networks import NetworkRepository
from tests.pages.stage import Stage, open_stage
from tests.web.customer import Customer, text_of

PREMIUM, SUPPORT = 6, 3


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("card")) as opened:
        yield opened


@pytest.fixture
def premium(stage: Stage) -> Customer:
    """Somebody who has just become a member of Premium, paying on Stripe's page."""
    number = member(stage.network.state, plan=FREE_ID, gateway="free")
    stage.sync()
    customer = Customer(stage, number)
    pay = customer.confirm(customer.keep(plan=PREMIUM)).headers["location"]
    paid = requests.post(
        pay, data={"do": "pay", "card": "pm_card_visa"}, allow_redirects=False, timeout=10
    )
    customer.wait_for(paid.headers["location"], "proven")
    return customer


def card_of(stage: Stage) -> Any:
    """The payment method that was kept last."""
    return stage.stripe.state.find("payment_method")[-1]["id"]


def test_the_card_is_charged_and_the_change_followed_at_once(premium: Customer) -> None:
    quote = premium.keep(plan=PREMIUM, addon=SUPPORT)
    answer = premium.confirm(quote)
    assert answer.headers["location"].endswith("?from=paid")
    said = text_of(premium.wait_for(answer.headers["location"], "proven"))
    assert "Premium , Priority support" in said or "Premium, Priority support" in said


def test_a_card_that_fails_says_so_and_may_be_tried_again(stage: Stage, premium: Customer) -> None:
    """Nothing is changed before it is paid."""
    stage.stripe.change_card(card_of(stage), "pm_card_chargeCustomerFail")
    answer = premium.confirm(premium.keep(plan=PREMIUM, addon=SUPPORT))
    to = answer.headers["location"]
    assert answer.status_code == 303
    page = premium.get(to)
    said = text_of(page.text)
    assert "Not paid yet" in said
    assert "Your card was not charged" in said

    invoice = premium.post(f"{to.partition('?')[0]}/pay").headers["location"]
    assert invoice.startswith(stage.stripe.url)
    requests.post(invoice, data={"do": "save", "card": "pm_card_visa"}, timeout=10)
    premium.wait_for(to, "proven")


def test_a_network_without_a_key_cannot_collect_and_says_so(stage: Stage) -> None:
    with stage.planbridge.session() as session:
        place = NetworkRepository(session, stage.planbridge.seal).get("main")
        key, place.sealed_stripe_key = place.sealed_stripe_key, ""
        session.add(place)
    try:
        customer = Customer(stage, 1)
        answer = customer.confirm(customer.keep(plan=PREMIUM))
        assert answer.headers["location"].endswith("?trouble=closed")
        said = text_of(customer.get(answer.headers["location"]).text)
        assert "Payments are not possible here at the moment." in said
    finally:
        with stage.planbridge.session() as session:
            place = NetworkRepository(session, stage.planbridge.seal).get("main")
            place.sealed_stripe_key = key
            session.add(place)


def test_the_words_in_the_address_are_ours(premium: Customer) -> None:
    """An address that somebody made up shows nothing of its own."""
    change = premium.confirm(premium.keep(plan=PREMIUM, addon=SUPPORT)).headers["location"]
    path = change.partition("?")[0]
    page = premium.get(f"{path}?trouble=Pay+to+account+12&from=<script>").text
    assert "account 12" not in page
    assert "<script>" not in page.partition("<main")[2]
