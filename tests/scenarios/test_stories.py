"""Stories of one customer, from the wish to the proof on every site, on a moving clock."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bridge.errors import PlanbridgeError
from bridge.sandbox.stripe_server import NotPossible
from bridge.store.tables import ChangeState
from tests.scenarios.town import (
    BAD_CARD,
    FREE_MEMBER,
    GOOD_CARD,
    MONTH,
    YEAR,
    Town,
)

BASIC, DISK, PREMIUM = (f"planbridge-main-{number}" for number in (5, 2, 6))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path) as made:
        yield made


def limits_of(town: Town) -> list[object]:
    """The visits that the network allows on each site of the member."""
    state = town.places["main"].state
    sites = [row["blog_id"] for row in state.rows("site") if row["membership_id"] == FREE_MEMBER]
    return [state.site_limits(site)["visits"]["limit"] for site in sites]


def test_an_upgrade_in_mid_cycle(town: Town) -> None:
    """Basic for ten days, then Premium: charged once to the cent, a new cycle, limits raised."""
    first, _ = town.buy(FREE_MEMBER, "basic")
    before = limits_of(town)
    town.pass_days(10)
    given, change = town.buy(FREE_MEMBER, "premium")
    assert change.state is ChangeState.PROVEN, change.reason
    assert 0 < given.quote.due_now < 4900
    assert town.charged() == [first.quote.due_now, given.quote.due_now]
    assert limits_of(town) != before
    assert town.next_bill(FREE_MEMBER) == (4900, given.quote.next_billing_at)
    town.pass_days(32)
    assert town.charged() == [first.quote.due_now, given.quote.due_now, 4900]
    assert [one.total for one in town.payments(FREE_MEMBER)] == town.charged()
    assert town.left_over() == []


def test_a_downgrade_at_the_end_of_the_term(town: Town) -> None:
    """Nothing now; on its day the lower price and the lower limits, and no schedule left."""
    town.buy(FREE_MEMBER, "premium")
    raised = limits_of(town)
    town.pass_days(5)
    given, change = town.buy(FREE_MEMBER, "basic")
    assert (change.state, given.quote.due_now) == (ChangeState.SCHEDULED, 0)
    assert limits_of(town) == raised
    town.pass_days(27)
    assert town.change(change.id).state is ChangeState.PROVEN
    assert limits_of(town) != raised
    assert town.charged() == [4900, 1999]
    assert town.live(FREE_MEMBER)["schedule"] is None
    town.pass_days(31)
    assert town.charged() == [4900, 1999, 1999]


def test_an_upgrade_after_a_scheduled_downgrade_is_never_reverted(town: Town) -> None:
    """The newer change cancels the older one at Stripe and here; months later it still holds."""
    town.buy(FREE_MEMBER, "basic")
    town.pass_days(5)
    _, down = town.buy(FREE_MEMBER, "free")
    town.pass_days(5)
    _, up = town.buy(FREE_MEMBER, "premium")
    assert town.change(down.id).state is ChangeState.SUPERSEDED
    assert up.state is ChangeState.PROVEN, up.reason
    live = town.live(FREE_MEMBER)
    assert (live["schedule"], live["cancel_at_period_end"]) == (None, False)
    town.pass_days(70)
    row = town.row(FREE_MEMBER)
    assert (row["plan_id"], row["status"]) == (6, "active")
    assert town.charged()[-2:] == [4900, 4900]


def test_a_scheduled_downgrade_replaced_by_another_comes_about_once(town: Town) -> None:
    """Premium, to Free, no: to Basic."""
    town.buy(FREE_MEMBER, "premium")
    _, first = town.buy(FREE_MEMBER, "free")
    _, second = town.buy(FREE_MEMBER, "basic")
    assert town.change(first.id).state is ChangeState.SUPERSEDED
    town.pass_days(32)
    assert town.change(second.id).state is ChangeState.PROVEN
    assert town.bills(FREE_MEMBER) == {BASIC: 1999}
    assert town.charged() == [4900, 1999]


def test_a_failed_renewal_and_its_recovery(town: Town) -> None:
    """Grace, on hold, and back as if nothing had been, with the term that was paid for."""
    town.buy(FREE_MEMBER, "premium")
    town.pass_days(25)
    town.change_card(FREE_MEMBER, BAD_CARD)
    town.pass_days(7)
    assert town.row(FREE_MEMBER)["status"] == "active"
    town.pass_days(4)
    assert town.row(FREE_MEMBER)["status"] == "on-hold"
    town.change_card(FREE_MEMBER, GOOD_CARD)
    town.pass_days(8)
    row = town.row(FREE_MEMBER)
    assert (row["status"], row["date_expiration"][:10]) == ("active", "2027-01-24")
    assert town.charged() == [4900, 4900]


def test_an_addon_bought_and_removed(town: Town) -> None:
    """Prorated to the end of the term when it is bought, billed with the plan, gone in the end."""
    town.buy(FREE_MEMBER, "premium")
    town.pass_days(10)
    given, bought = town.buy(FREE_MEMBER, "extra-disk-space")
    assert bought.state is ChangeState.PROVEN, bought.reason
    assert 0 < given.quote.due_now < 450
    assert town.bills(FREE_MEMBER) == {PREMIUM: 4900, DISK: 450}
    town.pass_days(25)
    assert town.charged() == [4900, given.quote.due_now, 5350]
    _, removed = town.buy(FREE_MEMBER, dropped=("extra-disk-space",))
    assert removed.state is ChangeState.SCHEDULED, removed.reason
    town.pass_days(30)
    assert town.change(removed.id).state is ChangeState.PROVEN, town.change(removed.id).reason
    assert dict(town.row(FREE_MEMBER)["addon_products"]) == {}
    assert town.bills(FREE_MEMBER) == {PREMIUM: 4900}
    assert town.charged() == [4900, given.quote.due_now, 5350, 4900]
    assert len(town.all_live(FREE_MEMBER)) == 1


def test_from_a_year_to_a_month(town: Town) -> None:
    """At the end of the year; from then on by the month."""
    town.buy(FREE_MEMBER, "premium", period=YEAR)
    town.pass_days(30)
    _, change = town.buy(FREE_MEMBER, "premium", period=MONTH)
    assert change.state is ChangeState.SCHEDULED, change.reason
    town.pass_days(337)
    assert town.change(change.id).state is ChangeState.PROVEN, town.change(change.id).reason
    assert town.charged() == [49000, 4900]
    town.pass_days(31)
    assert town.charged() == [49000, 4900, 4900]
    assert town.left_over() == []


def test_two_tabs_at_once(town: Town) -> None:
    """Two pages for one membership: the older one is closed, one change, one subscription."""
    basic, premium = town.quote(FREE_MEMBER, "basic"), town.quote(FREE_MEMBER, "premium")
    first = town.ask(basic)
    page = town.collecting.collect(town.network(), first).url
    second = town.ask(premium)
    town.collect(second)
    assert page is not None
    with pytest.raises(NotPossible):
        town.stripe.complete_checkout(page.rsplit("/", 1)[1], payment_method=GOOD_CARD)
    town.settle()
    assert town.change(first).state is ChangeState.SUPERSEDED
    assert town.change(second).state is ChangeState.PROVEN
    assert town.charged() == [4900]
    assert len(town.all_live(FREE_MEMBER)) == 1


def test_two_tabs_at_the_same_moment(town: Town) -> None:
    """The same wish sent eight times: one change, one page, one charge."""
    given = town.quote(FREE_MEMBER, "premium")

    def go(_: int) -> tuple[str, str | None]:
        try:
            change = town.ask(given)
            return change, town.collecting.collect(town.network(), change).url
        except PlanbridgeError as error:
            return type(error).__name__, None

    with ThreadPoolExecutor(8) as pool:
        found = {pair for pair in pool.map(go, range(8)) if pair[1]}
    assert len(found) == 1
    ((change, url),) = found
    assert url is not None
    town.stripe.complete_checkout(url.rsplit("/", 1)[1], payment_method=GOOD_CARD)
    town.settle()
    assert town.change(change).state is ChangeState.PROVEN
    assert town.charged() == [4900]
    assert len(town.all_live(FREE_MEMBER)) == 1
