"""Money given back, in both shapes of Stripe's objects, whatever of it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.upgrades.opening import frozen_by
from tests.scenarios.town import BASIC_MEMBER, Town

LEGACY, BASIL = "2025-02-24.acacia", "2025-08-27.basil"


@pytest.fixture(params=[LEGACY, BASIL])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path, version=request.param) as made:
        made.bill_by_plugin(BASIC_MEMBER, cents=1999)
        made.adopt(BASIC_MEMBER)
        yield made


def renew(town: Town) -> str:
    """Let a month pass; the charge of the renewal."""
    town.pass_days(32)
    return str(town.api.charges.list().data[0].id)


def refunded(town: Town) -> tuple[int, str]:
    """What the network shows of the renewal's payment."""
    (payment,) = town.payments(BASIC_MEMBER)
    return payment.refund_total, payment.status


def test_two_partial_refunds_and_the_rest(town: Town) -> None:
    """By what was given back altogether: the plugin adds the cumulative sum each time."""
    charge = renew(town)
    seen = []
    for amount in (500, 300, 1199):
        town.api.refunds.create({"charge": charge, "amount": amount})
        town.settle()
        seen.append(refunded(town))
    assert seen == [
        (-500, "partially-refunded"),
        (-800, "partially-refunded"),
        (-1999, "refunded"),
    ]
    assert town.left_over() == []


def test_a_refund_is_found_though_nothing_told_which_invoice_it_is_of(town: Town) -> None:
    """Since Basil only `invoice_payment.paid` says so, and an endpoint may not ask for it."""
    town.lost = frozenset({"invoice_payment.paid"})
    charge = renew(town)
    town.api.refunds.create({"charge": charge, "amount": 500})
    town.settle()
    assert refunded(town) == (-500, "partially-refunded")


@pytest.mark.parametrize("kept", ["refund.created", "charge.refunded"])
def test_one_of_the_events_will_do(town: Town, kept: str) -> None:
    """A refund is told of by three; each of them alone is enough."""
    town.lost = frozenset(
        {"refund.created", "refund.updated", "charge.refunded", "invoice_payment.paid"} - {kept}
    )
    charge = renew(town)
    for amount in (500, 300):
        town.api.refunds.create({"charge": charge, "amount": amount})
        town.settle()
    assert refunded(town) == (-800, "partially-refunded")


def test_a_dispute_is_found_though_nothing_told_which_invoice_it_is_of(town: Town) -> None:
    """The membership is frozen, and the operator told."""
    town.lost = frozenset({"invoice_payment.paid"})
    charge = renew(town)
    dispute = town.stripe.open_dispute(charge)
    town.settle()
    with town.app.session() as session:
        assert dispute["id"] in frozen_by(session, town.network().key, BASIC_MEMBER)
