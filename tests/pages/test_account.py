"""The account in a real browser: seen, read aloud, narrow, by keyboard, without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from bridge.store.brands import set_brand
from bridge.store.readers import sites_of
from bridge.store.uses import save_use
from tests.pages.conftest import CheckAxe, NewPage, Shot, SignedIn
from tests.pages.stage import Stage, open_stage

NARROW = {"width": 320, "height": 640}
PAGES = ("", "/invoices", "/cancel")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A network with a brand, a mail server, and sites whose use is known."""
    folder = tmp_path_factory.mktemp("account")
    mail = {"smtp_host": "127.0.0.1", "smtp_port": 9, "smtp_from": "accounts@example.com"}
    with open_stage(folder, **mail) as opened:
        place = opened.place()
        with opened.planbridge.session() as session:
            set_brand(
                session,
                place,
                name="Example Sites",
                colour="#0f766e",
                support_email="help@example.com",
            )
            for membership in (1, 3):
                for site in sites_of(session, place.key, membership):
                    save_use(
                        session,
                        place.key,
                        site.id,
                        posts={"post": 4, "page": 3, "attachment": 41},
                        users={"administrator": 1, "editor": 0, "author": 0},
                        untold="",
                        now=opened.planbridge.clock(),
                    )
        yield opened


def test_a_link_opens_the_account(stage: Stage, page: Page, axe: CheckAxe, shot: Shot) -> None:
    """One click on the page that the link shows, and the membership is there."""
    page.goto(stage.link(3))
    axe(page)
    shot(page, "enter")
    page.get_by_role("button", name="Open my account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your membership")
    page.goto(stage.link(3).replace("token=", "token=x"))
    expect(page.get_by_role("heading", level=1)).to_have_text("This link does not open anything")
    axe(page)


@pytest.mark.parametrize("language", ["en", "fr", "de"])
def test_every_page_is_accessible(
    stage: Stage, page: Page, signed_in: SignedIn, axe: CheckAxe, shot: Shot, language: str
) -> None:
    """No violation that axe-core finds, in light and dark, in three languages."""
    signed_in(page, 3, language=language)
    for path in PAGES:
        page.goto(stage.account(f"memberships/3{path}"))
        axe(page)
        shot(page, f"account{path.replace('/', '-')}-{language}")
    signed_in(page, 1, language=language)
    page.goto(stage.account("memberships/1"))
    axe(page)
    shot(page, f"account-free-{language}-dark", dark=True)


def test_everything_fits_320_pixels(
    stage: Stage, new_page: NewPage, signed_in: SignedIn, axe: CheckAxe, shot: Shot
) -> None:
    """Nothing sticks out, nothing overlaps, in the longest of the languages."""
    page = signed_in(new_page(viewport=NARROW), 3, language="fr")
    for path in PAGES:
        page.goto(stage.account(f"memberships/3{path}"))
        axe(page)
        shot(page, f"account{path.replace('/', '-')}-320")
    page.context.clear_cookies()
    page.goto(stage.account("sign-in"))
    axe(page)


def test_by_keyboard_alone(stage: Stage, page: Page, signed_in: SignedIn) -> None:
    """The first stop leads past the menu; every stop can be seen; Change is reached and pressed."""
    signed_in(page, 3)
    page.goto(stage.account("memberships/3"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    names = []
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", names
        names.append(page.evaluate("document.activeElement.textContent.trim()"))
        if names[-1] == "Change":
            break
    assert names[0] == "Change", "past the menu it is the first thing"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/change$"))


def test_without_scripts_everything_works(stage: Stage, new_page: NewPage, shot: Shot) -> None:
    """Sign in by link, look, cancel with a reason, change one's mind, choose French, sign out."""
    page = new_page(java_script_enabled=False)
    page.goto(stage.link(2))
    page.get_by_role("button", name="Open my account").click()
    page.get_by_role("link", name="Cancel your membership").click()
    page.get_by_label("It is too expensive").check()
    page.get_by_label("Anything that we should know?").fill("Thank you for everything")
    page.get_by_role("button", name="Cancel my membership").click()
    expect(page.get_by_role("status")).to_have_text("Your membership is cancelled.")
    expect(page.get_by_role("heading", name="Your membership ends on")).to_be_visible()
    shot(page, "account-cancelled")
    page.get_by_role("button", name="Go on after all").click()
    expect(page.get_by_role("status")).to_have_text("Your membership goes on.")
    page.get_by_role("link", name="Français").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre adhésion")
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Se connecter")


def test_a_pending_change_is_taken_back_and_the_card_changed(
    stage: Stage, page: Page, signed_in: SignedIn, axe: CheckAxe, shot: Shot
) -> None:
    """The seed's member: buys Premium, plans to go back to Free, thinks better of it, new card."""
    stage.buy(1, "premium")
    change = stage.ask(1, "free")
    signed_in(page, 1)
    page.goto(stage.account("memberships/1"))
    banner = page.get_by_role("region", name="Pending change")
    expect(banner).to_contain_text("A change takes place on")
    expect(page.locator("#card-on-file")).to_have_text("Visa ending in 4242")
    axe(page)
    shot(page, "account-pending")
    banner.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("status")).to_have_text("The change was taken back.")
    assert stage.api("GET", f"changes/{change}")["state"] == "revoked"
    page.reload()
    page.go_back()
    page.goto(stage.account("memberships/1"))
    expect(page.get_by_role("region", name="Pending change")).to_have_count(0)
    page.get_by_role("button", name="Change card").click()
    page.get_by_label("Card").select_option(label="Card that works")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("From now on your new card is billed.")


def test_bars_have_the_colours_of_their_levels(
    stage: Stage, page: Page, signed_in: SignedIn
) -> None:
    """80 % is amber, 100 % red, less is green: told by the browser's own meter element."""
    signed_in(page, 1)
    page.goto(stage.account("memberships/1"))
    meters = page.locator("meter")
    assert meters.count() >= 4
    for index in range(meters.count()):
        meter = meters.nth(index)
        value, low, high = (
            float(str(meter.get_attribute(name))) for name in ("value", "low", "high")
        )
        note = meter.locator("xpath=following-sibling::p")
        said = note.inner_text() if note.count() else ""
        if value > high:
            assert "limit reached" in said or "more than allowed" in said
        elif value > low:
            assert "almost reached" in said
        else:
            assert "reached" not in said


def test_asking_for_a_link_by_mail(stage: Stage, page: Page, axe: CheckAxe, shot: Shot) -> None:
    """The form, and the answer that never tells who is known."""
    page.goto(stage.account("sign-in"))
    axe(page)
    shot(page, "sign-in")
    page.get_by_label("E-mail address").fill("somebody@example.com")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("status")).to_contain_text("If we know this address")
    axe(page)
