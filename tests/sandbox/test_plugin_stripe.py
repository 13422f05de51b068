"""The stand-in network does at a stand-in Stripe what the plugin does there on a save."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import stripe

from bridge.payments.client import API_VERSION
from bridge.sandbox.examples import PREMIUM_ID
from bridge.sandbox.plugin_stripe import PluginStripe
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.stripe_server import SandboxStripe

MEMBER = 2
"""Of the sandbox's example: Basic at 19.99 a month."""


class Billed:
    """A network whose plugin bills a membership."""

    def __init__(self, network: SandboxNetwork, account: SandboxStripe) -> None:
        self.network = network
        self.api: Any = stripe.StripeClient(
            account.api_key, stripe_version=API_VERSION, base_addresses={"api": account.url}
        ).v1
        customer = self.api.customers.create({"payment_method": "pm_card_visa"}).id
        card = self.api.payment_methods.list({"customer": customer}).data[0].id
        price = {
            "currency": "usd",
            "product": self.api.products.create({"name": "Basic"}).id,
            "unit_amount": 1999,
            "recurring": {"interval": "month"},
        }
        self.subscription = self.api.subscriptions.create(
            {
                "customer": customer,
                "default_payment_method": card,
                "items": [{"price_data": price}],
            }
        ).id
        with network.state.changing():
            row = network.state.row("membership", MEMBER)
            assert row is not None
            named = {
                "gateway": "stripe",
                "gateway_customer_id": customer,
                "gateway_subscription_id": self.subscription,
            }
            network.state.save("membership", MEMBER, {**row, **named})

    def put(self, **fields: Any) -> requests.Response:
        return requests.put(
            f"{self.network.url}/wp-json/wu/v2/membership/{MEMBER}",
            json=fields,
            auth=(self.network.api_key, self.network.api_secret),
            timeout=10,
        )

    def items(self) -> list[tuple[int, int]]:
        found = self.api.subscriptions.retrieve(self.subscription)["items"].data
        return [(item.price.unit_amount, item.quantity) for item in found]

    def coupons(self) -> list[str]:
        found = self.api.subscriptions.retrieve(self.subscription, {"expand": ["discounts"]})
        return [each["source"]["coupon"] for each in found.discounts]


@pytest.fixture
def billed() -> Iterator[Billed]:
    with SandboxStripe() as account:
        plugin = PluginStripe(account.url, account.api_key)
        with SandboxNetwork(stripe=plugin) as network:
            yield Billed(network, account)


def test_another_plan_replaces_every_item_at_its_list_price(billed: Billed) -> None:
    """And what is missing to the amount is a coupon for ever, whose id all memberships share."""
    assert billed.put(plan_id=PREMIUM_ID).status_code == 200
    assert billed.items() == [(4900, 1)]
    assert billed.coupons() == ["2901-usd-forever"]


def test_an_amount_above_the_list_price_is_an_item_more(billed: Billed) -> None:
    """It is called Adjustment; a coupon that stood before is taken off."""
    billed.put(plan_id=PREMIUM_ID)
    assert billed.put(amount=60).status_code == 200
    assert billed.items() == [(4900, 1), (1100, 1)]
    assert billed.coupons() == []


def test_nothing_is_prorated_but_another_period_begins_a_cycle(billed: Billed) -> None:
    """As at Stripe itself: domain/billing-stripe.md §5."""
    billed.put(plan_id=PREMIUM_ID, amount=49)
    assert len(billed.api.invoices.list().data) == 1
    billed.put(duration_unit="year", amount=490)
    assert [row.total for row in billed.api.invoices.list().data] == [49000, 1999]


def test_dates_alone_ask_stripe_for_nothing(billed: Billed) -> None:
    """The gateway is told of products, amount and period only."""
    before = len(billed.network.state.gateway_calls)
    assert billed.put(date_expiration="2027-01-01 23:59:59").status_code == 200
    assert len(billed.network.state.gateway_calls) == before


def test_what_stripe_refuses_is_not_saved(billed: Billed) -> None:
    """An ended subscription has no price any more."""
    billed.api.subscriptions.cancel(billed.subscription)
    answer = billed.put(plan_id=PREMIUM_ID)
    assert (answer.status_code, answer.json()["code"]) == (500, "wu_stripe_update_error")
    row = billed.network.state.row("membership", MEMBER)
    assert row is not None
    assert row["plan_id"] != PREMIUM_ID


def test_another_gateway_cancels_it(billed: Billed) -> None:
    """Even twice: what is gone already stops nothing."""
    assert billed.put(gateway="manual").status_code == 200
    assert billed.api.subscriptions.retrieve(billed.subscription).status == "canceled"
    billed.put(gateway="stripe")
    assert billed.put(gateway="manual").status_code == 200
