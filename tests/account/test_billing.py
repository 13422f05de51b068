"""Payments, the card, cancelling and going on after all: at Stripe and on the network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import stripe
from sqlmodel import Session, select

from bridge.payments.cards import Card
from bridge.payments.client import API_VERSION, StripeAccount
from bridge.store.cancellations import CancellationRepository
from bridge.store.networks import NetworkRepository
from bridge.store.readers import membership_record
from bridge.store.tables import AuditEntry, Cancellation
from bridge.upgrades.cancelling import Cancelling
from bridge.upgrades.orders import Orders
from bridge.web.account.card import card_line, card_words
from bridge.web.pages.languages import language
from tests.account.visitor import Browser
from tests.pages.stage import NETWORK, Stage, until

PAYING, MANUAL, PLUGINS, UNPAID = 1, 2, 3, 5
HERE = f"/account/{NETWORK}/memberships/{PAYING}"
NOBODY = "http://127.0.0.1:9"
REASON = {"reason": "too_expensive", "comment": "Nothing against you"}


@pytest.fixture(scope="module")
def paying(stage: Stage) -> Browser:
    """Customer 1, who has bought Premium through Stripe."""
    stage.buy(PAYING, "premium")
    return Browser(stage, PAYING)


def api(stage: Stage) -> Any:
    """Stripe, by its own package."""
    return stripe.StripeClient(
        stage.stripe.api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": stage.stripe.url},
    ).v1


def subscription(stage: Stage) -> Any:
    """The one that planbridge made for the paying membership."""
    found = [
        row
        for row in api(stage).subscriptions.list({"limit": 100}).data
        if row.metadata.to_dict().get("planbridge_membership") == str(PAYING)
    ]
    assert len(found) == 1
    return found[0]


def audited(stage: Stage, membership: int) -> list[str]:
    with Session(stage.planbridge.engine) as session:
        rows = session.exec(
            select(AuditEntry).where(AuditEntry.membership_id == membership).order_by(AuditEntry.id)
        )
        return [row.action for row in rows]


def card_said(visitor: Browser, membership: int = PAYING) -> str:
    """What the line about the card says."""
    answer = visitor.get(f"memberships/{membership}/card/summary", headers={"HX-Request": "true"})
    assert answer.status_code == 200, answer.text
    assert "<html" not in answer.text
    return re.sub(r"<[^>]+>", "", answer.text).strip()


@contextmanager
def stripe_key(stage: Stage, key: str) -> Iterator[None]:
    """For a while the network has another key on record; "" for none."""
    with stage.planbridge.session() as session:
        place = NetworkRepository(session, stage.planbridge.seal).get(NETWORK)
        sealed = place.sealed_stripe_key
        place.sealed_stripe_key = stage.planbridge.seal.seal(key) if key else ""
        session.add(place)
    try:
        yield
    finally:
        with stage.planbridge.session() as session:
            place = NetworkRepository(session, stage.planbridge.seal).get(NETWORK)
            place.sealed_stripe_key = sealed
            session.add(place)


def test_what_was_paid_is_listed_with_its_invoice(stage: Stage, paying: Browser) -> None:
    """The payment of the change, once, with the way to Stripe's invoice of it."""
    page = paying.get(f"memberships/{PAYING}/invoices").text
    assert page.count("$49.00") == 1
    assert page.count("/invoices/in_") == 1
    invoice = page.split(f"{HERE}/invoices/")[1].split('"')[0]
    answer = paying.get(f"memberships/{PAYING}/invoices/{invoice}")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{stage.stripe.url}/i/{invoice}"
    stage.sync()  # the network's own booking of it is the same payment
    again = paying.get(f"memberships/{PAYING}/invoices").text
    assert again.count("$49.00") == 1
    assert again.count("/invoices/in_") == 1


def test_an_invoice_that_is_not_known_to_be_his_is_not_asked_for(
    stage: Stage, paying: Browser
) -> None:
    """A made-up id: 404, and Stripe is not asked."""
    assert paying.get(f"memberships/{PAYING}/invoices/in_made_up").status_code == 404
    asked = [request.path for request in stage.stripe.requests]
    assert "/v1/invoices/in_made_up" not in asked


def test_the_new_card_is_billed(stage: Stage, paying: Browser) -> None:
    """Stripe's portal asks for a card; on the way back the subscription takes it over."""
    before = subscription(stage).default_payment_method
    answer = paying.post(f"memberships/{PAYING}/card")
    assert answer.status_code == 303
    portal = answer.headers["location"]
    assert portal.startswith(f"{stage.stripe.url}/p/session/")
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    back = paying.http.post(
        portal, data={"do": "save", "card": "pm_card_visa"}, allow_redirects=False, timeout=30
    ).headers["location"]
    assert back == f"{stage.url}{HERE}/card"
    done = paying.get(back)
    assert done.headers["location"] == f"{HERE}?done=card"
    after = subscription(stage).default_payment_method
    assert after != before
    assert "your new card is billed" in paying.get(done.headers["location"].split("main/")[1]).text
    paying.get(back)  # a reload changes nothing
    assert subscription(stage).default_payment_method == after
    assert "card.change" in audited(stage, PAYING)


def test_the_card_is_named_after_the_page_is_there(stage: Stage, paying: Browser) -> None:
    """The page itself does not say it; the line that it loads does, and follows a new card."""
    page = paying.get(f"memberships/{PAYING}").text
    assert "ending in" not in page
    assert f'hx-get="{HERE}/card/summary" hx-trigger="load"' in page
    assert card_said(paying) == "Visa ending in 4242"
    assert card_said(Browser(stage, PAYING, language="fr")) == "Visa se terminant par 4242"
    mine = subscription(stage)
    other = api(stage).payment_methods.attach("pm_card_amex", {"customer": mine.customer})
    api(stage).subscriptions.update(mine.id, {"default_payment_method": other.id})
    assert card_said(paying) == "American Express ending in 8431"
    usual = {"default_payment_method": mine.default_payment_method}
    api(stage).subscriptions.update(mine.id, usual)


def test_without_a_card_or_an_answer_the_line_says_so(stage: Stage, paying: Browser) -> None:
    """Nobody has paid yet; no key is on record; Stripe does not answer: words, never an error."""
    assert card_said(Browser(stage, UNPAID), UNPAID) == "No card is on file."
    cannot = "Your card cannot be shown at the moment."
    with stripe_key(stage, ""):
        assert card_said(paying) == cannot
        assert "card/summary" not in paying.get(f"memberships/{PAYING}").text
    with stripe_key(stage, "sk_test_nobody_gave_this_one"):
        assert card_said(paying) == cannot
    dead = StripeAccount(stage.stripe.api_key, network=NETWORK, base_url=NOBODY, retries=0)
    orders = Orders(
        stage.planbridge.engine, account_for=lambda _: dead, clock=stage.planbridge.clock
    )
    assert card_line(orders, stage.place(), PAYING, language("en")) == cannot
    assert card_said(paying) == "Visa ending in 4242"


def test_a_brand_that_is_new_is_a_card() -> None:
    """What Stripe calls a card tomorrow is shown by its digits."""
    assert card_words(language("en"), Card("brand_of_2030", "0001")) == "Card ending in 0001"
    assert card_words(language("fr"), Card("jcb", "0001")) == "JCB se terminant par 0001"


def test_leaving_the_portal_changes_nothing(stage: Stage, paying: Browser) -> None:
    """Back without a card: the one that is there stays."""
    before = subscription(stage).default_payment_method
    portal = paying.post(f"memberships/{PAYING}/card").headers["location"]
    back = paying.http.post(portal, data={"do": "back"}, allow_redirects=False, timeout=30)
    paying.get(back.headers["location"])
    assert subscription(stage).default_payment_method == before


def test_cancelled_it_ends_with_its_period(stage: Stage, paying: Browser) -> None:
    """Two clicks at once: Stripe ends it with the period, with the reason, once."""
    token = paying.token()
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda _: paying.post(f"memberships/{PAYING}/cancel", REASON, token=token), range(2)
            )
        )
    assert {answer.headers["location"] for answer in answers} == {f"{HERE}?done=cancelled"}
    ending = subscription(stage)
    assert ending.cancel_at_period_end is True
    assert ending.status == "active"
    assert ending.cancellation_details.feedback == "too_expensive"
    assert ending.cancellation_details.comment == "Nothing against you"
    assert audited(stage, PAYING).count("membership.cancel") == 1
    page = paying.get(f"memberships/{PAYING}").text
    assert "Your membership ends on" in page
    assert "Next billing" not in page
    assert f"{HERE}/cancel/undo" in page
    assert paying.get(f"memberships/{PAYING}/cancel").status_code == 303


def test_undone_it_goes_on(stage: Stage, paying: Browser) -> None:
    """Going on after all, also twice; and what was cancelled at Stripe itself shows, too."""
    for _ in range(2):
        answer = paying.post(f"memberships/{PAYING}/cancel/undo")
        assert answer.headers["location"] == f"{HERE}?done=goes-on"
    assert subscription(stage).cancel_at_period_end is False
    assert audited(stage, PAYING).count("membership.go_on") == 1
    assert "Next billing" in paying.get(f"memberships/{PAYING}").text
    api(stage).subscriptions.update(subscription(stage).id, {"cancel_at_period_end": True})
    until(lambda: "ends on" in paying.get(f"memberships/{PAYING}").text)
    paying.post(f"memberships/{PAYING}/cancel/undo")
    assert subscription(stage).cancel_at_period_end is False
    until(lambda: "Next billing" in paying.get(f"memberships/{PAYING}").text)


def test_cancelling_again_after_going_on_counts(stage: Stage, paying: Browser) -> None:
    """A second change of mind is a request of its own, not the repetition of the first."""
    paying.post(f"memberships/{PAYING}/cancel", REASON)
    assert subscription(stage).cancel_at_period_end is True
    paying.post(f"memberships/{PAYING}/cancel/undo")
    assert subscription(stage).cancel_at_period_end is False


def test_what_the_plugin_bills_is_left_alone(stage: Stage) -> None:
    """Somebody else's subscription: the page says where to cancel, and nothing is noted."""
    owner = api(stage).customers.create({"email": "customer3@example.com"})
    api(stage).payment_methods.attach("pm_card_visa", {"customer": owner.id})
    foreign = api(stage).subscriptions.create(
        {
            "customer": owner.id,
            "default_payment_method": api(stage)
            .payment_methods.list({"customer": owner.id})
            .data[0]
            .id,
            "metadata": {"membership_id": str(PLUGINS)},
            "items": [
                {
                    "price_data": {
                        "currency": "usd",
                        "product": api(stage).products.create({"name": "Theirs"}).id,
                        "recurring": {"interval": "month"},
                        "unit_amount": 5800,
                    }
                }
            ],
        }
    )
    row = stage.network.state.row("membership", PLUGINS)
    assert row is not None
    ids = {"gateway_customer_id": owner.id, "gateway_subscription_id": foreign.id}
    with stage.network.state.changing():
        stage.network.state.save("membership", PLUGINS, {**row, **ids})
    stage.sync()
    visitor = Browser(stage, PLUGINS)
    assert card_said(visitor, PLUGINS) == "Visa ending in 4242"
    answer = visitor.post(f"memberships/{PLUGINS}/cancel", REASON)
    assert answer.headers["location"].endswith("/cancel?problem=elsewhere")
    page = visitor.get(f"memberships/{PLUGINS}/cancel", params={"problem": "elsewhere"}).text
    assert "billed by another system" in page
    assert api(stage).subscriptions.retrieve(foreign.id).cancel_at_period_end is False
    assert "membership.cancel" not in audited(stage, PLUGINS)


def test_without_a_subscription_the_network_is_told_at_the_end(stage: Stage) -> None:
    """Gateway manual: active until its expiration, cancelled after, and never before."""
    visitor = Browser(stage, MANUAL)
    visitor.post(f"memberships/{MANUAL}/cancel", REASON)
    page = visitor.get(f"memberships/{MANUAL}").text
    assert "Your membership ends on" in page
    assert "still being told" not in page
    assert status_on_network(stage, MANUAL) == "active"
    now = stage.planbridge.clock()
    late(stage, now + timedelta(days=11)).sweep()
    assert status_on_network(stage, MANUAL) == "active"
    late(stage, now + timedelta(days=13)).sweep()
    assert status_on_network(stage, MANUAL) == "cancelled"
    assert "Cancelled" in visitor.get(f"memberships/{MANUAL}").text
    assert late(stage, now + timedelta(days=14)).sweep() == 0
    answer = visitor.post(f"memberships/{MANUAL}/cancel/undo")
    assert answer.status_code == 409


def test_paying_for_a_change_takes_the_cancellation_back(stage: Stage) -> None:
    """Who pays wants to stay: at the end of the old term nothing is cancelled."""
    member = 10  # Premium by month, gateway manual
    visitor = Browser(stage, member)
    visitor.post(f"memberships/{member}/cancel", REASON)
    assert "ends on" in visitor.get(f"memberships/{member}").text
    stage.buy(member, "priority-support")
    assert "Your membership ends on" not in visitor.get(f"memberships/{member}").text
    late(stage, stage.planbridge.clock() + timedelta(days=400)).sweep()
    assert status_on_network(stage, member) == "active"
    assert row_of(stage, member).wanted is False


def test_free_memberships_have_nothing_to_cancel(stage: Stage) -> None:
    """Nothing billed, nothing to cancel: no link, and a form that comes anyway is refused."""
    visitor = Browser(stage, 5)
    assert "/cancel" not in visitor.get("memberships/5").text
    assert "nothing to cancel" in visitor.get("memberships/5/cancel").text
    assert visitor.post("memberships/5/cancel", REASON).status_code == 409


def test_a_dead_stripe_is_told_later(stage: Stage, paying: Browser) -> None:
    """Stripe fails after the wish was noted: the page says so, and the sweep brings it about."""
    place = stage.place()
    now = stage.planbridge.clock()
    with stage.planbridge.session() as session:
        member = membership_record(session, place.key, PAYING)
        assert CancellationRepository(session).ask(member, wanted=True, now=now)
        row = CancellationRepository(session).find(place.key, PAYING)
        assert row is not None
        CancellationRepository(session).note(
            row, now=now, problem="no answer", attempts=1, due_at=now + timedelta(seconds=1)
        )
    assert "still being told" in paying.get(f"memberships/{PAYING}").text
    until(lambda: subscription(stage).cancel_at_period_end is True)
    until(lambda: "still being told" not in paying.get(f"memberships/{PAYING}").text)
    paying.post(f"memberships/{PAYING}/cancel/undo")


def late(stage: Stage, when: Any) -> Cancelling:
    """What carries cancellations out, at another time."""
    planbridge = stage.planbridge
    return Cancelling(
        planbridge.engine,
        orders=planbridge.collecting().orders,
        client_for=planbridge.client_for,
        clock=lambda: when,
    )


def status_on_network(stage: Stage, membership: int) -> str:
    rows = stage.network.state.rows("membership")
    return str(next(row["status"] for row in rows if row["id"] == membership))


def row_of(stage: Stage, membership: int) -> Cancellation:
    with Session(stage.planbridge.engine) as session:
        row = CancellationRepository(session).find(stage.place().key, membership)
        assert row is not None
        return row
