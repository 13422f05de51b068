"""Four networks on one Stripe account, and others: no cross-talk, whatever the ids are."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from bridge.store.billings import BillingRepository
from bridge.store.tables import Billing, EventState, MembershipRecord, StripeSeen
from webhooks.dispatch import Dispatcher

from .delivery import (
    NOW,
    QUOTE_KEY,
    VERSIONS,
    about,
    add_network,
    add_quote,
    changes_of,
    event_of,
    stored,
)
from .test_dispatch import keep

NAMES = ("north", "east", "south", "west")
ACCOUNT = "acct_shared"


@pytest.fixture
def networks(engine: Engine) -> dict[str, int]:
    """Four on one account; each has a membership 1, as every network has."""
    return {name: add_network(engine, name, stripe_account=ACCOUNT) for name in NAMES}


def handle(engine: Engine, *events: dict[str, Any], at: int, account: str = ACCOUNT) -> None:
    """Events that came in at one network's endpoint."""
    keep(engine, *events, network_id=at, account=account)
    Dispatcher(engine, clock=lambda: NOW, wake=lambda _: None, quote_key=QUOTE_KEY).run_due()


def member(engine: Engine, network_id: int, **columns: Any) -> None:
    """Membership 1 in a network's mirror."""
    with Session(engine) as session:
        session.add(
            MembershipRecord(
                network_id=network_id,
                id=1,
                fingerprint="",
                synced_at=NOW,
                customer_id=1,
                plan_id=1,
                status="active",
                currency="USD",
                **columns,
            )
        )
        session.commit()


def billed(engine: Engine) -> set[int]:
    """Networks of which a membership's billing is due."""
    with Session(engine) as session:
        return set(session.exec(select(Billing.network_id)))


def renewal(number: int, network: str) -> dict[str, Any]:
    """A renewal of membership 1 of a network."""
    event = about(event_of("invoice_paid__renewal", VERSIONS[1]), network=network)
    event["id"] = f"evt_{number}"
    event["data"]["object"]["id"] = f"in_{number}"
    details = event["data"]["object"]["parent"]["subscription_details"]
    details["subscription"] = f"sub_{number}"
    return event


@pytest.mark.parametrize("version", VERSIONS)
def test_a_payment_is_for_the_network_it_names(
    engine: Engine, networks: dict[str, int], version: str
) -> None:
    """Sixteen deliveries: each network's payment at each network's endpoint."""
    quotes = {name: add_quote(engine, networks[name]) for name in NAMES}
    for number, (name, door) in enumerate(itertools.product(NAMES, NAMES)):
        event = about(
            event_of(
                "payment_intent_succeeded",
                version,
                id=f"evt_{number}",
                object={"id": f"pi_{name}"},
            ),
            network=name,
            quote=quotes[name],
        )
        handle(engine, event, at=networks[door])
    changes = changes_of(engine)
    assert {change.network_id: change.quote_id for change in changes} == {
        networks[name]: quotes[name] for name in NAMES
    }
    assert len(changes) == len(NAMES)
    for row in stored(engine):
        assert row.network_id in networks.values()
        assert row.state is not EventState.ATTENTION


def test_renewals_never_touch_another_network(engine: Engine, networks: dict[str, int]) -> None:
    """The same membership number everywhere; all events through one door."""
    for number, name in enumerate(NAMES[:3]):
        handle(engine, renewal(number, name), at=networks["west"])
    assert billed(engine) == {networks[name] for name in NAMES[:3]}
    with Session(engine) as session:
        seen = session.exec(select(StripeSeen)).all()
    assert {(one.id, one.network_id) for one in seen} == {
        (f"in_{number}", networks[name]) for number, name in enumerate(NAMES[:3])
    }


def test_a_quote_of_one_network_is_not_paid_by_the_metadata_of_another(
    engine: Engine, networks: dict[str, int]
) -> None:
    """The number of the membership is the same, the network is not: the operator looks."""
    quote = add_quote(engine, networks["north"])
    add_quote(engine, networks["south"])
    event = about(event_of("payment_intent_succeeded"), network="south", quote=quote)
    handle(engine, event, at=networks["south"])
    assert changes_of(engine) == []
    assert stored(engine)[0].state is EventState.ATTENTION


def test_a_subscription_that_says_nothing_is_found_in_the_one_mirror_that_names_it(
    engine: Engine, networks: dict[str, int]
) -> None:
    """As the plugin's own subscriptions are."""
    member(engine, networks["east"], gateway_subscription_id="sub_1")
    member(engine, networks["west"], gateway_subscription_id="sub_9")
    event = event_of("customer_subscription_updated", VERSIONS[1], object={"id": "sub_1"})
    event["data"]["object"]["metadata"] = {}
    handle(engine, event, at=networks["north"])
    assert billed(engine) == {networks["east"]}


def test_two_networks_that_name_one_subscription_get_neither(
    engine: Engine, networks: dict[str, int]
) -> None:
    """A copy of a network, perhaps: nobody can say, so nothing is touched."""
    for name in ("east", "west"):
        member(engine, networks[name], gateway_subscription_id="sub_1")
    event = event_of("customer_subscription_updated", VERSIONS[1], object={"id": "sub_1"})
    event["data"]["object"]["metadata"] = {}
    handle(engine, event, at=networks["north"])
    assert billed(engine) == set()
    assert stored(engine)[0].state is EventState.IGNORED


def test_the_same_ids_at_two_accounts_are_two_objects(
    engine: Engine, networks: dict[str, int]
) -> None:
    """Another account may even send the same event id."""
    other = add_network(engine, "island", stripe_account="acct_island")
    handle(engine, renewal(1, "north"), at=networks["north"])
    handle(engine, renewal(1, "island"), at=other, account="acct_island")
    assert billed(engine) == {networks["north"], other}
    assert len(stored(engine)) == 2


@pytest.mark.parametrize("name", ["island", "nowhere", "live"])
def test_what_is_not_for_this_account_or_mode_is_kept_and_never_applied(
    engine: Engine, networks: dict[str, int], name: str
) -> None:
    """Wrong account, no such network, wrong mode: shown with its reason."""
    add_network(engine, "island", stripe_account="acct_island")
    add_network(engine, "live", stripe_account=ACCOUNT, livemode=True)
    handle(engine, renewal(1, name), at=networks["north"])
    (event,) = stored(engine)
    assert (event.state, billed(engine)) == (EventState.IGNORED, set())
    assert name in event.reason
    with Session(engine) as session:
        assert session.exec(select(StripeSeen)).all() == []


def test_a_dispute_freezes_one_network_only(engine: Engine, networks: dict[str, int]) -> None:
    """Membership 1 of the others goes on."""
    handle(engine, renewal(1, "north"), renewal(2, "south"), at=networks["north"])
    link = event_of(
        "invoice_payment_paid",
        VERSIONS[1],
        object={
            "invoice": "in_1",
            "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        },
    )
    dispute = event_of(
        "charge_dispute_created",
        VERSIONS[1],
        object={"id": "dp_1", "payment_intent": "pi_1", "charge": "ch_1"},
    )
    handle(engine, link, dispute, at=networks["west"])
    with Session(engine) as session:
        frozen = {
            name: BillingRepository(session).open_disputes(networks[name], 1) for name in NAMES
        }
    assert frozen == {"north": ("dp_1",), "east": (), "south": (), "west": ()}
