"""`planbridge site show`, and the WordPress user of a network on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault as SiteError

import pytest
from typer.testing import CliRunner, Result

from bridge.cli import app
from bridge.errors import InvalidInput
from bridge.store import schema
from bridge.store.limits import EFFECTIVE, LimitsOwner, save_limits
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.readers import UnknownSite
from bridge.store.tables import MembershipRecord, SiteRecord
from bridge.wiring import App, open_app

from .hostile import Server
from .xmlrpc_sites import PASSWORD, SITE, USER, answering

Serve = Callable[..., Server]

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ROW: dict[str, Any] = {"network_id": 1, "fingerprint": "", "synced_at": NOW}
LIMITS = {
    "post_types": {
        "enabled": True,
        "limit": {
            "post": {"enabled": True, "number": 1},
            "wp_block": {"enabled": True, "number": 9},
        },
    },
    "visits": {"enabled": True, "limit": 10_000},
}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    planbridge = open_app(check_schema=False)
    schema.upgrade(planbridge.engine)
    return planbridge


def fill(store: App, url: str, *, domain: str = "", limits: dict[str, Any] | None = LIMITS) -> None:
    """A network with a membership of one site, site 5 at ``/site1/``."""
    with store.session() as session:
        credentials = Credentials("key", "secret", in_query=True)
        NetworkRepository(session, store.seal).add("main", url, credentials, now=NOW)
        session.add(MembershipRecord(**ROW, id=2, customer_id=1, plan_id=3, status="active",
                                     currency="EUR"))  # fmt: skip
        session.add(SiteRecord(**ROW, id=5, membership_id=2, path="/site1/", title="Shop",
                               domain=domain or url.partition("//")[2]))  # fmt: skip
        session.flush()
        if limits is not None:
            rows = {LimitsOwner("site", 5): limits}
            save_limits(session, 1, rows, kind=EFFECTIVE, source="read", now=NOW)


def run(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, list(words), input=stdin, catch_exceptions=True)


def shown() -> dict[str, Any]:
    result = run("site", "show", "main", "5", "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def sign_in() -> None:
    result = run("network", "rotate", "main", "--wp-user", USER, "--wp-password-file", "-",
                 stdin=f"{PASSWORD}\n")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output


def credentials(store: App) -> Credentials:
    with store.session() as session:
        repository = NetworkRepository(session, store.seal)
        return repository.credentials(repository.get("main"))


class TestSiteShow:
    def test_without_a_user_it_says_how_to_give_one(self, store: App, serve: Serve) -> None:
        server = serve(script=answering(SITE))
        fill(store, server.url)
        document = shown()
        assert document["facts"] is None
        assert "network rotate main --wp-user" in document["no_facts"]
        assert document["limits"][0] == {
            "module": "post_types",
            "item": "post",
            "used": None,
            "allowed": 1,
            "words": "1 post",
            "over": False,
        }
        assert server.requests == []

    def test_with_a_user_the_site_tells_what_it_uses(self, store: App, serve: Serve) -> None:
        server = serve(script=answering(SITE))
        fill(store, server.url)
        sign_in()
        document = shown()
        assert document["membership"] == {"id": 2, "status": "active", "plan": 3}
        assert document["facts"]["wordpress_version"] == "6.9.4"
        assert document["facts"]["utc_offset"] == 5.5
        assert document["facts"]["posts"] == {"post": 2, "attachment": 2, "wp_block": 2}
        assert document["no_facts"] is None
        assert [(one["item"], one["used"], one["over"]) for one in document["limits"]] == [
            ("post", 2, True),
            ("wp_block", 2, False),
            ("attachment", 2, False),
            ("", None, False),
        ]

    def test_the_page_for_people(self, store: App, serve: Serve) -> None:
        fill(store, serve(script=answering(SITE)).url)
        sign_in()
        output = run("site", "show", "main", "5").output
        for words in ("/site1/", "Shop", "2 (active)", "6.9.4", "UTC+5.5", "twentyten",
                      "over its limit", "10 000 visits / month", "editor users"):  # fmt: skip
            assert words in output

    def test_a_site_that_has_it_off_is_shown_without(self, store: App, serve: Serve) -> None:
        off = SiteError(405, "XML-RPC services are disabled on this site.")
        fill(store, serve(script=answering({**SITE, "wp.getOptions": off})).url)
        sign_in()
        assert "does not take XML-RPC calls" in shown()["no_facts"]
        assert "does not take XML-RPC calls" in run("site", "show", "main", "5").output

    def test_what_the_site_does_not_tell_is_said(self, store: App, serve: Serve) -> None:
        refused = SiteError(401, "Sorry, you are not allowed to list users.")
        fill(store, serve(script=answering({**SITE, "wp.getUsers": refused})).url)
        sign_in()
        assert "not allowed to list users" in run("site", "show", "main", "5").output

    def test_a_site_elsewhere_never_sees_the_password(self, store: App, serve: Serve) -> None:
        elsewhere = serve(script=answering(SITE))
        fill(store, "http://127.0.0.1:9", domain=elsewhere.url.partition("//")[2])
        sign_in()
        assert "own host and its sub-domains" in shown()["no_facts"]
        assert elsewhere.requests == []

    def test_limits_that_the_network_does_not_show(self, store: App, serve: Serve) -> None:
        fill(store, serve(script=answering(SITE)).url, limits=None)
        assert shown()["limits"] is None
        assert "planbridge limits explain main 5" in run("site", "show", "main", "5").output

    def test_an_unknown_site(self, store: App) -> None:
        fill(store, "http://127.0.0.1:9")
        assert isinstance(run("site", "show", "main", "6").exception, UnknownSite)


class TestWordPressUser:
    def test_he_is_kept_beside_the_key_and_sealed(self, store: App, tmp_path: Path) -> None:
        fill(store, "http://127.0.0.1:9")
        sign_in()
        known = credentials(store)
        assert (known.api_key, known.api_secret, known.in_query) == ("key", "secret", True)
        assert (known.wp_username, known.wp_application_password) == (USER, PASSWORD)
        assert PASSWORD not in repr(known)
        kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
        assert PASSWORD.encode() not in kept
        assert PASSWORD not in run("network", "show", "main", "--json").output

    def test_a_new_key_leaves_him_and_how_it_is_sent(self, store: App, tmp_path: Path) -> None:
        fill(store, "http://127.0.0.1:9")
        sign_in()
        (tmp_path / "new.txt").write_text("new secret\n")
        assert run("network", "rotate", "main", "--api-key", "new", "--api-secret-file",
                   "new.txt").exit_code == 0  # fmt: skip
        known = credentials(store)
        assert (known.api_key, known.api_secret, known.in_query) == ("new", "new secret", True)
        assert known.wp_username == USER

    def test_he_can_be_forgotten(self, store: App) -> None:
        fill(store, "http://127.0.0.1:9")
        sign_in()
        assert run("network", "rotate", "main", "--wp-user", "").exit_code == 0
        assert credentials(store) == Credentials("key", "secret", in_query=True)

    @pytest.mark.parametrize(
        "half", [["--wp-user", USER], ["--wp-password-file", "-"], ["--wp-user", "",
                 "--wp-password-file", "-"]]
    )  # fmt: skip
    def test_half_of_him_is_refused(self, half: list[str], store: App) -> None:
        fill(store, "http://127.0.0.1:9")
        result = run("network", "rotate", "main", *half, stdin=f"{PASSWORD}\n")
        assert isinstance(result.exception, InvalidInput)
        assert "belong together" in str(result.exception)

    def test_a_network_may_be_added_with_him(self, store: App, tmp_path: Path) -> None:
        (tmp_path / "secret.txt").write_text("secret")
        (tmp_path / "wp.txt").write_text(PASSWORD)
        added = run("network", "add", "main", "--url", "http://127.0.0.1:9", "--api-key", "key",
                    "--api-secret-file", "secret.txt", "--wp-user", USER, "--wp-password-file",
                    "wp.txt", "--no-check")  # fmt: skip
        assert added.exit_code == 0, added.output
        assert credentials(store).wp_username == USER

    def test_a_new_key_helps_where_the_old_seal_is_lost(
        self, store: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from cryptography.fernet import Fernet

        fill(store, "http://127.0.0.1:9")
        monkeypatch.setenv("PLANBRIDGE_SECRET_KEYS", Fernet.generate_key().decode())
        (tmp_path / "new.txt").write_text("new secret")
        lost = run("network", "rotate", "main", "--wp-user", USER, "--wp-password-file", "new.txt")
        assert type(lost.exception).__name__ == "SealBroken"
        helped = run("network", "rotate", "main", "--api-key", "new", "--api-secret-file",
                     "new.txt")  # fmt: skip
        assert helped.exit_code == 0, helped.output
