"""Drift: found on every site, put right by one whole row, and never guessed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine
from sqlmodel import Session, select
from typer.testing import CliRunner

from bridge.cli import drift as commands
from bridge.jobs import drift_alarms
from bridge.network.client import Entity
from bridge.network.faults import ServerFault
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
from bridge.sandbox.faults import Fault
from bridge.sandbox.network_state import LIMITS_KEY
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.wire import Request
from bridge.store import drift as store
from bridge.store import schema
from bridge.store.limits import OWN, LimitsOwner, save_limits
from bridge.store.locks import Locked, exclusive
from bridge.store.networks import Credentials, NetworkRepository
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
from bridge.wiring import open_app
from sync import drift
from sync.acceptance import NoSuchOverride, NothingToAccept, accept
from sync.pace import Pace
from sync.passes import run
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


def test_unknown_limits_of_a_product_are_said_and_not_guessed(watched: Watched) -> None:
    """A site of a plan whose limits nobody told is not judged."""
    from bridge.store.limits import delete_limits

    with watched.lab.session() as session, session.begin():
        delete_limits(session, watched.lab.id, "product", [FREE_ID])
    scan = watched.scan()
    assert scan.unproven > 0
    assert scan.drifted == 0
    assert any(f"({FREE_ID})" in note for note in scan.notes)


def test_a_scan_that_was_cut_off_goes_on_where_it_was(watched: Watched) -> None:
    """Sites that were looked at are not read again, and findings stay."""
    watched.change_by_hand(watched.site)
    turns = iter([True, True, False])
    cut = watched.scan(go_on=lambda: next(turns))
    assert (cut.sites, cut.finished_at) == (2, None)
    watched.lab.sandbox.journal.clear()
    whole = watched.scan()
    assert whole.sites == len(watched.sites())
    assert whole.drifted == 1
    read = [each.path for each in watched.lab.sandbox.journal if each.method == "GET"]
    assert not any(path.endswith(f"/site/{watched.site}") for path in read)


def test_an_old_scan_is_begun_anew(watched: Watched) -> None:
    """After a day what was seen first is no longer true."""
    turns = iter([True, False])
    watched.scan(go_on=lambda: next(turns))
    watched.lab.clock.now += timedelta(hours=25)
    assert watched.scan().sites == len(watched.sites())


def test_one_broken_site_does_not_end_a_scan_but_a_broken_network_does(watched: Watched) -> None:
    """One that crashes is left unproven; five in a row, and the scan stops resumably."""

    def crash(*sites: int) -> Callable[[Request], Fault | None]:
        paths = tuple(f"/site/{site}" for site in sites)
        return lambda request: Fault(status=500) if request.path.endswith(paths) else None

    watched.lab.sandbox.faults = crash(watched.site)
    scan = watched.scan()
    assert scan.unproven == 1
    assert "500" in scan.notes[0]
    watched.lab.sandbox.faults = crash(*watched.sites())
    with pytest.raises(ServerFault):
        watched.scan()
    with watched.lab.session() as session:
        stopped = store.load_scan(session, watched.lab.id)
        assert "500" in stopped.error
        assert stopped.finished_at is None
    watched.lab.sandbox.faults = lambda _request: None
    assert watched.scan().sites == len(watched.sites())


def test_the_policy_repairs_what_single_hands_did(watched: Watched) -> None:
    """Found and put right by one scan."""
    watched.policy(DriftPolicy.REPAIR)
    watched.change_by_hand(watched.site)
    scan = watched.scan()
    assert (scan.drifted, scan.repaired) == (1, 1)
    assert watched.findings()[watched.site].state is DriftState.REPAIRED
    assert watched.shown_visits(watched.site) != 5


def test_the_policy_leaves_alone_what_must_be_our_own_mistake(watched: Watched) -> None:
    """All sites differ when the catalogue is wrong: then nothing is written."""
    watched.policy(DriftPolicy.REPAIR)
    watched.keep(
        {LimitsOwner("product", key): {**row, **BY_HAND} for key, row in LIMITS.items() if row}
    )
    watched.lab.sandbox.journal.clear()
    scan = watched.scan()
    assert scan.drifted > 3
    assert scan.repaired == 0
    assert "catalogue" in scan.notes[-1]
    assert watched.writes() == []


def test_one_search_at_a_time(watched: Watched) -> None:
    """A second one is refused in a sentence."""
    with (
        exclusive(watched.lab.engine, f"drift-{watched.lab.id}", what="x"),
        pytest.raises(Locked),
    ):
        watched.scan()


def test_a_network_that_hides_limits_is_told_at_once(sqlite_engine: Engine, open_lab: Open) -> None:
    """Up to 2.4.12 nothing can be compared: no site is read."""
    watched = Watched(open_lab(sqlite_engine, release="2.4.12"))
    watched.lab.sandbox.journal.clear()
    with pytest.raises(drift.LimitsNotShown, match="after 2"):
        watched.scan()
    assert list(watched.lab.sandbox.journal) == []


def test_the_pace_is_kept() -> None:
    """Two a second means half a second between the starts, and no burst after a rest."""
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(2, sleep=sleep, monotonic=lambda: now[0])
    pace.wait()
    pace.wait()
    now[0] += 10
    pace.wait()
    pace.wait()
    assert slept == [0.5, 0.5]


def test_the_commands_find_show_and_repair(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 while a site differs, JSON for scripts, a dry run that says what it would do."""
    with SandboxNetwork() as sandbox:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path / "data"))
        app = open_app(check_schema=False)
        schema.upgrade(app.engine)
        with app.session() as session:
            network = NetworkRepository(session, app.seal).add(
                "lab", sandbox.url, Credentials(sandbox.api_key, sandbox.api_secret), now=NOW
            )
        with app.client(network) as client:
            run(app.engine, network, client, clock=app.clock)
        with app.session() as session:
            rows = {LimitsOwner("product", key): row for key, row in LIMITS.items()}
            save_limits(session, network.key, rows, kind=OWN, source="file", now=NOW)
        site = next(
            row["blog_id"] for row in sandbox.state.rows("site") if row["type"] == "customer_owned"
        )
        sandbox.state.set_meta("site", site, LIMITS_KEY, BY_HAND)

        def planbridge(*arguments: str) -> tuple[int, str]:
            result = CliRunner().invoke(commands.app, arguments)
            assert not isinstance(result.exception, Exception), result.exception
            return result.exit_code, result.stdout

        code, text = planbridge("scan", "lab", "--pace", "0")
        assert code == 1
        assert f"{site}" in text
        code, text = planbridge("show", "lab", "--json")
        assert code == 1
        assert json.loads(text)["findings"][0]["site_id"] == site
        code, text = planbridge("repair", "lab", "--dry-run", "--json")
        assert code == 0
        assert json.loads(text)["sites"][0]["writes"][0]["wu_limitations"] == {}
        code, _ = planbridge("repair", "lab")
        assert code == 0
        code, text = planbridge("scan", "lab", "--pace", "0", "--json")
        assert code == 0
        assert json.loads(text)["scan"]["drifted"] == 0
        assert planbridge("policy", "lab", "repair")[1].strip() == "Drift on lab: repair."
    structlog.reset_defaults()  # it writes to what the command line's runner has closed
