"""Limits of products that nobody has alone: derived where that is certain, else told."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from bridge.domain.limit_diff import differences
from bridge.network.entities import Entity
from bridge.sandbox.example_limits import BASIC
from bridge.sandbox.examples import (
    BASIC_ID,
    EXTRA_DISK_SPACE_ID,
    FREE_ID,
    PREMIUM_ID,
    UNLIMITED_VISITS_ID,
    member,
)
from bridge.store.limits import OWN, LimitsOwner, save_limits
from sync.learning import Learned, learn
from tests.conftest import NOW
from tests.sync.conftest import Lab
from tests.sync.test_drift import LIMITS

DISK = {"disk_space": {"enabled": True, "limit": 7000}}
VISITS = {"visits": {"enabled": True, "limit": 4711}}


class Sold:
    """A network where products are sold together, and a catalogue taken at the beginning."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        state = lab.sandbox.state
        for entity in ("site", "membership"):
            for row_id in state.ids(entity):
                state.remove(entity, row_id)

    def sell(self, plan: int, *addons: int, times: int = 1, quantity: int = 1) -> None:
        with self.lab.sandbox.state.changing():
            for _ in range(times):
                member(
                    self.lab.sandbox.state,
                    plan=plan,
                    addons={str(each): quantity for each in addons},
                )

    def know(self, *products: int, source: str = "file") -> None:
        self.lab.sync()
        with self.lab.session() as session, session.begin():
            rows = {LimitsOwner("product", each): LIMITS[each] for each in products}
            save_limits(session, self.lab.id, rows, kind=OWN, source=source, now=NOW)
        self.lab.clock.now += timedelta(hours=1)
        self.lab.sandbox.state.clock = self.lab.clock

    def change(self, product: int, row: dict[str, Any]) -> dict[str, Any]:
        whole = copy.deepcopy(LIMITS[product]) | row
        self.lab.client.write_limits(Entity.PRODUCT, product, whole)
        return whole

    def learn(self) -> Learned:
        self.lab.sync(incremental=True)
        with self.lab.session() as session:
            return learn(session, session.merge(self.lab.network))


@pytest.fixture
def sold(sqlite_engine: Engine, open_lab: Callable[..., Lab]) -> Sold:
    return Sold(open_lab(sqlite_engine))


ALL = tuple(LIMITS)


def test_a_changed_plan_that_nobody_has_alone_is_derived(sold: Sold) -> None:
    """Its number is what is left of the sum with the add-on's, which others show unchanged."""
    sold.sell(BASIC_ID, EXTRA_DISK_SPACE_ID, times=2)
    sold.sell(PREMIUM_ID, EXTRA_DISK_SPACE_ID)
    sold.know(*ALL)
    row = sold.change(BASIC_ID, DISK)
    found = sold.learn()
    assert dict(found.proposal.limits) == {BASIC_ID: row}
    assert found.evidence == {"basic": "derived from 2 sites that also have extra-disk-space"}
    assert found.open_questions == ()


def test_a_changed_addon_is_derived(sold: Sold) -> None:
    """Beside a plan that others have alone, divided by its quantity."""
    sold.sell(BASIC_ID)
    sold.sell(BASIC_ID, EXTRA_DISK_SPACE_ID, quantity=3)
    sold.know(*ALL)
    row = sold.change(EXTRA_DISK_SPACE_ID, DISK)
    found = sold.learn()
    assert dict(found.proposal.limits) == {BASIC_ID: BASIC, EXTRA_DISK_SPACE_ID: row}
    assert found.open_questions == ()


def test_a_plan_that_was_never_known_is_derived_from_known_addons(sold: Sold) -> None:
    """Nothing is taken for known of it before."""
    sold.sell(BASIC_ID, EXTRA_DISK_SPACE_ID)
    sold.know(EXTRA_DISK_SPACE_ID)
    found = sold.learn()
    assert not differences(found.proposal.limits[BASIC_ID], BASIC)
    assert [each for each in found.open_questions if each.startswith("basic")] == []


def test_what_an_addon_hides_of_a_plan_is_said(sold: Sold) -> None:
    """Saved, but nothing shows whether its visits changed: they stay, and it is said so."""
    sold.sell(BASIC_ID, UNLIMITED_VISITS_ID, times=2)
    sold.know(*ALL)
    sold.change(BASIC_ID, VISITS)
    found = sold.learn()
    assert found.proposal.limits == {}
    (question,) = found.open_questions
    assert question.startswith(
        "basic: saved on the network after its limits were taken, but no site shows its visits"
    )
    assert "catalogue export" in question
    sold.lab.clock.now += timedelta(minutes=1)
    row = sold.change(BASIC_ID, DISK)
    found = sold.learn()
    assert dict(found.proposal.limits) == {BASIC_ID: row}, "with the visits as known"
    assert len(found.open_questions) == 1


def test_a_plan_that_was_never_known_and_is_hidden_is_left_open(sold: Sold) -> None:
    """The limit that cannot be told is named, and what to do."""
    sold.sell(BASIC_ID, UNLIMITED_VISITS_ID)
    sold.know(UNLIMITED_VISITS_ID)
    found = sold.learn()
    assert BASIC_ID not in found.proposal.limits
    (question, *_) = [each for each in found.open_questions if each.startswith("basic: its")]
    assert question.startswith("basic: its visits cannot be told")


def test_two_products_that_may_have_changed_are_not_guessed(sold: Sold) -> None:
    """Both were saved, and only their sum is shown."""
    sold.sell(BASIC_ID, EXTRA_DISK_SPACE_ID, times=2)
    sold.know(*ALL)
    sold.change(BASIC_ID, DISK)
    sold.lab.clock.now += timedelta(minutes=10)
    sold.change(EXTRA_DISK_SPACE_ID, {})
    found = sold.learn()
    assert found.proposal.limits == {}
    (question,) = found.open_questions
    assert question.startswith("extra-disk-space or basic: 2 sites with basic and extra-disk-space")
    assert "disk space: expected" in question
    assert "catalogue export" in question


def test_an_override_of_one_membership_teaches_nothing(sold: Sold) -> None:
    """No product was saved: what one membership shows may be its own."""
    sold.sell(BASIC_ID)
    sold.sell(BASIC_ID, EXTRA_DISK_SPACE_ID)
    sold.know(*ALL)
    site = sold.lab.there("site")[-1]
    sold.lab.client.write_limits(Entity.SITE, site, DISK)
    sold.lab.sync()
    found = sold.learn()
    assert dict(found.proposal.limits) == {BASIC_ID: BASIC}
    (question,) = found.open_questions
    assert "override" in question
    with sold.lab.session() as session, session.begin():
        owner = LimitsOwner("site", site)
        save_limits(session, sold.lab.id, {owner: DISK}, kind=OWN, source="accepted", now=NOW)
    assert sold.learn().open_questions == (), "an override that we know of is no question"


def test_one_row_leads_to_the_next(sold: Sold) -> None:
    """A plan is found beside an add-on that was found beside another plan."""
    sold.sell(FREE_ID)
    sold.sell(FREE_ID, EXTRA_DISK_SPACE_ID, times=2)
    sold.sell(BASIC_ID, EXTRA_DISK_SPACE_ID, times=2)
    sold.know(*ALL)
    disk = sold.change(EXTRA_DISK_SPACE_ID, DISK)
    basic = sold.change(BASIC_ID, VISITS)
    found = sold.learn()
    assert dict(found.proposal.limits) == {
        FREE_ID: LIMITS[FREE_ID],
        EXTRA_DISK_SPACE_ID: disk,
        BASIC_ID: basic,
    }
    assert found.open_questions == ()
