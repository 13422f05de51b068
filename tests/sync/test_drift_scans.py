"""Scans for drift that are cut off, paced, or meet a broken network."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine
from typer.testing import CliRunner

from bridge.cli import drift as commands
from bridge.network.faults import ServerFault
from bridge.sandbox.examples import (
    FREE_ID,
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
    DriftPolicy,
    DriftState,
)
from bridge.wiring import open_app
from sync import drift
from sync.pace import Pace
from sync.passes import run
from tests.conftest import NOW
from tests.sync.test_drift import (
    BY_HAND,
    LIMITS,
    Open,
    Watched,
    watched,
)

__all__ = ["watched"]


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
        assert json.loads(text)["findings"] == [], "what was put right is not open"
        code, text = planbridge("show", "lab")
        assert (code, "1 repaired (`--all` shows it)" in text) == (0, True), text
        assert "visits" not in text
        code, text = planbridge("show", "lab", "--all")
        assert (code, "visits" in text) == (0, True), text
        code, text = planbridge("show", "lab", "--all", "--json")
        assert [each["state"] for each in json.loads(text)["findings"]] == ["repaired"]
        assert planbridge("policy", "lab", "repair")[1].strip() == "Drift on lab: repair."
    structlog.reset_defaults()  # it writes to what the command line's runner has closed
