"""What planbridge did not make or adopt at Stripe, it does not touch."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from bridge.payments.faults import BilledElsewhere, SeveralSubscriptions, StripeKeyMissing
from tests.payments.shop import BASIC, MEMBERSHIP, NOW, PREMIUM, Shop


def subscribe(shop: Shop, metadata: dict[str, str]) -> str:
    """A subscription as somebody else makes it."""
    customer = shop.give_card()
    product = shop.api.products.create({"name": "theirs"})
    made = shop.api.subscriptions.create(
        {
            "customer": customer,
            "metadata": metadata,
            "items": [
                {
                    "price_data": {
                        "currency": "usd",
                        "product": product.id,
                        "unit_amount": 1000,
                        "recurring": {"interval": "month"},
                    }
                }
            ],
        }
    )
    return made.id


def stripe_member(shop: Shop, subscription: str, gateway: str = "stripe") -> None:
    """The network says that its own gateway bills the membership."""
    shop.enrol(
        MEMBERSHIP,
        plan_id=BASIC,
        amount=1000,
        recurring=True,
        gateway=gateway,
        gateway_customer_id=shop.stripe_customer(),
        gateway_subscription_id=subscription,
        date_expiration=NOW + timedelta(days=20),
    )


class TestTheNetworksOwnGateway:
    @pytest.mark.parametrize("metadata", [{"membership_id": str(MEMBERSHIP)}, {}])
    def test_its_subscription_is_named_and_left_alone(
        self, shop: Shop, metadata: dict[str, str]
    ) -> None:
        """With the plugin's metadata (its own form) or without any (its checkout)."""
        theirs = subscribe(shop, metadata)
        stripe_member(shop, theirs)
        change = shop.ask(shop.quote(PREMIUM))
        shop.stripe.requests.clear()
        with pytest.raises(BilledElsewhere, match=f"{theirs}.*[Aa]dopt"):
            shop.collect(change)
        assert not shop.stripe.requests.writes()

    def test_it_is_recognised_by_its_metadata_alone(self, shop: Shop) -> None:
        """Even where the network does not know it (any more)."""
        subscribe(shop, {"membership_id": str(MEMBERSHIP)})
        with pytest.raises(BilledElsewhere):
            shop.buy(PREMIUM)

    def test_another_gateway_bills_too(self, shop: Shop) -> None:
        stripe_member(shop, "I-PAYPAL", gateway="paypal")
        with pytest.raises(BilledElsewhere, match="paypal"):
            shop.buy(PREMIUM)

    def test_a_cancelled_one_is_history(self, shop: Shop) -> None:
        theirs = subscribe(shop, {"membership_id": str(MEMBERSHIP)})
        shop.api.subscriptions.cancel(theirs)
        stripe_member(shop, theirs)
        _, collected = shop.buy(PREMIUM)
        assert collected.paid

    def test_an_adopted_one_is_ours(self, shop: Shop) -> None:
        """The metadata says so; what it is billed for changes, its id does not."""
        theirs = subscribe(
            shop,
            {
                "membership_id": str(MEMBERSHIP),
                "planbridge_network": "main",
                "planbridge_membership": str(MEMBERSHIP),
            },
        )
        stripe_member(shop, theirs)
        given, collected = shop.buy(PREMIUM)
        assert collected.how == "restart"
        assert shop.live()["id"] == theirs
        assert shop.next_bill()[0] == given.quote.next_billing_amount

    def test_another_networks_membership_of_the_same_number_is_not_ours(self, shop: Shop) -> None:
        """Several networks on one account do not mix."""
        subscribe(shop, {"planbridge_network": "other", "planbridge_membership": str(MEMBERSHIP)})
        _, collected = shop.buy(PREMIUM)
        assert collected.how == "start"

    def test_two_live_subscriptions_are_the_operators_business(self, shop: Shop) -> None:
        ours = {"planbridge_network": "main", "planbridge_membership": str(MEMBERSHIP)}
        subscribe(shop, ours)
        subscribe(shop, ours)
        with pytest.raises(SeveralSubscriptions):
            shop.buy(PREMIUM)


def test_without_a_key_nothing_is_collected(sqlite_engine: Engine) -> None:
    """The change waits for its payment as before; collecting says what is missing."""
    with Shop(sqlite_engine) as shop:
        shop.accounts.clear()
        change = shop.ask(shop.quote(PREMIUM))
        with pytest.raises(StripeKeyMissing, match="--stripe-key-file"):
            shop.collect(change)


def test_a_customer_who_is_gone_at_stripe_is_made_again(shop: Shop) -> None:
    gone = shop.give_card()
    shop.api.customers.delete(gone)
    _, collected = shop.buy(PREMIUM)
    assert collected.url
    assert shop.stripe_customer() != gone
