"""A payment is on the network once, whoever of planbridge and the plugin booked it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from bridge.network.entities import Entity
from bridge.network.transport import Body, Params
from bridge.network.writes import Writer
from bridge.store.billings import BillingRepository
from bridge.store.tables import ChangeState, StripeSeen
from tests.scenarios.town import BASIC_MEMBER, DAY, Town

LEGACY, BASIL = "2025-02-24.acacia", "2025-08-27.basil"


@pytest.fixture(params=[LEGACY, BASIL])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path, version=request.param) as made:
        made.bill_by_plugin(BASIC_MEMBER, cents=1999)
        made.adopt(BASIC_MEMBER)
        yield made


def newest_charge(town: Town) -> str:
    return str(town.api.charges.list().data[0].id)


def book_as_plugin(town: Town, charge: str, total: float) -> None:
    """The plugin handled the same event, and was faster."""
    state = town.places["main"].state
    with state.changing():
        state.insert(
            "payment",
            customer_id=town.row(BASIC_MEMBER)["customer_id"],
            membership_id=BASIC_MEMBER,
            currency="USD",
            subtotal=total,
            total=total,
            status="completed",
            gateway="stripe",
            gateway_payment_id=charge,
        )


def booked(town: Town) -> list[tuple[str, int]]:
    return [(one.gateway_payment_id, one.total) for one in town.payments(BASIC_MEMBER)]


@pytest.mark.parametrize("lost", [frozenset(), frozenset({"invoice_payment.paid"})])
def test_a_renewal_that_the_plugin_booked_is_not_booked_again(
    town: Town, lost: frozenset[str]
) -> None:
    """It books under the charge, which since Basil no event of the invoice names."""
    town.lost = lost
    town.stripe.advance(32 * DAY)
    charge = newest_charge(town)
    book_as_plugin(town, charge, 19.99)
    town.settle()
    assert booked(town) == [(charge, 1999)]


def test_a_renewal_that_the_plugin_carried_out_is_not_counted_again(town: Town) -> None:
    """It has extended, counted and booked it, as its endpoint is still enabled."""
    town.stripe.advance(32 * DAY)
    book_as_plugin(town, newest_charge(town), 19.99)
    counted = int(town.row(BASIC_MEMBER)["times_billed"]) + 1
    town.set(BASIC_MEMBER, times_billed=counted, date_expiration="2027-01-24 23:59:59")
    town.settle()
    row = town.row(BASIC_MEMBER)
    assert int(row["times_billed"]) == counted
    assert row["date_expiration"] == "2027-01-24 23:59:59"
    assert len(booked(town)) == 1
    town.pass_days(31)
    assert int(town.row(BASIC_MEMBER)["times_billed"]) == counted + 1
    assert len(booked(town)) == 2


def test_a_renewal_of_ours_is_booked_where_the_plugin_looks_for_it(town: Town) -> None:
    """It takes the event of a charge that it finds for a duplicate (billing-stripe.md §4)."""
    town.pass_days(32)
    assert booked(town) == [(newest_charge(town), 1999)]


@pytest.mark.parametrize("plugin_first", [True, False])
def test_booked_by_both_in_the_same_moment_it_counts_once(
    town: Town, monkeypatch: pytest.MonkeyPatch, plugin_first: bool
) -> None:
    """The plugin looked before planbridge booked, and books while it does: planbridge's own
    gives way. What is refunded afterwards is shown on the one that stays."""
    town.stripe.advance(32 * DAY)
    charge = newest_charge(town)
    post = Writer._post

    def interleaved(writer: Writer, entity: Entity, body: Body, params: Params) -> int:
        if entity is not Entity.PAYMENT:
            return post(writer, entity, body, params)
        if plugin_first:
            book_as_plugin(town, charge, 19.99)
        made = post(writer, entity, body, params)
        if not plugin_first:
            book_as_plugin(town, charge, 19.99)
        return made

    monkeypatch.setattr(Writer, "_post", interleaved)
    town.settle()
    monkeypatch.undo()
    rows = town.payments(BASIC_MEMBER)
    assert sorted(one.status for one in rows) == ["cancelled", "completed"]
    (stays,) = [one for one in rows if one.status == "completed"]
    assert stays.line_items == {}  # the plugin's, as this test makes it
    town.api.refunds.create({"charge": charge, "amount": 500})
    town.settle()
    after = {one.id: (one.status, one.refund_total) for one in town.payments(BASIC_MEMBER)}
    assert after[stays.id] == ("partially-refunded", -500)
    town.pass_days(31)
    assert len(town.payments(BASIC_MEMBER)) == 3


def test_an_upgrade_that_the_plugin_booked_is_not_booked_again(town: Town) -> None:
    """Its subscription is the plugin's, too, so that it hears of the charge."""
    town.pass_days(10)
    given = town.quote(BASIC_MEMBER, "premium")
    change = town.ask(given)
    town.collect(change)
    charge = newest_charge(town)
    book_as_plugin(town, charge, given.quote.due_now / 100)
    town.settle()
    assert town.change(change).state is ChangeState.PROVEN
    assert booked(town) == [(charge, given.quote.due_now)]


def test_after_the_way_back_nothing_is_booked_twice(town: Town) -> None:
    """What was booked before is found when its events come once more."""
    town.pass_days(32)
    before = booked(town)
    (back,) = town.adopting().revert([BASIC_MEMBER])
    assert back.done
    with town.app.session() as session:
        for row in list(session.exec(select(StripeSeen).where(StripeSeen.kind == "invoice"))):
            row.settled = None
            session.add(row)
        BillingRepository(session).touch(town.network().key, BASIC_MEMBER, now=town.clock())
    town.settle()
    assert booked(town) == before
