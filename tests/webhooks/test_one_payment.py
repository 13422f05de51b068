"""Two events of one payment are one; two payments of one quote are two."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from sqlalchemy import Engine

from bridge.store.tables import ChangeState, EventState
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

ACACIA, BASIL = VERSIONS


@pytest.fixture
def quote(engine: Engine) -> str:
    """A quote of 45.22 USD, on each database."""
    return add_quote(engine, add_network(engine))


def handle(engine: Engine, *events: dict[str, Any]) -> None:
    """One after the other."""
    worker = Dispatcher(engine, clock=lambda: NOW, wake=lambda _: None, quote_key=QUOTE_KEY)
    for event in events:
        keep(engine, event)
        worker.run_due()


def paid(
    name: str, quote: str, number: int = 1, *, version: str = BASIL, **fields: Any
) -> dict[str, Any]:
    """An event about payment ``number``: pi_1, in_1, cs_test_1 and so on."""
    event = about(event_of(name, version, id=f"evt_{name}_{number}"), quote=quote)
    subject = event["data"]["object"]
    subject["id"] = subject["id"][:-1] + str(number)
    for link in ("payment_intent", "invoice", "latest_charge", "charge"):
        if isinstance(subject.get(link), str):
            subject[link] = subject[link][:-1] + str(number)
    subject.update(fields)
    return event


def link(number: int) -> dict[str, Any]:
    """Basil's event that says which intent paid which invoice."""
    facts = {
        "id": f"inpay_{number}",
        "invoice": f"in_{number}",
        "payment": {"type": "payment_intent", "payment_intent": f"pi_{number}"},
    }
    return event_of("invoice_payment_paid", BASIL, id=f"evt_link_{number}", object=facts)


def states(engine: Engine) -> dict[str, EventState]:
    """What became of each event, by id."""
    return {row.event_id: row.state for row in stored(engine)}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_one_payment_is_accepted_once_in_any_order(
    engine: Engine, quote: str, version: str, order: tuple[int, ...]
) -> None:
    """Invoice, intent and session: the first acts, the others name the change."""
    names = ["invoice_paid", "payment_intent_succeeded", "checkout_session_completed"]
    handle(engine, *(paid(names[index], quote, version=version) for index in order))
    (change,) = changes_of(engine)
    assert change.state is ChangeState.ACCEPTED
    assert sorted(states(engine).values()) == ["applied", "ignored", "ignored"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_mispaid_payment_makes_one_change_for_the_operator(
    engine: Engine, quote: str, version: str
) -> None:
    """Since Basil invoice and intent do not name each other: same sum, same payment."""
    handle(
        engine,
        paid("invoice_paid", quote, version=version, amount_paid=4000),
        paid("payment_intent_succeeded", quote, version=version, amount_received=4000),
    )
    (change,) = changes_of(engine)
    assert (change.state, change.amount_paid) == (ChangeState.ATTENTION, 4000)
    assert sorted(states(engine).values()) == ["attention", "ignored"]


@pytest.mark.parametrize("name", ["invoice_paid", "payment_intent_succeeded"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_second_payment_is_to_be_given_back(
    engine: Engine, quote: str, name: str, version: str
) -> None:
    """Paid twice in two tabs: another invoice, another intent."""
    handle(engine, paid(name, quote, 1, version=version), paid(name, quote, 2, version=version))
    (change,) = changes_of(engine)
    second, first = stored(engine)
    assert (first.state, second.state) == (EventState.APPLIED, EventState.ATTENTION)
    assert second.change_id == change.id
    assert "45.22 USD: give it back" in second.reason


def test_both_payments_with_all_their_events(engine: Engine, quote: str) -> None:
    """One is accepted, and the operator hears of the other."""
    names = ["invoice_paid", "payment_intent_succeeded"]
    events = [paid(name, quote, number) for number in (1, 2) for name in names]
    handle(engine, link(1), link(2), *events)
    assert len(changes_of(engine)) == 1
    found = states(engine)
    assert found["evt_invoice_paid_1"] is EventState.APPLIED
    assert found["evt_payment_intent_succeeded_1"] is EventState.IGNORED
    assert found["evt_invoice_paid_2"] is EventState.ATTENTION


def test_a_payment_taken_for_another_is_found_when_stripe_says_so(
    engine: Engine, quote: str
) -> None:
    """in_1 and pi_2 looked like one; then in_1 turns out to be paid by pi_1."""
    handle(
        engine,
        paid("invoice_paid", quote, 1),
        paid("payment_intent_succeeded", quote, 2),
        link(1),
    )
    found = states(engine)
    assert found["evt_payment_intent_succeeded_2"] is EventState.IGNORED
    assert found["evt_link_1"] is EventState.ATTENTION
    (event,) = (row for row in stored(engine) if row.event_id == "evt_link_1")
    assert "pi_2 was taken for the payment of in_1" in event.reason


def test_the_right_sum_after_a_wrong_one_is_carried_out(engine: Engine, quote: str) -> None:
    """The first payment waits for the operator, the second is what was due."""
    handle(
        engine,
        paid("payment_intent_succeeded", quote, 1, amount_received=4000),
        paid("payment_intent_succeeded", quote, 2),
    )
    assert sorted(change.state for change in changes_of(engine)) == ["accepted", "attention"]
