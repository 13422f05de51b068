"""Drift: found on every site, put right by one whole row, and never guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from bridge.jobs import drift_alarms
from bridge.network.client import Entity
from bridge.sandbox.example_limits import (
    BASIC,
    EXTRA_DISK_SPACE,
    FREE,
    PREMIUM,
    UNLIMITED_VISITS,
)
from bridge.sandbox.examples import (
    BASIC_ID,
    EXTRA_DISK_SPACE_ID,
    FREE_ID,
    PREMIUM_ID,
    PRIORITY_SUPPORT_ID,
    UNLIMITED_VISITS_ID,
)
from bridge.sandbox.network_state import LIMITS_KEY
from bridge.store import drift as store
from bridge.store.limits import OWN, LimitsOwner, save_limits
from bridge.store.tables import (
    Change,
    ChangeState,
    DriftFinding,
    DriftPolicy,
    DriftScan,
    DriftState,
    MembershipRecord,
    SiteRecord,
)
from sync import drift
from sync.acceptance import NoSuchOverride, NothingToAccept, accept
from sync.pace import Pace
from sync.repairs import repair
from tests.conftest import NOW
from tests.sync.conftest import Lab

Open = Callable[..., Lab]
LIMITS: dict[int, dict[str, Any]] = {
    UNLIMITED_VISITS_ID: UNLIMITED_VISITS,
    EXTRA_DISK_SPACE_ID: EXTRA_DISK_SPACE,
    PRIORITY_SUPPORT_ID: {},
    FREE_ID: FREE,
    BASIC_ID: BASIC,
    PREMIUM_ID: PREMIUM,
}
BY_HAND = {"visits": {"enabled": True, "limit": 5}}


class Watched:
    """A lab whose catalogue is known, and a search for drift on it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        lab.sync()
        self.know()
        self.site, self.other = self.sites()[:2]

    def know(self) -> None:
        self.keep({LimitsOwner("product", key): row for key, row in LIMITS.items()})

    def keep(self, rows: dict[LimitsOwner, dict[str, Any]]) -> None:
        with Session(self.lab.engine) as session, session.begin():
            save_limits(session, self.lab.id, rows, kind=OWN, source="file", now=NOW)

    def sites(self) -> list[int]:
        """Customers' sites on the network."""
        rows = self.lab.sandbox.state.rows("site")
        return [row["blog_id"] for row in rows if row["type"] == "customer_owned"]

    def change_by_hand(self, site: int, row: dict[str, Any] | None = None) -> None:
        self.lab.sandbox.state.set_meta("site", site, LIMITS_KEY, row or BY_HAND)

    def scan(self, **options: Any) -> DriftScan:
        return drift.scan(
            self.lab.engine,
            self.lab.network,
            self.lab.client,
            clock=self.lab.clock,
            pace=Pace(0),
            **options,
        )

    def repair(self, **options: Any) -> Any:
        return repair(
            self.lab.engine, self.lab.network, self.lab.client, clock=self.lab.clock, **options
        )

    def findings(self) -> dict[int, DriftFinding]:
        with self.lab.session() as session:
            found = session.exec(select(DriftFinding)).all()
            session.expunge_all()
        return {each.site_id: each for each in found}

    def policy(self, policy: DriftPolicy) -> None:
        with self.lab.session() as session, session.begin():
            store.set_policy(session, self.lab.id, policy)

    def shown_visits(self, site: int) -> Any:
        return self.lab.sandbox.state.site_limits(site)["visits"]["limit"]

    def writes(self) -> list[Any]:
        return list(self.lab.sandbox.journal.writes())


@pytest.fixture
def watched(sqlite_engine: Engine, open_lab: Open) -> Watched:
    return Watched(open_lab(sqlite_engine))


def test_nothing_is_found_where_nothing_was_touched(engine: Engine, open_lab: Open) -> None:
    """Every customer's site is read and equal to the composition, on both databases."""
    watched = Watched(open_lab(engine))
    scan = watched.scan()
    assert (scan.sites, scan.drifted, scan.gone) == (len(watched.sites()), 0, 0)
    assert scan.unproven == 0, scan.notes
    assert scan.finished_at is not None
    assert watched.findings() == {}


def test_a_limit_changed_by_hand_is_found_and_repaired(engine: Engine, open_lab: Open) -> None:
    """The finding names the limit and the override; the repair is read back."""
    watched = Watched(open_lab(engine))
    before = watched.shown_visits(watched.site)
    watched.change_by_hand(watched.site)
    scan = watched.scan()
    assert scan.drifted == 1
    finding = watched.findings()[watched.site]
    assert finding.state is DriftState.OPEN
    assert [sentence for sentence in finding.differences if "visits" in sentence]
    assert "override" in finding.overrides[0]
    assert finding.shown["visits"]["limit"] == 5
    with watched.lab.session() as session:
        assert drift_alarms(session) == "sites of lab that differ: 1 (planbridge drift show lab)"
    (done,) = watched.repair()
    assert done.state is DriftState.REPAIRED, done
    assert watched.shown_visits(watched.site) == before
    assert watched.findings()[watched.site].shown["visits"]["limit"] == 5, "what was taken away"
    assert watched.scan().drifted == 0
    with watched.lab.session() as session:
        assert drift_alarms(session) == ""


def test_a_dry_run_shows_the_write_and_writes_nothing(watched: Watched) -> None:
    """The row that would be written is known before."""
    watched.change_by_hand(watched.site)
    watched.scan()
    watched.lab.sandbox.journal.clear()
    (planned,) = watched.repair(dry_run=True)
    assert [(write.entity, write.id, dict(write.row)) for write in planned.writes] == [
        (Entity.SITE, watched.site, {})
    ]
    assert planned.differences
    assert watched.writes() == []
    assert watched.findings()[watched.site].state is DriftState.OPEN


def test_a_known_override_is_kept_whole_by_a_repair(watched: Watched) -> None:
    """A site that was sold more gets its whole row back, not an empty one."""
    sold = {
        "visits": {"enabled": True, "limit": 777},
        "disk_space": {"enabled": True, "limit": 888},
    }
    watched.keep({LimitsOwner("site", watched.site): sold})
    watched.change_by_hand(watched.site)
    assert watched.scan().drifted == 1
    (done,) = watched.repair()
    assert done.state is DriftState.REPAIRED, done
    meta = watched.lab.sandbox.state.meta("site", watched.site)[LIMITS_KEY]
    assert meta == sold


def test_an_override_of_the_membership_is_only_taken_away_on_request(watched: Watched) -> None:
    """The site's own row does not help; the site is stuck until the operator says more."""
    member = watched.lab.sandbox.state.row("site", watched.site)["membership_id"]
    watched.lab.sandbox.state.set_meta("membership", int(member), LIMITS_KEY, BY_HAND)
    watched.scan()
    (stuck, *_) = watched.repair(sites=[watched.site])
    assert stuck.state is DriftState.STUCK
    assert "--with-membership" in stuck.note
    watched.scan()
    assert watched.findings()[watched.site].state is DriftState.STUCK, "found again, still stuck"
    (done, *_) = watched.repair(sites=[watched.site], with_membership=True)
    assert done.state is DriftState.REPAIRED, done


def test_what_was_given_on_purpose_can_be_accepted(watched: Watched) -> None:
    """The smallest override that explains it is kept: it is no drift, and a repair keeps it."""
    watched.change_by_hand(watched.site)
    watched.scan()
    lab = watched.lab
    lab.sandbox.journal.clear()
    options: dict[str, Any] = {"site_id": watched.site, "clock": lab.clock}
    planned = accept(lab.engine, lab.network, lab.client, dry_run=True, **options)
    assert watched.findings()[watched.site].state is DriftState.OPEN
    row = accept(lab.engine, lab.network, lab.client, **options)
    assert row == planned == BY_HAND
    assert watched.writes() == []
    assert watched.findings() == {}
    assert watched.scan().drifted == 0
    with pytest.raises(NothingToAccept, match="as computed"):
        accept(lab.engine, lab.network, lab.client, **options)
    watched.change_by_hand(watched.site, {"disk_space": {"enabled": True, "limit": 1}})
    assert watched.scan().drifted == 1
    (done,) = watched.repair()
    assert done.state is DriftState.REPAIRED, done
    assert watched.shown_visits(watched.site) == 5


def test_what_no_override_explains_is_not_accepted(watched: Watched) -> None:
    """A limit that the network does not know cannot come of an override of the site."""
    extra = {"made_up": {"enabled": True, "limit": 3}}
    watched.keep(
        {LimitsOwner("product", key): {**row, **extra} for key, row in LIMITS.items() if row}
    )
    lab = watched.lab
    with pytest.raises(NoSuchOverride, match="made_up"):
        accept(lab.engine, lab.network, lab.client, site_id=watched.site, clock=lab.clock)


def test_a_change_on_the_network_since_the_last_sync_is_no_drift(watched: Watched) -> None:
    """Before a difference is believed, the membership is read; the mirror follows."""
    state = watched.lab.sandbox.state
    member = int(state.row("site", watched.site)["membership_id"])
    row = dict(state.row("membership", member))
    row["plan_id"] = PREMIUM_ID if row["plan_id"] != PREMIUM_ID else BASIC_ID
    with state.changing():
        state.save("membership", member, row)
    assert watched.scan().drifted == 0
    with watched.lab.session() as session:
        assert session.get_one(MembershipRecord, (watched.lab.id, member)).plan_id == row["plan_id"]


def test_deletions_are_noticed(watched: Watched) -> None:
    """A deleted site, and a site whose membership was deleted and that is left without limits."""
    state = watched.lab.sandbox.state
    member = int(state.row("site", watched.site)["membership_id"])
    lonely = next(
        each
        for each in watched.sites()
        if int(state.row("site", each)["membership_id"]) not in (member, 0)
    )
    with state.changing():
        state.remove("site", watched.site)
        state.remove("membership", int(state.row("site", lonely)["membership_id"]))
    scan = watched.scan()
    found = watched.findings()
    assert scan.gone >= 2
    assert found[watched.site].state is DriftState.GONE
    assert "deleted" in found[watched.site].note
    assert "no limits left" in found[lonely].note
    with watched.lab.session() as session:
        assert session.get(SiteRecord, (watched.lab.id, watched.site)) is None
    assert [each for each in watched.repair() if each.state is DriftState.STUCK] == []


def test_a_change_under_way_is_not_judged(watched: Watched) -> None:
    """The engine is about to prove it; two writers would get into each other's way."""
    member = int(watched.lab.sandbox.state.row("site", watched.site)["membership_id"])
    watched.change_by_hand(watched.site)
    with watched.lab.session() as session, session.begin():
        session.add(
            Change(
                id="chg_1",
                network_id=watched.lab.id,
                membership_id=member,
                kind="upgrade",
                state=ChangeState.APPLYING,
                currency="USD",
                created_at=NOW,
                effective_at=NOW,
                updated_at=NOW,
            )
        )
    scan = watched.scan()
    assert (scan.drifted, scan.unproven) == (0, 1)
    (nothing,) = watched.repair(sites=[watched.site])
    assert nothing.state is None
    assert watched.shown_visits(watched.site) == 5
