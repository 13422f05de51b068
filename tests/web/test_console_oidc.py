"""Operators who sign in through an OpenID Connect provider, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bridge.settings import load_settings
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.operators import OperatorRepository
from bridge.store.tables import Role
from bridge.web.server import BackgroundService
from bridge.wiring import App, open_app, web_app
from tests.web.console_stage import Browser, audited
from tests.web.oidc_provider import CLIENT, SECRET, OidcStandIn

ANNA = {"sub": "subject-1", "email": "anna@example.com", "email_verified": True}


@pytest.fixture
def provider() -> Iterator[OidcStandIn]:
    with OidcStandIn() as running:
        running.person = dict(ANNA)
        yield running


@pytest.fixture
def planbridge(provider: OidcStandIn, tmp_path: Path) -> App:
    secret = tmp_path / "oidc-secret"
    secret.write_text(f"{SECRET}\n")
    settings = load_settings(
        {"PLANBRIDGE_OIDC_CLIENT_SECRET_FILE": str(secret)},
        data_dir=tmp_path / "data",
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        log_level="error",
    )
    schema.upgrade(make_engine(settings.store_url))
    opened = open_app(settings)
    with opened.session() as session:
        OperatorRepository(session).add("anna@example.com", role=Role.READER, now=opened.clock())
    return opened


@pytest.fixture
def browser(planbridge: App) -> Iterator[Browser]:
    with BackgroundService(web_app(planbridge)) as service:
        yield Browser(service.url)


def go(browser: Browser) -> requests.Response:
    """Through the provider and back; the last answer is ours."""
    browser.get("/console/sign-in")
    there = browser.post("/console/oidc", {"to": "/console/changes"})
    assert there.status_code == 303
    back = requests.get(there.headers["location"], allow_redirects=False, timeout=30)
    assert back.status_code == 302
    return browser.get(back.headers["location"].removeprefix(browser.url))


def refused(browser: Browser, planbridge: App, why: str) -> None:
    """The way ends at the sign-in, with nobody signed in and the reason written down."""
    answer = go(browser)
    assert answer.status_code in (403, 502)
    assert browser.get("/console").status_code == 303
    assert why in audited(planbridge, "sign-in.refused")[0].detail["why"]


def test_the_whole_way(browser: Browser, planbridge: App) -> None:
    """Code, PKCE, state, nonce and signature fit: Anna is in, where she wanted to go."""
    answer = go(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/changes")
    cookie = answer.headers["set-cookie"]
    assert "SameSite=lax" in cookie  # the way back comes from another site
    assert "HttpOnly" in cookie
    assert browser.get("/console").status_code == 200
    entry = audited(planbridge, "sign-in")[0]
    assert (entry.actor, entry.detail["through"]) == ("anna@example.com", "oidc")


def test_the_page_lets_its_form_lead_to_the_provider(
    browser: Browser, provider: OidcStandIn
) -> None:
    """A browser counts the redirect as the form's target and would stop it otherwise."""
    told = browser.get("/console/sign-in").headers["content-security-policy"]
    assert f"form-action 'self' {provider.issuer};" in told


def test_afterwards_the_subject_counts_and_not_the_address(
    browser: Browser, provider: OidcStandIn, planbridge: App
) -> None:
    """A new address of the same person is let in, another person with the old one is not."""
    assert go(browser).status_code == 303
    browser.session.cookies.clear()
    provider.person = {**ANNA, "email": "anna.new@example.com"}
    assert go(browser).status_code == 303
    browser.session.cookies.clear()
    provider.person = {**ANNA, "sub": "somebody-else"}
    refused(browser, planbridge, "is no operator here")


@pytest.mark.parametrize(
    "person",
    [
        {**ANNA, "email": "stranger@example.com"},
        {**ANNA, "email_verified": False},
        {**ANNA, "email_verified": "true"},
        {"sub": "subject-1"},
    ],
)
def test_only_verified_addresses_of_operators(
    browser: Browser, provider: OidcStandIn, planbridge: App, person: dict[str, Any]
) -> None:
    provider.person = person
    refused(browser, planbridge, "is no operator here")


def test_a_dismissed_operator_is_not_let_in(browser: Browser, planbridge: App) -> None:
    with planbridge.session() as session:
        operators = OperatorRepository(session)
        operators.set_active(operators.get("anna@example.com"), False)
    refused(browser, planbridge, "is no operator here")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iss": "https://evil.example"}, "not valid"),
        ({"aud": "another-client"}, "not valid"),
        ({"nonce": "replayed"}, "not valid"),
        ({"nonce": None}, "not valid"),
        ({"exp": 1_000_000_000}, "not valid"),
        ({"iat": 4_000_000_000}, "not valid"),
        ({"azp": "another-client"}, "for another party"),
        ({"aud": [CLIENT, "another-client"]}, "for several parties"),
    ],
)
def test_tokens_that_do_not_fit(
    browser: Browser, provider: OidcStandIn, planbridge: App, change: dict[str, Any], why: str
) -> None:
    provider.bend = lambda claims: {
        name: value for name, value in {**claims, **change}.items() if value is not None
    }
    refused(browser, planbridge, why)


def test_a_key_that_was_changed_is_fetched(browser: Browser, provider: OidcStandIn) -> None:
    assert go(browser).status_code == 303
    browser.session.cookies.clear()
    provider.rotate()
    assert go(browser).status_code == 303


def test_a_symmetric_signature_is_refused(
    browser: Browser, provider: OidcStandIn, planbridge: App
) -> None:
    provider.symmetric()
    refused(browser, planbridge, "not signed by the provider")


def test_an_answer_that_nobody_asked_for(browser: Browser, planbridge: App) -> None:
    """Another browser's code and state are worth nothing here (sign-in forgery)."""
    answer = browser.get("/console/oidc/callback?code=stolen&state=made-up")
    assert answer.status_code == 403
    assert "not begun here" in audited(planbridge, "sign-in.refused")[0].detail["why"]


def test_a_state_of_another_sign_in(browser: Browser, provider: OidcStandIn) -> None:
    browser.get("/console/sign-in")
    browser.post("/console/oidc")
    assert browser.get("/console/oidc/callback?code=x&state=other").status_code == 403


def test_a_provider_that_is_away(browser: Browser, provider: OidcStandIn) -> None:
    provider.__exit__()
    browser.get("/console/sign-in")
    assert browser.post("/console/oidc").status_code == 502
