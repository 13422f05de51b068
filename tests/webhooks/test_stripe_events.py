"""What each type of event leads to, in both shapes of Stripe's objects."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from bridge.store.events import ClaimedEvent, EventResult
from bridge.store.identities import StripeIdentity
from bridge.store.tables import EventState
from bridge.upgrades.intent import PaidNotice
from webhooks.decisions import Accept, Decision, Directory, Watch
from webhooks.stripe_events import HANDLERS, decide

from .delivery import FIXTURES, NOW, VERSIONS, about, event_of

MAIN = StripeIdentity(network_id=1, name="main", account="acct_1")
SISTER = StripeIdentity(network_id=2, name="sister", account="acct_1")
STRANGER = StripeIdentity(network_id=3, name="stranger", account="acct_3")
LONER = StripeIdentity(network_id=4, name="loner")
LIVE = StripeIdentity(network_id=5, name="live", account="acct_1", livemode=True)
DIRECTORY = Directory([MAIN, SISTER, STRANGER, LONER, LIVE])

BASIL = VERSIONS[1]


def decided(event: dict[str, Any], *, at: StripeIdentity = MAIN) -> Decision:
    """The decision about an event that came in at a network's endpoint."""
    claimed = ClaimedEvent(
        id=1,
        network_id=at.network_id,
        account=at.account or f"network:{at.name}",
        event_id=event["id"],
        type=event["type"],
        livemode=event["livemode"],
        created=NOW,
        payload=json.dumps(event).encode(),
        attempts=1,
        due_at=NOW,
    )
    return decide(claimed, DIRECTORY)


def notice(decision: Decision) -> PaidNotice:
    """The payment that was accepted."""
    assert isinstance(decision, Accept), decision
    return decision.notice


def watched(decision: Decision) -> Watch:
    """What is only kept."""
    assert isinstance(decision, Watch), decision
    return decision


def ignored(decision: Decision) -> str:
    """Why it was ignored."""
    assert isinstance(decision, EventResult)
    assert decision.state is EventState.IGNORED
    return decision.reason


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "name",
    [
        "invoice_paid",
        "invoice_paid__subscription",
        "checkout_session_completed",
        "checkout_session_completed__subscription",
        "checkout_session_async_payment_succeeded",
        "payment_intent_succeeded",
    ],
)
def test_money_for_a_quote_is_recognised(name: str, version: str) -> None:
    """Network, membership, quote, amount and currency are found in each shape."""
    event = event_of(name, version)
    found = notice(decided(event))
    assert (found.network_id, found.membership_id, found.quote_id) == (1, 1, "qt_1")
    assert (found.amount, found.currency, found.paid_at) == (4522, "USD", NOW)
    assert found.source == f"{event['type']} {event['id']}"


@pytest.mark.parametrize(
    ("name", "version", "key"),
    [
        ("invoice_paid", VERSIONS[0], "pi_1"),
        ("invoice_paid", BASIL, "in_1"),
        ("checkout_session_completed", BASIL, "pi_1"),
        ("checkout_session_completed__subscription", BASIL, "in_1"),
        ("payment_intent_succeeded", BASIL, "pi_1"),
    ],
)
def test_a_payment_is_known_by_its_intent_else_by_its_invoice(
    name: str, version: str, key: str
) -> None:
    """As far as the event carries them; Basil's invoice does not name its intent."""
    assert notice(decided(event_of(name, version))).payment_key == key


def test_a_session_without_intent_and_invoice_is_its_own_key() -> None:
    """Nothing had to be paid: the session is all there is."""
    nothing = {"payment_intent": None, "payment_status": "no_payment_required", "amount_total": 0}
    found = notice(decided(event_of("checkout_session_completed", object=nothing)))
    assert (found.payment_key, found.amount) == ("cs_test_1", 0)


def test_an_invoice_says_when_it_was_paid() -> None:
    """The time of payment, not that of the event."""
    earlier = NOW - timedelta(hours=2)
    times = {"status_transitions": {"paid_at": int(earlier.timestamp())}}
    assert notice(decided(event_of("invoice_paid", object=times))).paid_at == earlier


def test_bare_metadata_names_will_do() -> None:
    """``network``, ``membership``, ``quote`` as other tools may write them."""
    bare = {"metadata": {"network": "main", "membership": "1", "quote": "qt_1"}}
    assert notice(decided(event_of("payment_intent_succeeded", object=bare))).quote_id == "qt_1"


def test_a_network_may_be_named_by_its_id() -> None:
    """The endpoint's own id counts as its name; that of another network does not."""
    event = about(event_of("invoice_paid"), network=1)
    assert notice(decided(event)).network_id == 1
    assert "network 1, which" in ignored(decided(event, at=SISTER))


@pytest.mark.parametrize("version", VERSIONS)
def test_an_open_payment_waits(version: str) -> None:
    """A bank debit is not money yet."""
    kept = watched(decided(event_of("checkout_session_completed__unpaid", version)))
    assert kept.says == "payment_status is unpaid: waits for async_payment_succeeded"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_renewal_pays_for_no_quote(version: str) -> None:
    """It carries the subscription's metadata, and with it a quote carried out long ago."""
    kept = watched(decided(event_of("invoice_paid__renewal", version)))
    assert (kept.says, kept.owner) == ("renewal in_1 is paid", (1, 1))
    assert kept.sighting.facts["renews"]


@pytest.mark.parametrize("version", VERSIONS)
def test_foreign_payments_pay_for_nothing(version: str) -> None:
    """Metadata of other software is none of ours; whose it is, only the store may know."""
    kept = watched(decided(event_of("payment_intent_succeeded__foreign", version)))
    assert kept.owner is None
    assert kept.networks == (MAIN.network_id, SISTER.network_id)


@pytest.mark.parametrize("version", VERSIONS)
def test_types_without_handler_are_ignored_by_name(version: str) -> None:
    """Kept and shown, not dropped."""
    event = event_of("customer_updated", version)
    assert ignored(decided(event)) == "no handler for customer.updated"


def test_on_one_account_the_metadata_decides_whose_it_is() -> None:
    """Stripe sends the event to each network's endpoint; it is kept once, and is for one."""
    event = about(event_of("invoice_paid"), network="sister")
    assert notice(decided(event, at=MAIN)).network_id == SISTER.network_id
    assert notice(decided(event, at=SISTER)).network_id == SISTER.network_id


@pytest.mark.parametrize(
    ("network", "at", "why"),
    [
        ("sister", STRANGER, "for network sister, but it came from that of stranger"),
        ("main", LONER, "for network main, but it came from that of loner"),
        ("loner", MAIN, "for network loner, but it came from that of main"),
        ("nobody", MAIN, "for network nobody, which planbridge does not know"),
        ("live", MAIN, "test-mode event, but network live is in live mode"),
        ("", MAIN, "the metadata names no network"),
    ],
)
def test_what_is_for_another_network_is_never_applied(
    network: str, at: StripeIdentity, why: str
) -> None:
    """Another account, no such network, another mode: ignored with its reason."""
    assert ignored(decided(about(event_of("invoice_paid"), network=network), at=at)) == why


def test_live_events_do_not_touch_a_test_network() -> None:
    """Mode must agree in this direction too."""
    reason = ignored(decided(event_of("invoice_paid", livemode=True)))
    assert reason == "live-mode event, but network main is in test mode"


def test_another_account_is_named() -> None:
    """Stripe Connect says which account an event is of."""
    reason = ignored(decided(event_of("invoice_paid", account="acct_9")))
    assert reason == "from account acct_9, but network main has acct_1"
    assert notice(decided(event_of("invoice_paid", account="acct_1")))


@pytest.mark.parametrize("membership", ["", "one", "-1"])
def test_money_for_no_membership_is_not_acted_on(membership: str) -> None:
    """A quote alone does not say whose it is."""
    reason = ignored(decided(about(event_of("invoice_paid"), membership=membership)))
    assert reason == "the metadata does not name a membership"


def test_money_for_no_quote_is_only_kept() -> None:
    """Its membership is known; what it pays for is not planbridge's business."""
    kept = watched(decided(about(event_of("invoice_paid"), quote="")))
    assert kept.owner == (MAIN.network_id, 1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"amount_paid": None}, "invoice.paid without id, amount or currency"),
        ({"currency": None}, "invoice.paid without id, amount or currency"),
        ({"currency": "isk"}, "Stripe's amount 4522 ISK is not a whole number"),
    ],
)
def test_money_that_cannot_be_read_needs_the_operator(changes: dict[str, Any], why: str) -> None:
    """It is ours, money moved, and the amount makes no sense: attention."""
    decision = decided(event_of("invoice_paid", object=changes))
    assert isinstance(decision, EventResult)
    assert decision.state is EventState.ATTENTION
    assert decision.reason.startswith(why)


def test_amounts_arrive_in_our_minor_units() -> None:
    """4500 at Stripe are 45 ISK."""
    crowns = event_of("invoice_paid", object={"currency": "isk", "amount_paid": 4500})
    assert notice(decided(crowns)).amount == 45


BASIL_ONLY = {"invoice_payment.paid"}
"""Types that the older shape does not have."""


def test_each_handled_type_has_a_fixture_in_each_shape() -> None:
    """A handler without a recorded event is not tested."""
    for version in VERSIONS:
        recorded = {
            json.loads(file.read_text())["type"] for file in (FIXTURES / version).glob("*.json")
        }
        missing = set(HANDLERS) - recorded
        assert missing == (set() if version == BASIL else BASIL_ONLY)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", sorted(HANDLERS))
def test_each_handler_reads_its_object_in_each_shape(kind: str, version: str) -> None:
    """Whose it is, what it is, and a sentence: nothing is lost between the shapes."""
    if version != BASIL and kind in BASIL_ONLY:
        return
    event = event_of(kind.replace(".", "_"), version)
    decision = decided(event)
    kept = decision.watch if isinstance(decision, Accept) else watched(decision)
    assert kept.sighting.id == event["data"]["object"]["id"]
    assert kept.says
    if kept.sighting.kind in ("invoice", "subscription"):
        assert kept.owner == (MAIN.network_id, 1)
        assert kept.sighting.subscription or not kept.sighting.facts.get("renews")
    if kept.sighting.kind == "subscription":
        assert kept.sighting.facts["period_end"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["invoice.payment_failed", "invoice.voided"])
def test_an_invoice_knows_subscription_and_term_in_each_shape(kind: str, version: str) -> None:
    """Basil moved both."""
    seen = watched(decided(event_of(kind.replace(".", "_"), version))).sighting
    assert seen.subscription.startswith("sub_")
    assert seen.facts["period_end"] > seen.facts["due_since"]


@pytest.mark.parametrize("kind", ["charge.succeeded", "invoice.payment_succeeded"])
def test_what_another_event_tells_is_not_told_twice(kind: str) -> None:
    """The plugin renews on both and may count one payment twice."""
    assert ignored(decided(event_of(kind.replace(".", "_")))).endswith("tells the same")
