"""Who bills a membership, as its network shows it: the plugin's cron leaves it alone then.

The cron looks for memberships without ``auto_renew`` (domain/billing-stripe.md §6): it would put
an active one on hold and send an invoice of its own three days before the term ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.sandbox.stripe_server import NotPossible
from bridge.store.tables import ChangeState
from tests.scenarios.town import FREE_MEMBER, GOOD_CARD, PREMIUM_MEMBER, TRIAL_MEMBER, Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path) as made:
        yield made


def biller(town: Town, member: int) -> tuple[object, bool, object]:
    row = town.row(member)
    return row["gateway"], bool(row["auto_renew"]), row["gateway_subscription_id"]


@pytest.mark.parametrize("before", ["", "free", "manual"])
def test_a_paid_upgrade_is_billed_by_planbridge(town: Town, before: str) -> None:
    """From the write on that carries it out, not from the first renewal on."""
    town.set(FREE_MEMBER, gateway=before, gateway_subscription_id="", auto_renew=False)
    _, change = town.buy(FREE_MEMBER, "premium")
    assert change.state is ChangeState.PROVEN, change.reason
    assert biller(town, FREE_MEMBER) == ("planbridge", True, "")
    town.pass_days(32)
    assert biller(town, FREE_MEMBER) == ("planbridge", True, "")
    assert town.charged() == [4900, 4900]


def test_a_trial_is_billed_by_planbridge_once_there_is_a_card(town: Town) -> None:
    """Nothing is due and the change carried out at once; until he gives a card, the network asks
    him for the money when the trial ends. He may come back to the page where he gives it."""
    town.set(TRIAL_MEMBER, gateway="manual", auto_renew=False)
    given = town.quote(TRIAL_MEMBER, "premium", "extra-disk-space")
    change = town.ask(given)
    town.settle()
    assert (town.change(change).state, given.quote.due_now) == (ChangeState.PROVEN, 0)
    assert biller(town, TRIAL_MEMBER)[:2] == ("manual", False)
    town.collect(change)
    town.settle()
    assert biller(town, TRIAL_MEMBER)[:2] == ("planbridge", True)
    town.pass_days(16)
    assert town.charged() == [given.quote.next_billing_amount]


def test_a_page_for_a_card_is_closed_by_a_newer_change(town: Town) -> None:
    """Two tabs: a second subscription cannot be begun in the older one."""
    older = town.ask(town.quote(TRIAL_MEMBER, "premium", "extra-disk-space"))
    page = town.collecting.collect(town.network(), older).url
    assert page is not None
    town.settle()
    newer = town.ask(town.quote(TRIAL_MEMBER, "premium", "extra-disk-space", "priority-support"))
    town.collect(newer)
    with pytest.raises(NotPossible):
        town.stripe.complete_checkout(page.rsplit("/", 1)[1], payment_method=GOOD_CARD)
    town.settle()
    assert len(town.all_live(TRIAL_MEMBER)) == 1


def test_a_plan_that_costs_nothing_is_billed_by_nobody(town: Town) -> None:
    town.buy(FREE_MEMBER, "premium")
    _, change = town.buy(FREE_MEMBER, "free")
    town.pass_days(32)
    assert town.change(change.id).state is ChangeState.PROVEN
    assert biller(town, FREE_MEMBER) == ("", False, "")


def test_an_addon_that_is_billed_each_cycle_brings_the_plan_along(town: Town) -> None:
    """Paid by bank transfer until now; one subscription bills both from the next term on."""
    _, change = town.buy(PREMIUM_MEMBER, "priority-support")
    assert change.state is ChangeState.PROVEN, change.reason
    assert biller(town, PREMIUM_MEMBER)[:2] == ("planbridge", True)
    assert len(town.bills(PREMIUM_MEMBER)) == 2
