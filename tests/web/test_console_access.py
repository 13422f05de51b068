"""Who gets into the console, and how far: roles on every route, sessions, tries, forms."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
import time_machine
from fastapi.routing import APIRoute
from sqlmodel import delete, select

from bridge.store.engine import make_engine
from bridge.store.operators import OperatorRepository
from bridge.store.tables import Operator, Role, TryCount, WebSession
from bridge.web.console.attempts import take_attempt
from bridge.web.console.routes import ROUTERS
from bridge.web.server import BackgroundService
from bridge.web.service import Service
from bridge.wiring import App, utc_now
from tests.web.console_stage import PASSWORD, Browser, appoint, audited

OPEN = {
    ("GET", "/console/sign-in"),
    ("POST", "/console/sign-in"),
    ("POST", "/console/oidc"),
    ("GET", "/console/oidc/callback"),
}
OWN = {("POST", "/console/sign-out"), ("POST", "/console/me/password")}
OWNERS = "/console/operators"
OWNERS_ENDS = ("/keys", "/remove")


def routes() -> list[tuple[str, str]]:
    """Every route of the console as (method, path)."""
    return sorted(
        (method, route.path)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    )


def filled(path: str) -> str:
    """A path with something in its places."""
    path = path.replace("{network}", "main").replace("{job}", "changes")
    return re.sub(r"{\w+}", "1", path)


@pytest.fixture(scope="module", autouse=True)
def people(planbridge: App) -> None:
    for role in Role:
        appoint(planbridge, f"{role.value}@example.com", role)


@pytest.fixture
def browser(service: BackgroundService) -> Browser:
    return Browser(service.url)


@pytest.fixture
def reader(browser: Browser) -> Browser:
    assert browser.sign_in("reader@example.com").status_code == 303
    return browser


@pytest.fixture
def owner(browser: Browser) -> Browser:
    assert browser.sign_in("owner@example.com").status_code == 303
    return browser


@pytest.fixture(autouse=True)
def fresh_attempts(planbridge: App) -> None:
    """Each test has all its tries: they come from one address."""
    with planbridge.session() as session:
        session.execute(delete(TryCount))
        session.commit()


class TestRoles:
    def test_all_routes_are_below_console(self) -> None:
        assert len(routes()) > 45
        assert all(path.startswith("/console") for _, path in routes())

    @pytest.mark.parametrize(("method", "path"), [one for one in routes() if one not in OPEN])
    def test_nobody_gets_anything_without_signing_in(
        self, browser: Browser, method: str, path: str
    ) -> None:
        """Not even whether something exists: every route leads to the sign-in."""
        browser.get("/console/sign-in")
        answer = browser.get(filled(path)) if method == "GET" else browser.post(filled(path))
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/console/sign-in")

    @pytest.mark.parametrize(("method", "path"), [one for one in routes() if "{network}" in one[1]])
    def test_nobody_learns_which_networks_are_known(
        self, browser: Browser, method: str, path: str
    ) -> None:
        """An unknown network answers as a known one does."""
        browser.get("/console/sign-in")
        path = filled(path.replace("{network}", "nowhere"))
        answer = browser.get(path) if method == "GET" else browser.post(path)
        assert answer.status_code == 303

    def test_a_reader_may_change_nothing(self, reader: Browser) -> None:
        """403 on every form but his own, and nothing is written down as done."""
        for method, path in routes():
            if method == "POST" and (method, path) not in OPEN | OWN:
                answer = reader.post(filled(path))
                assert answer.status_code == 403, path
                assert "Your role does not allow this" in answer.text, path

    def test_a_reader_sees_no_operators(self, reader: Browser) -> None:
        assert reader.get(OWNERS).status_code == 403
        assert "/console/operators" not in reader.get("/console").text

    def test_an_operator_appoints_nobody(self, browser: Browser) -> None:
        browser.sign_in("operator@example.com")
        for method, path in routes():
            if path.startswith(OWNERS) or path.endswith(OWNERS_ENDS):
                answer = (
                    browser.get(filled(path)) if method == "GET" else browser.post(filled(path))
                )
                assert answer.status_code == 403, path

    def test_a_form_without_its_token_is_refused(self, owner: Browser) -> None:
        """Every POST route, whatever the role (cross-site request forgery)."""
        owner.token = "forged"
        for method, path in routes():
            if method == "POST":
                assert owner.post(filled(path)).status_code == 403, path

    def test_a_form_of_another_site_is_refused(self, owner: Browser) -> None:
        answer = owner.post("/console/sign-out", headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
        assert owner.get("/console").status_code == 200


class TestSignIn:
    def test_leads_to_the_page_that_was_wanted(self, browser: Browser) -> None:
        asked = browser.get("/console/changes?state=failed")
        assert asked.headers["location"] == "/console/sign-in?to=/console/changes%3Fstate%3Dfailed"
        browser.get(asked.headers["location"])
        answer = browser.post(
            "/console/sign-in",
            {
                "email": "Reader@Example.com",
                "password": PASSWORD,
                "to": "/console/changes?state=failed",
            },
        )
        assert answer.headers["location"] == "/console/changes?state=failed"

    @pytest.mark.parametrize(
        "to",
        [
            "https://evil.example",
            "//evil.example",
            "/console\\@evil",
            "/account/main/",
            "/consoles",
        ],
    )
    def test_leads_nowhere_else(self, browser: Browser, to: str) -> None:
        """No open redirect."""
        browser.get("/console/sign-in")
        fields = {"email": "reader@example.com", "password": PASSWORD, "to": to}
        assert browser.post("/console/sign-in", fields).headers["location"] == "/console"

    def test_the_cookie_is_kept_to_the_console(self, browser: Browser) -> None:
        cookie = browser.sign_in("reader@example.com").headers["set-cookie"]
        assert cookie.startswith("planbridge_console=")
        for part in ("HttpOnly", "Path=/console", "SameSite=strict"):
            assert part in cookie

    def test_a_token_from_before_is_not_taken_over(self, browser: Browser) -> None:
        """Session fixation: whatever the browser brings, a new token is made."""
        browser.session.cookies.set("planbridge_console", "chosen-by-somebody", path="/console")
        browser.get("/console/sign-in")
        answer = browser.post(
            "/console/sign-in", {"email": "reader@example.com", "password": PASSWORD}
        )
        assert answer.status_code == 303
        assert "chosen-by-somebody" not in answer.headers["set-cookie"]

    @pytest.mark.parametrize(
        ("email", "password"),
        [("reader@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("", "")],
    )
    def test_whatever_is_wrong_is_told_alike(
        self, browser: Browser, email: str, password: str
    ) -> None:
        answer = browser.sign_in(email, password)
        assert answer.status_code == 403
        assert "Address or password is wrong." in answer.text
        assert "planbridge_console=" not in answer.headers.get("set-cookie", "")

    def test_unknown_addresses_cost_as_much_as_known_ones(
        self, planbridge: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One argon2 computation in both cases, so that time tells nobody who is an operator."""
        from bridge.store import passwords

        computed = []
        verify = passwords._hasher.verify

        class Counting:
            def verify(self, kept: str, password: str) -> bool:
                computed.append(password)
                return verify(kept, password)

            def __getattr__(self, name: str) -> object:
                return getattr(hasher, name)

        hasher = passwords._hasher
        monkeypatch.setattr(passwords, "_hasher", Counting())
        with planbridge.session() as session:
            operators = OperatorRepository(session)
            assert operators.with_password("nobody@example.com", "a guess") is None
            assert operators.with_password("reader@example.com", "a guess") is None
        assert computed == ["a guess", "a guess"]

    def test_five_tries_a_minute(self, browser: Browser) -> None:
        for _ in range(5):
            assert browser.sign_in("reader@example.com", "wrong").status_code == 403
        assert browser.sign_in("reader@example.com").status_code == 429
        assert Browser(browser.url).sign_in("owner@example.com").status_code == 303

    def test_what_another_process_counted_counts(self, planbridge: App, browser: Browser) -> None:
        """Two tries there and three here are five."""
        other = SimpleNamespace(store=make_engine(planbridge.settings.store_url), clock=utc_now)
        for _ in range(2):
            take_attempt(cast(Service, other), caller="127.0.0.1", account="reader@example.com")
        for status in (403, 403, 403, 429):
            assert browser.sign_in("reader@example.com", "a guess").status_code == status

    def test_refusals_are_written_down(self, browser: Browser, planbridge: App) -> None:
        browser.sign_in("guessed@example.com", "wrong")
        entry = audited(planbridge, "sign-in.refused")[0]
        assert entry.actor == "guessed@example.com"
        assert "wrong" not in str(entry.detail)

    def test_a_hash_of_old_parameters_is_renewed(self, browser: Browser, planbridge: App) -> None:
        from argon2 import PasswordHasher

        weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
        with planbridge.session() as session:
            operators = OperatorRepository(session)
            operators.add("old@example.com", password=PASSWORD, now=planbridge.clock())
            operators.get("old@example.com").password_hash = weak
        assert browser.sign_in("old@example.com").status_code == 303
        with planbridge.session() as session:
            kept = OperatorRepository(session).get("old@example.com").password_hash
        assert kept != weak
        assert "m=65536" in kept


class TestSessions:
    def test_sign_out_ends_the_session(self, reader: Browser) -> None:
        cookie = reader.session.cookies.get("planbridge_console")
        assert reader.post("/console/sign-out").status_code == 303
        reader.session.cookies.set("planbridge_console", str(cookie), path="/console")
        assert reader.get("/console").status_code == 303

    def test_after_an_idle_hour_it_is_over(self, reader: Browser) -> None:
        with time_machine.travel(_in(timedelta(minutes=59)), tick=True):
            assert reader.get("/console").status_code == 200
        with time_machine.travel(_in(timedelta(minutes=118)), tick=True):
            assert reader.get("/console").status_code == 200
        with time_machine.travel(_in(timedelta(minutes=118 + 61)), tick=True):
            assert reader.get("/console").status_code == 303

    def test_after_twelve_hours_it_is_over_whatever_was_done(
        self, reader: Browser, planbridge: App
    ) -> None:
        cookie = str(reader.session.cookies.get("planbridge_console"))
        for hours, status in ((11.9, 200), (12.1, 303)):
            later = _in(timedelta(hours=hours))
            with planbridge.session() as session:
                for row in session.exec(select(WebSession)):
                    row.seen_at = later
            with time_machine.travel(later, tick=True):
                reader.session.cookies.clear()
                reader.session.cookies.set("planbridge_console", cookie, path="/console")
                assert reader.get("/console").status_code == status

    def test_a_dismissed_operator_is_out_at_once(self, planbridge: App, owner: Browser) -> None:
        appoint(planbridge, "leaver@example.com", Role.OPERATOR)
        leaver = Browser(owner.url)
        leaver.sign_in("leaver@example.com")
        assert (
            owner.post(f"{OWNERS}/{_id(planbridge, 'leaver@example.com')}/active").status_code
            == 303
        )
        assert leaver.get("/console").status_code == 303
        assert leaver.sign_in("leaver@example.com").status_code == 403

    def test_a_new_password_ends_other_sessions(self, planbridge: App, browser: Browser) -> None:
        appoint(planbridge, "two@example.com", Role.READER)
        other = Browser(browser.url)
        other.sign_in("two@example.com")
        browser.sign_in("two@example.com")
        new = "another long phrase here"
        wrong = browser.post("/console/me/password", {"old": "no", "new": new, "again": new})
        assert wrong.status_code == 422
        right = browser.post("/console/me/password", {"old": PASSWORD, "new": new, "again": new})
        assert right.status_code == 303
        assert browser.get("/console").status_code == 200
        assert other.get("/console").status_code == 303
        assert other.sign_in("two@example.com", new).status_code == 303


class TestOwners:
    def test_an_owner_appoints_and_changes_roles(self, owner: Browser, planbridge: App) -> None:
        fields = {"email": "new@example.com", "role": "reader", "password": PASSWORD}
        assert owner.post(OWNERS, fields).status_code == 303
        assert Browser(owner.url).sign_in("new@example.com").status_code == 303
        row = _id(planbridge, "new@example.com")
        assert owner.post(f"{OWNERS}/{row}/role", {"role": "operator"}).status_code == 303
        entry = audited(planbridge, "operator.role")[0]
        assert (entry.actor, entry.subject) == ("owner@example.com", "new@example.com")
        assert entry.detail == {"from": "reader", "to": "operator"}

    def test_the_last_owner_stays(self, owner: Browser, planbridge: App) -> None:
        row = _id(planbridge, "owner@example.com")
        for path, fields in (("role", {"role": "reader"}), ("active", {})):
            answer = owner.post(f"{OWNERS}/{row}/{path}", fields)
            assert answer.status_code == 409
            assert "the last owner" in answer.text
        assert owner.get(OWNERS).status_code == 200

    @pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa"])
    def test_weak_passwords_are_refused(self, owner: Browser, password: str) -> None:
        fields = {"email": "weak@example.com", "role": "reader", "password": password}
        assert owner.post(OWNERS, fields).status_code == 422


def _id(planbridge: App, email: str) -> int:
    with planbridge.session() as session:
        operator: Operator = OperatorRepository(session).get(email)
        return operator.key


def _in(time: timedelta):  # type: ignore[no-untyped-def]
    from datetime import UTC, datetime

    return datetime.now(UTC) + time
