"""Order and duplicates: the newest state of an object counts, whatever comes when."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from bridge.store.sightings import forget_strangers
from bridge.store.tables import Billing, EventState, StripeSeen
from webhooks.dispatch import Dispatcher

from .delivery import NOW, QUOTE_KEY, VERSIONS, add_network, event_of, stored
from .test_dispatch import keep

AT = int(NOW.timestamp())


def subscription(number: int, status: str, *, at: int, kind: str = "updated") -> dict[str, Any]:
    """An event about sub_1 of membership 1."""
    facts = {"id": "sub_1", "status": status}
    return event_of(
        f"customer_subscription_{kind}", VERSIONS[1], id=f"evt_{number}", created=at, object=facts
    )


def handle(
    engine: Engine, *events: dict[str, Any], answer: Mapping[str, Any] | None = None
) -> list[str]:
    """One after the other; what Stripe was asked for."""
    asked: list[str] = []

    def ask(_networks: Sequence[int], _kind: str, key: str) -> Mapping[str, Any] | None:
        asked.append(key)
        return answer

    worker = Dispatcher(
        engine, clock=lambda: NOW, wake=lambda _: None, quote_key=QUOTE_KEY, ask=ask
    )
    for event in events:
        keep(engine, event)
        worker.run_due()
    return asked


def known(engine: Engine, key: str = "sub_1") -> StripeSeen:
    with Session(engine, expire_on_commit=False) as session:
        return session.exec(select(StripeSeen).where(StripeSeen.id == key)).one()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_newest_state_counts_in_any_order(engine: Engine, order: tuple[int, ...]) -> None:
    """By the time that Stripe made the event, never by the time it came."""
    add_network(engine)
    history = [
        subscription(1, "active", at=AT - 20),
        subscription(2, "past_due", at=AT - 10),
        subscription(3, "active", at=AT),
    ]
    handle(engine, *(history[index] for index in order), history[0], history[1])
    assert (known(engine).facts["status"], known(engine).seen_at) == ("active", NOW)
    assert EventState.FAILED not in {row.state for row in stored(engine)}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_beginning_and_an_end_within_a_second_need_nobody_asked(
    engine: Engine, order: tuple[int, int]
) -> None:
    """Incomplete comes first, canceled last: that much is certain."""
    add_network(engine)
    pair = subscription(1, "incomplete", at=AT, kind="created"), subscription(2, "active", at=AT)
    assert handle(engine, *(pair[index] for index in order)) == []
    assert known(engine).facts["status"] == "active"
    assert handle(engine, subscription(3, "canceled", at=AT, kind="deleted")) == []
    assert known(engine).facts["status"] == "canceled"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_states_of_one_second_make_planbridge_ask(
    engine: Engine, order: tuple[int, int]
) -> None:
    """Stripe's answer counts, in both orders."""
    add_network(engine)
    pair = subscription(1, "active", at=AT), subscription(2, "past_due", at=AT)
    truth = pair[1]["data"]["object"]
    asked = handle(engine, *(pair[index] for index in order), answer=truth)
    assert asked == ["sub_1"]
    assert known(engine).facts["status"] == "past_due"
    assert EventState.ATTENTION not in {row.state for row in stored(engine)}


def test_without_a_key_the_operator_decides(engine: Engine) -> None:
    """The event is kept with what to do; a newer one settles it by itself."""
    add_network(engine)
    handle(engine, subscription(1, "active", at=AT), subscription(2, "past_due", at=AT))
    event = stored(engine)[0]
    assert event.state is EventState.ATTENTION
    assert "two states of sub_1 within one second" in event.reason
    handle(engine, subscription(3, "active", at=AT + 1))
    assert known(engine).facts["status"] == "active"


def test_what_was_seen_before_its_owner_is_given_to_him(engine: Engine) -> None:
    """A dispute, then the intent's invoice, then whose invoice it is: all of membership 1."""
    add_network(engine)
    dispute = event_of(
        "charge_dispute_created",
        VERSIONS[1],
        object={"id": "dp_1", "charge": "ch_1", "payment_intent": "pi_1"},
    )
    paid_by = event_of(
        "invoice_payment_paid",
        VERSIONS[1],
        object={
            "id": "inpay_1",
            "invoice": "in_1",
            "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        },
    )
    handle(engine, dispute, paid_by)
    assert known(engine, "dp_1").membership_id is None
    handle(engine, event_of("invoice_paid__renewal", VERSIONS[1]))
    assert known(engine, "dp_1").membership_id == 1
    with Session(engine) as session:
        assert session.exec(select(Billing)).one().membership_id == 1


def test_strangers_are_forgotten(engine: Engine) -> None:
    """What belongs to no membership is not kept for ever; what belongs to one is."""
    add_network(engine)
    handle(
        engine,
        event_of("payment_intent_succeeded__foreign", VERSIONS[1]),
        subscription(1, "active", at=AT),
    )
    with engine.begin() as connection:
        assert forget_strangers(connection, seen_before=NOW) == 0
        assert forget_strangers(connection, seen_before=NOW + timedelta(days=1)) == 1
    assert known(engine).membership_id == 1
