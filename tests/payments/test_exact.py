"""What Stripe is asked for: the quote to the minor unit, named everywhere, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from bridge.payments.amounts import NotChargeable, to_stripe
from bridge.store.quotes import GivenQuote
from bridge.upgrades.collecting import Collected

from .shop import BASIC, MEMBERSHIP, PREMIUM, SETUP_HELP, STORAGE, Shop


@pytest.fixture
def shop(sqlite_engine: Engine) -> Iterator[Shop]:
    with Shop(sqlite_engine) as made:
        yield made


def page_for_a_plan(shop: Shop) -> tuple[GivenQuote, Collected]:
    given, collected = shop.buy(PREMIUM)
    shop.pay_page(collected.url)
    return given, collected


def page_for_one_payment(shop: Shop) -> tuple[GivenQuote, Collected]:
    given, collected = shop.buy(SETUP_HELP)
    shop.pay_page(collected.url)
    return given, collected


def started(shop: Shop) -> tuple[GivenQuote, Collected]:
    shop.give_card()
    return shop.buy(PREMIUM)


def restarted(shop: Shop) -> tuple[GivenQuote, Collected]:
    _begin(shop, BASIC)
    shop.clock.advance(timedelta(days=10))
    return shop.buy(PREMIUM)


def invoiced(shop: Shop) -> tuple[GivenQuote, Collected]:
    _begin(shop, PREMIUM)
    shop.clock.advance(timedelta(days=10))
    return shop.buy(STORAGE)


def _begin(shop: Shop, plan: int) -> None:
    shop.give_card()
    _, collected = shop.buy(plan)
    shop.deliver()
    shop.carry_out(collected.change_id)
    shop.sweep()


WAYS = {
    "checkout_subscription": page_for_a_plan,
    "checkout_payment": page_for_one_payment,
    "start": started,
    "restart": restarted,
    "invoice": invoiced,
}


def ours(thing: Mapping[str, Any]) -> dict[str, str]:
    return {
        name.removeprefix("planbridge_"): value
        for name, value in (thing.get("metadata") or {}).items()
        if name in {f"planbridge_{each}" for each in ("network", "membership", "quote", "change")}
    }


@pytest.mark.parametrize("how", WAYS)
def test_all_that_collects_says_what_for(shop: Shop, how: str) -> None:
    """Network, membership, quote and change on session, subscription, invoice and intent."""
    given, collected = WAYS[how](shop)
    assert collected.how == how
    wanted = {
        "network": "main",
        "membership": str(MEMBERSHIP),
        "quote": given.id,
        "change": collected.change_id,
    }
    shop.deliver()
    shop.carry_out(collected.change_id)
    before = {row["id"]: ours(row) for row in shop.subscriptions()}
    shop.sweep()
    charge = shop.api.charges.list({"limit": 1}).data[0]
    assert ours(shop.api.payment_intents.retrieve(charge.payment_intent).to_dict()) == wanted
    if how.startswith("checkout"):
        (session,) = shop.api.checkout.sessions.list().data
        assert ours(session.to_dict()) == wanted
    if how != "checkout_payment":
        assert ours(shop.api.invoices.list({"limit": 1}).data[0].to_dict()) == wanted
    if how in ("checkout_subscription", "start", "restart"):
        assert wanted in before.values()


@pytest.mark.parametrize("how", WAYS)
def test_every_request_of_a_change_is_keyed_by_it(shop: Shop, how: str) -> None:
    """So that repeating it, from whichever process, does it once."""
    if how in ("restart", "invoice"):
        _begin(shop, BASIC if how == "restart" else PREMIUM)
        shop.clock.advance(timedelta(days=10))
    elif how == "start":
        shop.give_card()
    wanted = {"restart": PREMIUM, "invoice": STORAGE, "checkout_payment": SETUP_HELP}
    product = wanted.get(how, PREMIUM)
    shop.quote(product)
    shop.stripe.requests.clear()
    _, collected = shop.buy(product)
    assert collected.how == how
    keys = {
        each.path: each.idempotency_key or ""
        for each in shop.stripe.requests.writes()
        if not each.path.startswith(("/v1/products", "/v1/customers"))
    }
    assert keys
    assert all(f"planbridge/{collected.change_id}/" in key for key in keys.values()), keys


@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD", "HUF", "ISK", "UGX"])
@pytest.mark.parametrize("how", WAYS)
def test_exactly_the_quotes_sum_is_charged(sqlite_engine: Engine, how: str, currency: str) -> None:
    """In currencies with two decimals, none, three, and those that Stripe writes otherwise."""
    with Shop(sqlite_engine, currency=currency, prices=1000 if currency == "HUF" else 20) as shop:
        given, collected = WAYS[how](shop)
        assert collected.how == how
        due = to_stripe(given.quote.due_now, currency)
        assert due > 0
        newest = shop.api.charges.list({"limit": 1}).data[0]
        assert (newest.amount, newest.currency) == (due, currency.lower())
        results = shop.deliver()
        assert any("was paid by" in line and "applied" in line for line in results), results


@pytest.mark.parametrize("balance", [-700, 700])
@pytest.mark.parametrize("how", ["start", "restart", "invoice"])
def test_a_balance_at_stripe_changes_nothing_of_what_is_charged(
    shop: Shop, how: str, balance: int
) -> None:
    """An invoice would be set off against it: the customer pays on a page instead."""
    if how == "start":
        shop.give_card()
    else:
        _begin(shop, BASIC if how == "restart" else PREMIUM)
        shop.clock.advance(timedelta(days=10))
    shop.api.customers.update(shop.stripe_customer(), {"balance": balance})
    given, collected = shop.buy(STORAGE if how == "invoice" else PREMIUM)
    assert collected.how == "checkout_payment"
    shop.pay_page(collected.url)
    assert shop.api.charges.list({"limit": 1}).data[0].amount == given.quote.due_now
    shop.deliver()
    shop.carry_out(collected.change_id)
    shop.sweep()
    shop.deliver()
    assert given.quote.due_now in shop.charged()
    assert len(shop.subscriptions("active")) + len(shop.subscriptions("trialing")) == 1


def test_less_than_stripes_smallest_charge_is_refused_before_anything_is_asked(
    sqlite_engine: Engine,
) -> None:
    """Stripe would call such an invoice paid and carry the sum over; nothing was charged then."""
    with Shop(sqlite_engine, currency="HUF") as shop:
        change = shop.ask(shop.quote(PREMIUM))
        shop.stripe.requests.clear()
        with pytest.raises(NotChargeable, match=r"smallest charge is 175.00 HUF"):
            shop.collect(change)
        assert not shop.stripe.requests.writes("/checkout")
        assert not shop.stripe.requests.writes("/subscriptions")
