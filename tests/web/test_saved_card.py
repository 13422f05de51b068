"""Paying with the card that Stripe keeps: no page of Stripe in between, unless it fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from bridge.sandbox.examples import FREE_ID, member
from bridge.store.networks import NetworkRepository
from tests.pages.stage import Stage, open_stage, until
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


def refused(stage: Stage, customer: Customer, **choice: Any) -> str:
    """The page of a change whose payment the saved card refused."""
    stage.stripe.change_card(card_of(stage), "pm_card_chargeCustomerFail")
    answer = customer.confirm(customer.keep(**choice))
    assert answer.status_code == 303
    return str(answer.headers["location"]).partition("?")[0]


def attempts(stage: Stage) -> int:
    """How often the newest invoice was tried."""
    return int(stage.stripe.state.find("invoice")[-1]["attempt_count"])


@pytest.mark.parametrize("choice", [{"addon": SUPPORT}, {"period": "1-year"}])
def test_another_card_pays_what_the_saved_one_refused(
    stage: Stage, premium: Customer, choice: dict[str, Any]
) -> None:
    """It is given on Stripe's page, which leads back, and charged on ours: the same invoice,
    whether it stands alone or begins a new cycle.
    """
    to = refused(stage, premium, plan=PREMIUM, **choice)
    said = text_of(premium.get(to).text)
    assert "Your card was not charged" in said
    assert "Use another card" in said

    portal = premium.post(f"{to}/card").headers["location"]
    assert portal.startswith(stage.stripe.url)
    back = requests.post(
        portal, data={"do": "save", "card": "pm_card_visa"}, allow_redirects=False, timeout=10
    ).headers["location"]
    ours = premium.get(back).headers["location"]
    said = text_of(premium.get(ours).text)
    assert "Your new card is kept" in said
    assert "Not paid yet" in said  # nothing is charged by coming back

    invoices = len(stage.stripe.state.find("invoice"))
    paid = premium.post(f"{to}/pay").headers["location"]
    assert paid.endswith("?from=paid")
    premium.wait_for(to, "proven")
    assert len(stage.stripe.state.find("invoice")) == invoices
    assert attempts(stage) == 2


def test_the_card_that_was_refused_is_not_tried_again(stage: Stage, premium: Customer) -> None:
    """However often somebody clicks; he is told, and never left on a page of Stripe's."""
    to = refused(stage, premium, plan=PREMIUM, addon=SUPPORT)
    for _ in range(2):
        assert premium.post(f"{to}/pay").headers["location"] == f"{to}?trouble=card"
    assert attempts(stage) == 1


def test_stripes_own_page_is_offered_beside_ours(stage: Stage, premium: Customer) -> None:
    """In another tab, for a bank that asks; our page waits and goes on when it was paid."""
    to = refused(stage, premium, plan=PREMIUM, addon=SUPPORT)
    page = premium.get(to).text
    link = re.search(r'<a [^>]*href="([^"]+)"[^>]*target="_blank"', page)
    assert link is not None
    assert link[1].startswith(stage.stripe.url)
    requests.post(link[1], data={"do": "save", "card": "pm_card_visa"}, timeout=10)
    assert "Use another card" not in premium.wait_for(to, "proven")


def test_a_bank_that_asks_is_told(stage: Stage, premium: Customer) -> None:
    stage.stripe.change_card(card_of(stage), "pm_card_authenticationRequired")
    to = premium.confirm(premium.keep(plan=PREMIUM, addon=SUPPORT)).headers["location"]
    assert "Your bank wants you to confirm this payment" in text_of(premium.get(to).text)


def test_another_card_is_asked_for_only_where_one_was_refused(premium: Customer) -> None:
    paid = premium.confirm(premium.keep(plan=PREMIUM, addon=SUPPORT)).headers["location"]
    to = paid.partition("?")[0]
    premium.wait_for(to, "proven")
    assert premium.post(f"{to}/card").headers["location"] == to


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


def test_the_account_asks_once_for_what_was_refused(stage: Stage, premium: Customer) -> None:
    """The invoice of a change that waits is not a debt beside it: one way leads to both."""
    to = refused(stage, premium, plan=PREMIUM, addon=SUPPORT)
    invoice = stage.stripe.state.find("invoice")[-1]["id"]
    account = stage.account(f"memberships/{premium.membership}")

    def seen() -> bool:
        return invoice in premium.get("invoices").text

    until(seen)
    page = premium.get(account).text
    assert "A change waits for your payment" in page
    assert to in page
    assert "Open invoice" not in page
