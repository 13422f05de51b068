"""Changes of memberships that the plugin billed before: it goes on writing at Stripe, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.sandbox.examples import PREMIUM_ID
from bridge.sandbox.stripe_faults import server_error
from bridge.store.changes import ChangeRepository
from bridge.store.tables import ChangeState
from tests.scenarios.town import BASIC_MEMBER, MONTH, YEAR, YEARLY_MEMBER, Town

BASIC, DISK, PREMIUM = (f"planbridge-main-{number}" for number in (5, 2, 6))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path) as made:
        yield made


def plugin_wrote(town: Town) -> int:
    """How often the plugin told Stripe a new price."""
    return len(town.places["main"].state.effects_of("stripe_updated"))


def test_an_upgrade_is_billed_by_our_items_after_the_plugin_wrote_its_own(town: Town) -> None:
    """Charged once, to the cent; the plugin's items do not stay."""
    town.bill_by_plugin(BASIC_MEMBER, cents=1999)
    town.adopt(BASIC_MEMBER)
    before = town.live(BASIC_MEMBER)["id"]
    town.pass_days(10)
    given, change = town.buy(BASIC_MEMBER, "premium")
    assert change.state is ChangeState.PROVEN, change.reason
    assert plugin_wrote(town) == 1
    assert town.charged() == [1999, given.quote.due_now]
    assert town.live(BASIC_MEMBER)["id"] == before
    assert town.bills(BASIC_MEMBER) == {PREMIUM: 4900}
    assert town.next_bill(BASIC_MEMBER)[0] == 4900
    town.pass_days(32)
    assert town.charged() == [1999, given.quote.due_now, 4900]


def test_a_coupon_for_ever_of_the_plugin_takes_nothing_off_the_quote(town: Town) -> None:
    """A member at an old price pays what is quoted, now and each cycle."""
    town.bill_by_plugin(BASIC_MEMBER, cents=1499, lists=1999)
    town.adopt(BASIC_MEMBER)
    town.pass_days(10)
    given, change = town.buy(BASIC_MEMBER, "premium")
    assert change.state is ChangeState.PROVEN, change.reason
    assert town.charged() == [1499, given.quote.due_now]
    assert town.live(BASIC_MEMBER)["discounts"] == []
    assert town.next_bill(BASIC_MEMBER)[0] == given.quote.recurring_total == 4900


def test_an_addon_leaves_no_coupon_of_the_plugin_behind(town: Town) -> None:
    """The plugin bills list prices less a coupon: the same sum, until the next change."""
    town.bill_by_plugin(BASIC_MEMBER, cents=1499, lists=1999)
    town.adopt(BASIC_MEMBER)
    ends = town.next_bill(BASIC_MEMBER)[1]
    town.pass_days(10)
    given, change = town.buy(BASIC_MEMBER, "basic", "extra-disk-space")
    assert change.state is ChangeState.PROVEN, change.reason
    assert plugin_wrote(town) == 1
    assert town.live(BASIC_MEMBER)["discounts"] == []
    assert town.bills(BASIC_MEMBER) == {BASIC: given.quote.recurring_total - 450, DISK: 450}
    assert town.next_bill(BASIC_MEMBER) == (given.quote.recurring_total, ends)
    assert town.charged() == [1499, given.quote.due_now]


def test_another_period_is_billed_once(town: Town) -> None:
    """The plugin's write never begins a cycle of its own, whose bill would come on top."""
    town.bill_by_plugin(BASIC_MEMBER, cents=1999)
    town.adopt(BASIC_MEMBER)
    town.pass_days(10)
    given, change = town.buy(BASIC_MEMBER, "premium", period=YEAR)
    assert change.state is ChangeState.PROVEN, change.reason
    assert town.charged() == [1999, given.quote.due_now]
    assert town.bills(BASIC_MEMBER) == {PREMIUM: 49000}
    assert town.next_bill(BASIC_MEMBER)[1].year == 2027


def test_the_plugin_does_not_write_before_stripe_bills_by_the_new_period(town: Town) -> None:
    """Paid by an invoice of its own, as a coupon stands: the engine waits for the subscription.

    Written before, the plugin's update would begin a cycle, and charge for it on top.
    """
    town.bill_by_plugin(BASIC_MEMBER, cents=1499, lists=1999)
    town.adopt(BASIC_MEMBER)
    town.pass_days(10)
    given, change = town.buy(BASIC_MEMBER, "premium", period=YEAR)
    assert change.state is ChangeState.PROVEN, change.reason
    assert town.charged() == [1499, given.quote.due_now]
    assert town.bills(BASIC_MEMBER) == {PREMIUM: 49000}
    assert town.live(BASIC_MEMBER)["discounts"] == []
    assert town.left_over() == []


def test_putting_it_right_again_asks_for_nothing(town: Town) -> None:
    """The stage reads first: repeated, it finds what is wanted and writes nothing."""
    town.bill_by_plugin(BASIC_MEMBER, cents=1499, lists=1999)
    town.adopt(BASIC_MEMBER)
    _, change = town.buy(BASIC_MEMBER, "basic", "extra-disk-space")
    told = town.steps_of(change.id)["subscription"]
    assert "put right at Stripe: discounts, items" in told["note"]
    town.stripe.requests.clear()
    with town.app.session() as session:
        ChangeRepository(session).move(
            change.id,
            to=ChangeState.APPLYING,
            came_from=(ChangeState.PROVEN,),
            now=town.clock(),
        )
    assert town.steps.run("subscription", change.id, 0)["verdict"] == "go_on"
    assert "bills what it is to bill" in town.steps_of(change.id)["subscription"]["note"]
    assert list(town.stripe.requests.writes()) == []


def test_stripe_being_away_only_delays_it(town: Town) -> None:
    """The membership is written; the stage is tried again until Stripe has what was sold."""
    town.bill_by_plugin(BASIC_MEMBER, cents=1499, lists=1999)
    town.adopt(BASIC_MEMBER)
    given = town.quote(BASIC_MEMBER, "basic", "extra-disk-space")
    change = town.ask(given)
    town.collect(change)
    town.deliver()
    for stage in ("check", "write", "payment", "sites"):
        assert town.steps.run(stage, change, 0)["verdict"] == "go_on"
    town.stripe.faults.add(server_error(should_retry=False), times=1)
    assert town.steps.run("subscription", change, 0)["verdict"] == "wait"
    assert town.change(change).state is not ChangeState.ATTENTION
    town.settle()
    assert town.change(change).state is ChangeState.PROVEN
    assert town.live(BASIC_MEMBER)["discounts"] == []


def test_a_downgrade_at_term_end_is_billed_at_its_price(town: Town) -> None:
    """Scheduled at Stripe, carried out on its day, and billed by our items from then on."""
    town.set(YEARLY_MEMBER, date_expiration="2027-11-24 23:59:59")
    town.bill_by_plugin(YEARLY_MEMBER, cents=49000, unit="year")
    town.adopt(YEARLY_MEMBER)
    town.pass_days(10)
    _, change = town.buy(YEARLY_MEMBER, "basic", period=MONTH)
    assert change.state is ChangeState.SCHEDULED
    town.pass_days(358)
    assert town.change(change.id).state is ChangeState.PROVEN, town.change(change.id).reason
    assert town.bills(YEARLY_MEMBER) == {BASIC: 1999}
    assert town.charged() == [49000, 1999]
    assert town.live(YEARLY_MEMBER)["schedule"] is None
    town.pass_days(31)
    assert town.charged() == [49000, 1999, 1999]
    assert town.left_over() == []


def test_a_revoked_downgrade_leaves_the_old_price_with_its_coupon(town: Town) -> None:
    """What the plugin had agreed with the customer holds as if nothing had been scheduled."""
    town.set(BASIC_MEMBER, plan_id=PREMIUM_ID)
    town.bill_by_plugin(BASIC_MEMBER, cents=3900, lists=4900)
    town.adopt(BASIC_MEMBER)
    before = town.next_bill(BASIC_MEMBER)
    _, change = town.buy(BASIC_MEMBER, "basic")
    assert change.state is ChangeState.SCHEDULED
    assert town.live(BASIC_MEMBER)["schedule"]
    town.revoke(change.id)
    assert town.live(BASIC_MEMBER)["schedule"] is None
    assert town.next_bill(BASIC_MEMBER) == before


def test_a_downgrade_is_billed_in_full_though_a_coupon_stood_before(town: Town) -> None:
    """The coupon belonged to the old price."""
    town.set(BASIC_MEMBER, plan_id=PREMIUM_ID)
    town.bill_by_plugin(BASIC_MEMBER, cents=3900, lists=4900)
    town.adopt(BASIC_MEMBER)
    town.buy(BASIC_MEMBER, "basic")
    town.pass_days(32)
    assert town.charged() == [3900, 1999]
    assert town.bills(BASIC_MEMBER) == {BASIC: 1999}
    assert town.live(BASIC_MEMBER)["discounts"] == []


def test_going_free_ends_the_subscription_and_is_not_refused(town: Town) -> None:
    """The plugin refuses to price a subscription that has ended: the membership lets go of it."""
    town.bill_by_plugin(BASIC_MEMBER, cents=1999)
    town.adopt(BASIC_MEMBER)
    town.pass_days(10)
    _, change = town.buy(BASIC_MEMBER, "free")
    assert change.state is ChangeState.SCHEDULED
    town.pass_days(22)
    assert town.change(change.id).state is ChangeState.PROVEN, town.change(change.id).reason
    assert town.all_live(BASIC_MEMBER) == []
    row = town.row(BASIC_MEMBER)
    assert (row["gateway"], row["gateway_subscription_id"]) == ("", "")
    assert row["status"] == "active"
    town.pass_days(40)
    assert town.charged() == [1999]
    assert town.row(BASIC_MEMBER)["status"] == "active"
