"""What the console shows of the installation, and does: networks, drift, schedules, audit."""

from __future__ import annotations

import csv
import io
import json

import pytest

from bridge.sandbox.server import SandboxNetwork
from bridge.store.limits import effective_limits
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.schedules import find as find_schedule
from bridge.store.tables import DriftFinding, DriftState
from bridge.web.server import BackgroundService
from bridge.wiring import App
from tests.pages.stage import until
from tests.web.console_stage import PASSWORD, Browser, audited


class TestNetworks:
    def test_check(self, owner: Browser, planbridge: App) -> None:
        text = owner.get("/console/networks/main").text
        assert "Sync what changed" in text
        answer = owner.post("/console/networks/main/check")
        assert "What it costs" in answer.text
        assert audited(planbridge, "network.check")

    def test_add(self, owner: Browser, planbridge: App, network: SandboxNetwork) -> None:
        fields = {
            "name": "second",
            "url": network.url,
            "api_key": network.api_key,
            "api_secret": "wrong",
        }
        refused = owner.post("/console/networks/add", fields)
        assert refused.status_code == 502
        fields["api_secret"] = network.api_secret
        assert owner.post("/console/networks/add", fields).status_code == 303
        entry = audited(planbridge, "network.add")[0]
        assert entry.network == "second"
        assert network.api_secret not in str(entry)
        assert planbridge.network("second").capabilities
        assert network.api_secret not in owner.get("/console/networks/second").text

    def test_sync_shows_its_progress(self, owner: Browser, planbridge: App) -> None:
        """Begun by a form, watched by htmx, which stops asking when it has ended."""
        answer = owner.post("/console/networks/main/sync", {"what": "mirror"})
        assert answer.status_code == 303
        path = answer.headers["location"]
        part = owner.get(path, headers={"HX-Request": "true"}).text
        assert part.lstrip().startswith('<div id="sync-state"')

        def ended() -> bool:
            text = owner.get(path, headers={"HX-Request": "true"}).text
            return "rows seen" in text and "every 1s" not in text

        until(ended)
        assert audited(planbridge, "network.sync")[0].detail == {"job": "mirror"}

    def test_options(self, owner: Browser, planbridge: App) -> None:
        """All are set at once; what is empty is left to the installation, nonsense refused."""
        path = "/console/networks/main/options"
        fields = {"rate": "4.5", "concurrency": "2", "night": "01:00-05:00", "grace_days": ""}
        assert owner.post(path, fields).status_code == 303
        assert planbridge.network("main").options == {
            "rate": 4.5,
            "concurrency": 2,
            "night": "01:00-05:00",
        }
        for wrong in ({"rate": "fast"}, {"rate": "-1"}, {"night": "always"}):
            assert owner.post(path, wrong).status_code == 422
        assert owner.post(path).status_code == 303
        assert planbridge.network("main").options == {}
        assert audited(planbridge, "network.options")[0].detail["before"]["rate"] == 4.5

    def test_brand(self, owner: Browser, planbridge: App, service: BackgroundService) -> None:
        fields = {
            "_token": owner.token,
            "name": "Sites for all",
            "own_colour": "yes",
            "colour": "#aa3300",
        }
        files = {"logo": ("logo.png", b"\x89PNG\r\n\x1a\n" + b"0" * 50, "image/png")}
        url = f"{service.url}/console/networks/main/brand"
        saved = owner.session.post(url, data=fields, files=files, allow_redirects=False, timeout=30)
        assert saved.status_code == 303
        assert owner.session.get(f"{service.url}/account/main/logo", timeout=30).ok
        bad = {"logo": ("logo.png", b"#!/bin/sh", "image/png")}
        assert owner.session.post(url, data=fields, files=bad, timeout=30).status_code == 422
        huge = {"logo": ("logo.png", b"\x89PNG\r\n\x1a\n" + b"0" * 600_000, "image/png")}
        assert owner.session.post(url, data=fields, files=huge, timeout=30).status_code == 413


class TestOwnership:
    """An owner gives a network other keys, and forgets it; an operator does neither."""

    @pytest.fixture
    def third(self, planbridge: App, network: SandboxNetwork) -> str:
        """A network of its own, whose key on record is wrong."""
        with planbridge.session() as session:
            repository = NetworkRepository(session, planbridge.seal)
            if "third" not in {one.name for one in repository.list()}:
                repository.add(
                    "third",
                    network.url,
                    Credentials(network.api_key, "outdated", in_query=True),
                    now=planbridge.clock(),
                    stripe_secrets=["whsec_old"],
                )
        return "/console/networks/third"

    def test_a_key_is_tried_before_it_is_taken(
        self, owner: Browser, planbridge: App, network: SandboxNetwork, third: str
    ) -> None:
        assert "outdated" not in owner.get(f"{third}/keys").text
        fields = {"api_key": network.api_key, "api_secret": "wrong"}
        assert owner.post(f"{third}/keys", fields).status_code == 502
        assert not audited(planbridge, "network.rotate")
        fields |= {"api_secret": network.api_secret, "stripe_secret": "whsec_new"}
        assert owner.post(f"{third}/keys", fields).status_code == 303
        with planbridge.session() as session:
            repository = NetworkRepository(session, planbridge.seal)
            kept = repository.get("third")
            assert repository.credentials(kept).api_secret == network.api_secret
            assert not repository.credentials(kept).in_query
            assert repository.stripe_secrets(kept) == ("whsec_new", "whsec_old")
        [entry] = audited(planbridge, "network.rotate")
        assert entry.detail == {"what": ["api_key", "stripe_secret"]}

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"api_key": "half"},
            {"wp_username": "half"},
            {"stripe_key": "sk_live_of_another_mode"},
        ],
    )
    def test_what_does_not_fit_is_refused(
        self, owner: Browser, third: str, fields: dict[str, str]
    ) -> None:
        assert owner.post(f"{third}/keys", fields).status_code in (409, 422)

    def test_a_wordpress_user_comes_and_goes(
        self, owner: Browser, planbridge: App, third: str
    ) -> None:
        for fields, user in (
            ({"wp_username": "admin", "wp_password": "abcd efgh"}, "admin"),
            ({"forget_user": "yes"}, ""),
        ):
            assert owner.post(f"{third}/keys", fields).status_code == 303
            with planbridge.session() as session:
                repository = NetworkRepository(session, planbridge.seal)
                assert repository.credentials(repository.get("third")).wp_username == user

    def test_it_is_forgotten_when_its_name_is_typed(
        self, owner: Browser, planbridge: App, third: str
    ) -> None:
        assert "cannot be undone" in owner.get(f"{third}/remove").text
        for name in ("", "main", "Third"):
            refused = owner.post(f"{third}/remove", {"name": name})
            assert refused.status_code == 422
            assert "nothing was removed" in refused.text
        assert planbridge.network("third")
        assert owner.post(f"{third}/remove", {"name": "third"}).status_code == 303
        assert owner.get(third).status_code == 404
        [entry] = audited(planbridge, "network.remove")
        assert (entry.actor, entry.network) == ("owner@example.com", "third")
        assert owner.get("/console").status_code == 200


class TestProducts:
    def test_groups_are_path_matrices(self, owner: Browser) -> None:
        """Free and Premium are one family, Basic another: now one way, end of term the other."""
        text = owner.get("/console/networks/main/products").text
        high = text.split("<h2>High End</h2>")[1].split("<h2>")[0]
        assert "Premium" in high
        assert "Basic" not in high
        assert '<td class="good">now' in high
        assert '<td class="warn">end of term' in high
        assert "Limits side by side" in text


class TestSchedules:
    def test_pause_resume_run(self, owner: Browser, planbridge: App) -> None:
        home = "/console/networks/main/schedules/changes"
        owner.post(f"{home}/pause", {"paused": "yes"})
        assert "paused" in owner.get("/console/schedules").text
        owner.post(f"{home}/pause")
        assert owner.post(f"{home}/run").status_code == 303
        actions = [entry.action for entry in audited(planbridge, "schedule.")][:3]
        assert actions == ["schedule.run", "schedule.resume", "schedule.pause"]
        assert owner.post("/console/networks/main/schedules/none/run").status_code == 404


class TestDrift:
    def test_shows_what_differs_and_puts_it_right(self, owner: Browser, planbridge: App) -> None:
        """A limit that is not what was sold is shown site by limit, and read back when repaired."""
        place, site = planbridge.network("main"), 4
        with planbridge.session() as session:
            shown = effective_limits(session, place.key, site)
            assert shown is not None
            wrong = {**shown, "visits": {"enabled": True, "limit": 7}}
            session.add(
                DriftFinding(
                    network_id=place.key,
                    site_id=site,
                    membership_id=1,
                    state=DriftState.OPEN,
                    differences=["visits differ"],
                    expected=shown,
                    shown=wrong,
                    found_at=planbridge.clock(),
                    seen_at=planbridge.clock(),
                )
            )
        home = "/console/networks/main/drift"
        text = owner.get(home).text
        assert '<td class="bad small">' in text
        assert "sites of main show other limits" in owner.get("/console").text.replace(
            "site of main shows", "sites of main show"
        )
        # The network was never wrong: whoever looks again finds nothing to put right.
        assert owner.post(f"{home}/accept", {"site": str(site)}).status_code == 409
        assert owner.post(f"{home}/repair", {"site": str(site)}).status_code == 303
        assert '<td class="bad small">' not in owner.get(home).text
        assert audited(planbridge, "drift.repair")[0].subject == f"site {site}"

    def test_what_is_none_is_refused(self, owner: Browser) -> None:
        home = "/console/networks/main/drift"
        assert owner.post(f"{home}/accept", {"site": "999"}).status_code == 422
        assert owner.post(f"{home}/policy", {"policy": "x"}).status_code == 422
        assert owner.post(f"{home}/policy", {"policy": "report"}).status_code == 303


class TestMessages:
    def test_switch_a_notice(self, owner: Browser, planbridge: App) -> None:
        path = "/console/networks/main/notices/switch"
        assert owner.post(path, {"kind": "change_done", "on": "yes"}).status_code == 303
        assert "Switch off" in owner.get("/console/messages").text
        assert owner.post(path, {"kind": "sign_in", "on": ""}).status_code == 422
        assert audited(planbridge, "notice.switch")[0].detail == {"kind": "change_done", "on": True}


class TestAudit:
    def test_a_deed_that_cannot_be_written_down_is_not_done(
        self, owner: Browser, planbridge: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Deed and entry are one transaction."""
        from bridge.store.audit import AuditLog

        def broken(*_: object, **__: object) -> None:
            raise OSError

        before = planbridge.network("main").options
        person = {"email": "unseen@example.com", "role": "reader", "password": PASSWORD}
        with monkeypatch.context() as patched:
            patched.setattr(AuditLog, "write", broken)
            for path, fields in (
                ("/console/networks/main/options", {"rate": "9"}),
                ("/console/networks/main/schedules/changes/pause", {"paused": "yes"}),
                ("/console/operators", person),
            ):
                # The server ends the connection after such an error.
                answer = owner.post(path, fields, headers={"Connection": "close"})
                assert answer.status_code == 500
        assert planbridge.network("main").options == before
        assert "unseen@example.com" not in owner.get("/console/operators").text
        with planbridge.session() as session:
            row = find_schedule(session, planbridge.network("main").key, "changes")
        assert row is not None
        assert not row.paused

    def test_is_shown_and_downloaded(self, owner: Browser, planbridge: App) -> None:
        assert "sign-in" in owner.get("/console/audit").text
        table = list(csv.reader(io.StringIO(owner.get("/console/audit/download.csv").text)))
        lines = owner.get("/console/audit/download.json").text.splitlines()
        assert table[0][0] == "id"
        assert len(table) - 1 == len(lines)
        assert json.loads(lines[0])["actor"]

    def test_no_cell_is_a_formula(self, owner: Browser, planbridge: App) -> None:
        """What somebody typed as an address does not run in the operator's spreadsheet."""
        Browser(owner.url).sign_in('=HYPERLINK("http://evil.example")', PASSWORD)
        table = list(csv.reader(io.StringIO(owner.get("/console/audit/download.csv").text)))
        assert not [cell for row in table for cell in row if cell.startswith(("=", "@"))]
        assert any(cell.startswith("'=") for row in table for cell in row)
