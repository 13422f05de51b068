"""Several networks on one Stripe account: no cross-talk, and none waits for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.sandbox.wire import Request
from bridge.store.tables import ChangeState
from tests.scenarios.town import BASIC_MEMBER, DAY, TERM_END, Town

NAMES = ("north", "east", "south", "west")
PATIENCE = 15.0


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path, names=NAMES) as made:
        yield made


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def bill(town: Town, *names: str) -> None:
    """Membership 2 of these networks is billed by planbridge."""
    for name in names:
        town.bill_by_plugin(BASIC_MEMBER, cents=1999, name=name)
        town.adopt(BASIC_MEMBER, name)


def test_a_network_that_does_not_answer_holds_up_no_other(town: Town) -> None:
    """Its renewal waits; that of the other network is carried out meanwhile."""
    bill(town, "north", "east")
    gate = threading.Event()

    def blocked(_request: Request) -> None:
        gate.wait(PATIENCE)

    town.stripe.advance(32 * DAY)
    town.deliver()
    town.places["north"].faults = blocked
    try:
        town.renewals.begin()
        until(lambda: town.row(BASIC_MEMBER, "east")["date_expiration"] > TERM_END)
        assert town.row(BASIC_MEMBER, "north")["date_expiration"] == TERM_END
    finally:
        gate.set()
        town.renewals.close()
    town.places["north"].faults = lambda _request: None
    town.settle()
    assert town.row(BASIC_MEMBER, "north")["date_expiration"] > TERM_END


def test_the_same_membership_of_four_networks_is_four_memberships(town: Town) -> None:
    """All events come through one door; each network gets its own plan, payments and term."""
    bill(town, *NAMES)
    wishes = {"north": ("premium",), "east": ("basic", "extra-disk-space"), "south": ("free",)}
    changes = {
        name: town.buy(BASIC_MEMBER, *products, name=name)[1] for name, products in wishes.items()
    }
    assert changes["north"].state is ChangeState.PROVEN, changes["north"].reason
    assert changes["east"].state is ChangeState.PROVEN, changes["east"].reason
    assert changes["south"].state is ChangeState.SCHEDULED
    town.pass_days(33)
    rows = {name: town.row(BASIC_MEMBER, name) for name in NAMES}
    plans = {name: (row["plan_id"], dict(row["addon_products"])) for name, row in rows.items()}
    assert plans == {"north": (6, {}), "east": (5, {"2": 1}), "south": (4, {}), "west": (5, {})}
    billed = {
        name: [payment.total for payment in town.payments(BASIC_MEMBER, name)] for name in NAMES
    }
    assert billed["south"] == []
    assert billed["west"] == [1999]
    assert billed["north"][-1] == 4900
    assert billed["east"][-1] == 2449
    live = {name: len(town.all_live(BASIC_MEMBER, name)) for name in NAMES}
    assert live == {"north": 1, "east": 1, "south": 0, "west": 1}
    assert town.left_over() == []
