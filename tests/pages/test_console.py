"""The operator's console in a real browser: every page, light, dark, narrow, in two languages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from bridge.payments.metadata import reference_for
from bridge.store.access import AccessRepository
from bridge.store.changes import ChangeRepository
from bridge.store.operators import OperatorRepository
from bridge.store.tables import ChangeState, Role
from bridge.upgrades.quoting import Choice, give_quote
from bridge.web.pages.forms import SESSION_COOKIES
from tests.pages.conftest import CheckAxe, NewPage, Shot
from tests.pages.stage import NETWORK, Stage, until
from tests.web.conftest import deliver, paid_intent

PASSWORD = "correct horse battery staple"
HOME = f"/console/networks/{NETWORK}"

PAGES = {
    "overview": "/console",
    "networks": "/console/networks",
    "network-add": "/console/networks/add",
    "network": HOME,
    "sync": f"{HOME}/sync",
    "memberships": "/console/memberships",
    "membership": f"{HOME}/memberships/1",
    "choose": f"{HOME}/memberships/3/change",
    "simulation": f"{HOME}/memberships/2/simulation",
    "changes": "/console/changes",
    "events": "/console/events",
    "event": f"{HOME}/events/1",
    "drift-all": "/console/drift",
    "drift": f"{HOME}/drift",
    "products": f"{HOME}/products",
    "messages": "/console/messages",
    "schedules": "/console/schedules",
    "audit": "/console/audit",
    "operators": "/console/operators",
    "me": "/console/me",
}

OpenConsole = Callable[..., Page]


@pytest.fixture(scope="module", autouse=True)
def story(stage: Stage) -> None:
    """Operators, and a change that was paid and proven."""
    planbridge = stage.planbridge
    with planbridge.session() as session:
        for role in Role:
            OperatorRepository(session).add(
                f"{role.value}@example.com", role=role, password=PASSWORD, now=planbridge.clock()
            )
        given = give_quote(
            session,
            stage.place(),
            1,
            Choice(products=("premium",)),
            now=planbridge.clock(),
            key=planbridge.quote_key,
            minutes=60,
        )
    about = reference_for(network=NETWORK, membership_id=1, quote_id=given.id)
    body = paid_intent(given.quote.due_now, about.to_metadata())
    assert deliver(stage.url, body, stage.stripe.secret).ok

    def proven() -> bool:
        with planbridge.session() as session:
            found = ChangeRepository(session).list(membership_id=1)
        return bool(found) and found[0].state is ChangeState.PROVEN

    until(proven)


@pytest.fixture
def console(stage: Stage, new_page: NewPage) -> OpenConsole:
    """Opens a page of the console as somebody who is signed in."""

    def opened(path: str = "/console", *, role: Role = Role.OWNER, **options: object) -> Page:
        page = new_page(**options)
        planbridge = stage.planbridge
        with planbridge.session() as session:
            token = AccessRepository(session).open(
                now=planbridge.clock(),
                lifetime=timedelta(hours=1),
                operator_id=OperatorRepository(session).get(f"{role.value}@example.com").key,
            )
        page.context.add_cookies(
            [
                {
                    "name": SESSION_COOKIES[1],
                    "value": token,
                    "url": f"{stage.url}/console",
                    "httpOnly": True,
                    "sameSite": "Strict",
                }
            ]
        )
        page.goto(f"{stage.url}{path}")
        page.wait_for_selector("body.console")
        return page

    return opened


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_is_accessible_and_fits(
    stage: Stage, console: OpenConsole, axe: CheckAxe, shot: Shot, language: str
) -> None:
    """axe finds nothing, in light and in dark, and nothing sticks out at 320 px."""
    page = console(locale=language, viewport={"width": 320, "height": 800})
    for path in PAGES.values():
        answer = page.goto(f"{stage.url}{path}")
        assert answer is not None
        assert answer.status == 200, path
        expect(page.locator("html")).to_have_attribute("lang", language)
        axe(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    for name in ("overview", "membership", "products"):
        page.goto(f"{stage.url}{PAGES[name]}")
        shot(page, f"console-{name}-{language}")
        shot(page, f"console-{name}-{language}-dark", dark=True)


def test_what_forms_and_links_lead_to_is_accessible(
    stage: Stage, console: OpenConsole, axe: CheckAxe
) -> None:
    """A change, the result of a check, and a quote."""
    page = console("/console/changes", viewport={"width": 320, "height": 800})
    page.locator("main a[href*='/changes/chg_']").first.click()
    expect(page.locator("main")).to_contain_text("chg_")
    axe(page)
    page.goto(f"{stage.url}{HOME}")
    page.locator(f"form[action='{HOME}/check'] button").click()
    expect(page.locator("main")).to_contain_text("What it costs")
    axe(page)
    page.goto(f"{stage.url}{HOME}/memberships/3/change")
    page.locator("main form[action*='/memberships/3/'] button").last.click()
    page.wait_for_url("**/quotes/**")
    axe(page)


def test_the_sign_in_is_accessible(stage: Stage, page: Page, axe: CheckAxe) -> None:
    page.goto(f"{stage.url}/console/sign-in")
    axe(page)
    page.locator("#email").fill("nobody@example.com")
    page.locator("#password").fill("a wrong password")
    page.locator("#password").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Address or password is wrong")
    axe(page)
    page.locator("#email").fill("owner@example.com")
    page.locator("#password").fill(PASSWORD)
    page.locator("#password").press("Enter")
    page.wait_for_selector("body.console")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/sign-in")


def test_works_without_scripts(stage: Stage, console: OpenConsole) -> None:
    """From the overview to pricing a change, asking for it and taking it back."""
    page = console(java_script_enabled=False)
    page.get_by_role("link", name="Memberships").click()
    page.get_by_label("E-mail address, site").fill("3")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=f"{NETWORK} · 3").click()
    page.get_by_role("link", name="Price a change").click()
    page.get_by_text("Free", exact=True).first.click()
    page.get_by_role("button", name="Price it").click()
    expect(page.get_by_role("heading", name="How it is computed")).to_be_visible()
    page.get_by_label("Why").fill("asked by mail")
    page.get_by_role("button", name="Ask for this change").click()
    expect(page.get_by_role("status")).to_contain_text("asked for")
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_role("status")).to_contain_text("taken back")


def test_a_sync_is_watched_live(stage: Stage, console: OpenConsole) -> None:
    """The page asks by itself until the sync has ended, and then no more."""
    page = console(f"{HOME}/sync")
    page.get_by_role("button", name="Sync everything").click()
    expect(page.locator("#sync-state")).to_contain_text("rows seen", timeout=30_000)
    expect(page.locator("#sync-state")).to_contain_text("at rest")
    expect(page.locator("#sync-state")).not_to_have_attribute("hx-get", "")


def test_by_keyboard_alone(stage: Stage, console: OpenConsole) -> None:
    """Tab reaches the skip link first, then the menu in its order; Enter follows."""
    page = console()
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to content")
    page.keyboard.press("Tab")
    seen = []
    for _ in range(6):
        page.keyboard.press("Tab")
        seen.append(page.locator(":focus").inner_text())
    assert "Networks" in seen
    while page.locator(":focus").inner_text() != "Schedules":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/schedules")


def test_a_reader_sees_no_buttons(stage: Stage, console: OpenConsole) -> None:
    """What a reader may not do is not offered: his only form is the way out."""
    page = console(role=Role.READER)
    for name, path in PAGES.items():
        if name in ("network-add", "operators", "me", "choose"):
            continue
        page.goto(f"{stage.url}{path}")
        forms = page.locator("form[method=post]")
        assert forms.count() == 1, path
        expect(forms.first).to_have_attribute("action", "/console/sign-out")


def test_language_is_switched_and_kept(stage: Stage, console: OpenConsole) -> None:
    page = console(locale="de")
    page.get_by_role("link", name="Français").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Vue d’ensemble")
    page.goto(f"{stage.url}/console/changes")
    expect(page.get_by_role("heading", level=1)).to_have_text("Changements")


def test_acting_as_the_customer_ends_in_his_account(stage: Stage, console: OpenConsole) -> None:
    """The link is the account's own: one button on the way, then the customer's page."""
    page = console(f"{HOME}/memberships/2")
    page.get_by_label("Why").fill("asked by telephone")
    page.get_by_role("button", name="Open the account").click()
    page.wait_for_url(f"**/account/{NETWORK}/enter**")
    page.locator("main form button").click()
    page.wait_for_url(f"**/account/{NETWORK}/memberships/2")
