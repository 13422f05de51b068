"""What a membership's billing asks of the network, and what was given back of its payments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.domain.memberships import Membership, MembershipStatus
from bridge.domain.periods import Period
from bridge.domain.standing import Standing, Verdict
from bridge.store.tables import StripeSeen
from bridge.upgrades.billed import PLUGIN_PATIENCE, Order, Seen, heeded, order_for, refunded

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
GOOD = Verdict(Standing.GOOD)


def seen(kind: str, key: str, *, settled: bool = False, sub: str = "", **facts: Any) -> StripeSeen:
    return StripeSeen(
        account="acct_1",
        id=key,
        kind=kind,
        seen_at=NOW,
        subscription=sub,
        facts=facts,
        settled={} if settled else None,
        updated_at=NOW,
    )


def paid(key: str, *, months: int = 1, ours: bool = True, **more: Any) -> StripeSeen:
    """A paid renewal whose term ends in so many months of 30 days."""
    facts: dict[str, Any] = {
        "status": "paid",
        "renews": True,
        "ours": ours,
        "attempts": 1,
        "due_since": int(NOW.timestamp()) + months,
        "paid_at": int(NOW.timestamp()),
        "period_end": int((NOW + months * 30 * DAY).timestamp()),
        "amount_paid": 4900,
        "tax": 0,
        "currency": "USD",
    }
    settled = more.pop("settled", False)
    return seen("invoice", key, sub="sub_1", settled=settled, **{**facts, **more})


def a_member(**fields: Any) -> Membership:
    known: dict[str, Any] = {
        "id": 1,
        "customer_id": 1,
        "plan_id": 2,
        "currency": "USD",
        "amount": 4900,
        "period": Period(1, "month"),
        "status": MembershipStatus.ACTIVE,
        "times_billed": 5,
        "auto_renew": True,
        "date_expiration": NOW + DAY,
    }
    return Membership(**{**known, **fields})


def order(
    *rows: StripeSeen, member: Membership | None = None, now: datetime = NOW, **more: Any
) -> Order:
    known: dict[str, Any] = {"term_set_at": None, "noted": {}}
    verdict = more.pop("verdict", GOOD)
    return order_for(Seen.of(rows), member or a_member(), verdict, now=now, **{**known, **more})


def test_two_renewals_at_once_are_one_write_and_two_counts() -> None:
    """The later term counts, each is billed."""
    asked = order(paid("in_2", months=2), paid("in_1"))
    assert asked.fields["times_billed"] == 7
    assert asked.fields["date_expiration"].date() == (NOW + 60 * DAY).date()
    assert [(one.invoice.id, one.count) for one in asked.renewals] == [("in_1", 6), ("in_2", 7)]


def test_what_is_settled_is_not_done_again() -> None:
    """Not even when somebody has shortened the term since."""
    asked = order(paid("in_1", settled=True))
    assert (asked.fields, asked.renewals) == ({}, ())


@pytest.mark.parametrize("written", [5, 6])
def test_a_count_that_was_noted_stays(written: int) -> None:
    """Killed before or after the write: the second try comes to the same."""
    noted = {"counts": {"in_1": 6}}
    asked = order(paid("in_1"), member=a_member(times_billed=written), noted=noted)
    assert [one.count for one in asked.renewals] == [6]
    assert asked.fields.get("times_billed", written) == 6


def test_a_change_that_set_the_term_later_keeps_it() -> None:
    """A renewal that was paid before it is booked and counted, no more."""
    asked = order(paid("in_1"), term_set_at=NOW + DAY)
    assert "date_expiration" not in asked.fields
    assert asked.fields["times_billed"] == 6
    assert "date_expiration" in order(paid("in_1"), term_set_at=NOW - DAY).fields


def test_a_paid_renewal_of_a_cancelled_membership_is_the_operators() -> None:
    """It is not brought back by itself."""
    asked = order(paid("in_1"), member=a_member(status=MembershipStatus.CANCELLED))
    assert "status" not in asked.fields
    assert "in_1 was paid though" in asked.warning


def test_an_old_renewal_activates_nothing() -> None:
    """Its term is over already."""
    expired = a_member(status=MembershipStatus.EXPIRED, date_expiration=NOW - 90 * DAY)
    assert "status" not in order(paid("in_1", months=-2), member=expired).fields
    assert order(paid("in_1"), member=expired).fields["status"] == "active"


PLUGINS = {"gateway": "stripe", "gateway_subscription_id": "sub_1"}


def test_the_plugins_own_gateway_goes_first() -> None:
    """Ten minutes; what it did is left alone, what it did not do is done."""
    theirs = paid("in_1", ours=False)
    waiting = order(theirs, member=a_member(**PLUGINS))
    assert (waiting.fields, waiting.renewals) == ({}, ())
    assert waiting.waits_until == NOW + PLUGIN_PATIENCE
    late = order(theirs, member=a_member(**PLUGINS), now=NOW + PLUGIN_PATIENCE)
    assert late.fields["times_billed"] == 6
    done = order(theirs, member=a_member(**PLUGINS, date_expiration=NOW + 40 * DAY))
    assert done.fields == {}
    assert [one.by_plugin for one in done.renewals] == [True]


def test_a_taken_over_subscription_is_planbridges_at_once() -> None:
    """Though the plugin's fields still name it."""
    assert order(paid("in_1"), member=a_member(**PLUGINS)).fields["times_billed"] == 6


@pytest.mark.parametrize("standing", list(Standing))
def test_who_bills_nothing_again_owes_nothing(standing: Standing) -> None:
    """A free plan, or one that was paid for ever: its old subscription has no say."""
    free = a_member(amount=0, recurring=False)
    said = heeded(Verdict(standing), free, has_open_change=False, now=NOW)
    assert said.standing is Standing.UNKNOWN


def test_a_renewal_is_dated_by_the_sites_clock() -> None:
    """As the plugin's own `renew` writes it; what does not extend the term leaves the date."""
    asked = order(paid("in_1"), timezone="Asia/Tokyo")
    assert asked.fields["date_renewed"] == NOW + timedelta(hours=9)
    assert "date_renewed" not in order(paid("in_1", months=0)).fields


def test_an_end_during_a_change_is_a_part_of_it() -> None:
    """It is looked at again; without an open change it counts."""
    ended = Verdict(Standing.ENDED, "sub_1 ended")
    waits = heeded(ended, a_member(), has_open_change=True, now=NOW)
    assert waits.standing is Standing.GOOD
    assert waits.look_at is not None
    assert heeded(ended, a_member(), has_open_change=False, now=NOW) is ended


PAYMENTS = {
    "in_1": ("in_1", "pi_1", "ch_1", "re_1", "re_2"),
    "pi_9": ("pi_9", "re_9"),
}


def payment_of(_account: str, key: str) -> tuple[str, ...]:
    """The ids of a payment, whichever of them is given."""
    return next((ids for ids in PAYMENTS.values() if key in ids), (key,))


def refund(key: str, amount: int, status: str = "succeeded") -> StripeSeen:
    return seen("refund", key, status=status, amount=amount, currency="USD")


@pytest.mark.parametrize(
    ("rows", "total"),
    [
        ([refund("re_1", 1000)], 1000),
        ([refund("re_1", 1000), refund("re_2", 500)], 1500),
        ([refund("re_1", 1000), refund("re_2", 500, "failed")], 1000),
        ([refund("re_1", 1000), seen("charge", "ch_1", refunded=1000, currency="USD")], 1000),
        ([refund("re_2", 500), seen("charge", "ch_1", refunded=1500, currency="USD")], 1500),
        ([seen("charge", "ch_1", refunded=700, currency="USD")], 700),
        ([refund("re_1", 1000, "failed")], 0),
    ],
)
def test_refunds_count_by_id_and_no_less_than_the_charge_says(
    rows: list[StripeSeen], total: int
) -> None:
    """Never the cumulative sum added up (§7 no. 9)."""
    assert {key: found[0] for key, found in refunded(rows, payment_of).items()} == {"ch_1": total}


def test_refunds_of_two_payments_are_two() -> None:
    """And a charge of which nothing was given back is none."""
    rows = [
        refund("re_1", 100),
        refund("re_9", 200),
        seen("charge", "ch_5", refunded=0, currency="USD"),
    ]
    found = refunded(rows, payment_of)
    assert sorted(total for total, _, _ in found.values()) == [100, 200]
