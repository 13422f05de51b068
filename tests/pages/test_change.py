"""The seed's story in a real browser: Account, Change, due now and next, pay, new limits proven."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from bridge.sandbox.examples import FREE_ID, PREMIUM_ID, member
from bridge.store.changes import ChangeRepository
from bridge.store.readers import sites_of
from bridge.store.uses import save_use
from tests.pages.conftest import CheckAxe, NewPage, Shot, SignedIn
from tests.pages.stage import Stage

WORDS = {
    "en": {
        "change": "Change",
        "title": "Change your membership",
        "due": "Due now",
        "next": "Next bill: $49.00",
        "same": "This changes nothing",
        "go_on": "Continue",
        "pay": "Confirm and pay",
        "done": "the new limits are in force",
        "limit": "Posts 5 → becomes unlimited",
        "how": "How is this computed?",
    },
    "fr": {
        "change": "Changer",
        "title": "Changer votre adhésion",
        "due": "À payer maintenant",
        "next": "Prochaine facture : 49,00 $US",
        "same": "Cela ne change rien",
        "go_on": "Continuer",
        "pay": "Confirmer et payer",
        "done": "les nouvelles limites sont en vigueur",
        "limit": "Articles 5 → devient illimité",
        "how": "Comment est-ce calculé ?",
    },
}


def said(page: Page, where: str = "main") -> str:
    """The text of a part of the page, spaces made one."""
    text = page.locator(where).text_content() or ""
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())


@pytest.fixture
def free(stage: Stage) -> int:
    """A new member of Free; the customer has the same number."""
    number = member(stage.network.state, plan=FREE_ID, gateway="free")
    stage.sync()
    return number


@pytest.fixture
def yearly(stage: Stage) -> int:
    """A new member of Premium, who pays by the year."""
    number = member(stage.network.state, plan=PREMIUM_ID, unit="year", days_left=200)
    stage.sync()
    return number


@pytest.mark.parametrize("language", ["fr", "en"])
def test_from_account_to_new_limits(
    stage: Stage,
    page: Page,
    signed_in: SignedIn,
    axe: CheckAxe,
    shot: Shot,
    free: int,
    language: str,
) -> None:
    words = WORDS[language]
    signed_in(page, free, language=language)
    page.goto(stage.account(f"memberships/{free}"))
    page.get_by_role("link", name=words["change"], exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words["title"])
    assert words["same"] in said(page, "#order")
    axe(page)

    page.get_by_label("Premium").check()
    expect(page.locator("#order")).to_contain_text(words["due"])
    assert words["next"] in said(page, "#order")
    assert words["due"] in said(page, "#order-told"), "the order is told to screen readers"
    assert "plan=6" in page.url
    page.get_by_text(words["how"]).click()
    axe(page)
    shot(page, f"change-{language}")
    shot(page, f"change-{language}-dark", dark=True)

    page.get_by_role("button", name=words["go_on"]).click()
    axe(page)
    shot(page, f"confirm-{language}")
    page.get_by_role("button", name=re.compile(words["pay"])).click()
    page.wait_for_url("**/c/pay/**")
    expect(page.get_by_text("$49.00")).to_be_visible()
    shot(page, "stand-in-checkout")
    page.get_by_role("button", name="Pay", exact=True).click()

    page.wait_for_selector('[data-state="proven"]')
    assert words["done"] in said(page)
    assert words["limit"] in said(page)
    axe(page)
    shot(page, f"done-{language}")
    shot(page, f"done-{language}-dark", dark=True)


class TestBeforeConfirming:
    def test_choosing_nothing_new_says_so_at_once(
        self, stage: Stage, page: Page, signed_in: SignedIn, free: int
    ) -> None:
        """Back to the plan one has: the message again, without a reload."""
        signed_in(page, free).goto(stage.account(f"memberships/{free}/change"))
        page.get_by_label("Premium").check()
        expect(page.locator("#order table")).to_be_visible()
        page.get_by_label("Free").check()
        expect(page.locator("#order")).to_contain_text("This changes nothing")
        expect(page.locator("#order table")).to_have_count(0)

    def test_the_period_changes_every_price(
        self, stage: Stage, page: Page, signed_in: SignedIn, free: int
    ) -> None:
        signed_in(page, free).goto(stage.account(f"memberships/{free}/change"))
        page.get_by_label("Every year").check()
        expect(page.locator("#price-6")).to_have_text("$490.00 / year")

    def test_a_wrong_code_says_so(
        self, stage: Stage, page: Page, signed_in: SignedIn, free: int
    ) -> None:
        signed_in(page, free).goto(stage.account(f"memberships/{free}/change"))
        page.get_by_label("Premium").check()
        page.get_by_label("Discount code").fill("NOPE")
        expect(page.locator("#order")).to_contain_text("This discount code cannot be used")
        expect(page.get_by_label("Discount code")).to_be_focused()
        page.get_by_label("Discount code").fill("WELCOME20")
        expect(page.locator("#order")).to_contain_text("$39.20")

    def test_too_small_a_plan_says_what_to_do(
        self, stage: Stage, page: Page, signed_in: SignedIn, axe: CheckAxe, shot: Shot, yearly: int
    ) -> None:
        with stage.planbridge.session() as session:
            place = stage.place().key
            site = sites_of(session, place, yearly)[0]
            save_use(
                session,
                place,
                site.id,
                posts={"post": 8},
                users={},
                untold="",
                now=stage.planbridge.clock(),
            )
        signed_in(page, yearly).goto(stage.account(f"memberships/{yearly}/change"))
        page.get_by_label("Free").check()
        expect(page.locator("#order")).to_contain_text(f"Delete 3 posts on {site.domain}")
        expect(page.get_by_role("button", name="Continue")).to_have_count(0)
        axe(page)
        shot(page, "change-refused")

    def test_back_shows_what_was_chosen(
        self, stage: Stage, page: Page, signed_in: SignedIn, free: int
    ) -> None:
        signed_in(page, free).goto(stage.account(f"memberships/{free}/change"))
        page.get_by_label("Premium").check()
        page.get_by_label("Priority support").check()
        expect(page.locator("#order")).to_contain_text("$69.00")
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url("**/confirm?**")
        page.go_back()
        expect(page.get_by_label("Premium")).to_be_checked()
        expect(page.get_by_label("Priority support")).to_be_checked()
        expect(page.locator("#order")).to_contain_text("$69.00")


class TestConfirming:
    def choose(self, stage: Stage, page: Page, number: int, *names: str) -> None:
        page.goto(stage.account(f"memberships/{number}/change"))
        for name in names:
            page.get_by_label(name).check()
        expect(page.locator("#order").get_by_role("button", name="Continue")).to_be_visible()
        page.wait_for_function("location.search.includes('chosen=1')")
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url("**/confirm?**")

    def test_a_double_click_asks_once(
        self, stage: Stage, page: Page, signed_in: SignedIn, free: int
    ) -> None:
        signed_in(page, free)
        self.choose(stage, page, free, "Premium")
        page.get_by_role("button", name=re.compile("Confirm and pay")).dblclick(no_wait_after=True)
        page.wait_for_url("**/c/pay/**")
        with stage.planbridge.session() as session:
            found = ChangeRepository(session).list(network_id=stage.place().key, membership_id=free)
        assert len([one for one in found if one.is_open]) == 1

    def test_two_tabs(
        self, stage: Stage, page: Page, signed_in: SignedIn, axe: CheckAxe, shot: Shot, free: int
    ) -> None:
        """The second is told of the first, and may take its place."""
        signed_in(page, free)
        other = page.context.new_page()
        self.choose(stage, page, free, "Premium")
        self.choose(stage, other, free, "Premium", "Priority support")
        page.get_by_role("button", name=re.compile("Confirm and pay")).click()
        page.wait_for_url("**/c/pay/**")
        other.get_by_role("button", name=re.compile("Confirm and pay")).click()
        expect(other.get_by_role("alert")).to_contain_text("Another change is waiting")
        axe(other)
        shot(other, "confirm-two-tabs")
        other.get_by_role("button", name=re.compile("Confirm and pay")).click()
        other.wait_for_url("**/c/pay/**")
        expect(other.get_by_text("$69.00")).to_be_visible()

    def test_leaving_stripes_page_and_dropping(
        self, stage: Stage, page: Page, signed_in: SignedIn, axe: CheckAxe, shot: Shot, free: int
    ) -> None:
        signed_in(page, free)
        self.choose(stage, page, free, "Premium")
        page.get_by_role("button", name=re.compile("Confirm and pay")).click()
        page.get_by_role("button", name="Go back without paying").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Not paid yet")
        axe(page)
        shot(page, "not-paid")
        page.get_by_role("button", name="Drop this change").click()
        page.wait_for_load_state()
        with stage.planbridge.session() as session:
            assert ChangeRepository(session).open_of(stage.place().key, free) is None

    def test_a_downgrade_is_planned_and_taken_back(
        self, stage: Stage, page: Page, signed_in: SignedIn, axe: CheckAxe, shot: Shot, yearly: int
    ) -> None:
        signed_in(page, yearly)
        self.choose(stage, page, yearly, "Free")
        axe(page)
        page.get_by_role("button", name=re.compile("Confirm the change for")).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Planned for")
        axe(page)
        shot(page, "planned")
        page.get_by_role("button", name="Take it back").click()
        page.wait_for_load_state()
        with stage.planbridge.session() as session:
            assert ChangeRepository(session).open_of(stage.place().key, yearly) is None


class TestEverybody:
    def test_without_javascript(
        self, stage: Stage, new_page: NewPage, signed_in: SignedIn, free: int
    ) -> None:
        """The same story by forms alone; the last page reloads itself."""
        page = signed_in(new_page(java_script_enabled=False), free)
        page.goto(stage.account(f"memberships/{free}/change"))
        page.get_by_label("Premium").check()
        page.get_by_role("button", name="Update the order").click()
        assert "Due now" in said(page, "#order")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name=re.compile("Confirm and pay")).click()
        page.get_by_role("button", name="Pay", exact=True).click()
        page.wait_for_selector('[data-state="proven"]')
        assert "the new limits are in force" in said(page)

    def test_with_the_keyboard_alone(
        self, stage: Stage, page: Page, signed_in: SignedIn, free: int
    ) -> None:
        """Tab, arrow, space and enter reach everything; what has the focus keeps it."""
        signed_in(page, free).goto(stage.account(f"memberships/{free}/change"))
        self.tab_to(page, "plan-4")
        page.keyboard.press("ArrowDown")
        expect(page.locator("#order")).to_contain_text("$49.00")
        assert self.focused(page) == "plan-6"
        self.tab_to(page, "addon-3")
        page.keyboard.press("Space")
        expect(page.locator("#order")).to_contain_text("Priority support")
        assert self.focused(page) == "addon-3"
        page.keyboard.press("Tab")
        assert self.focused(page) == "code"
        self.tab_to(page, "Continue")
        page.keyboard.press("Enter")
        page.wait_for_url("**/confirm?**")
        self.tab_to(page, "Confirm and pay")

    def test_at_320_pixels(
        self, stage: Stage, new_page: NewPage, signed_in: SignedIn, axe: CheckAxe, shot: Shot
    ) -> None:
        """Nothing sticks out, in the longest of the languages that are complete."""
        page = new_page(viewport={"width": 320, "height": 640})
        signed_in(page, 3, language="fr")
        page.goto(stage.account("memberships/3/change?chosen=1&plan=6&period=1-year&addon=2"))
        page.get_by_text("Comment est-ce calculé ?").click()
        axe(page)
        shot(page, "change-320")
        page.get_by_role("button", name="Continuer").click()
        axe(page)
        shot(page, "confirm-320")

    def focused(self, page: Page) -> str:
        return str(
            page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
        )

    def tab_to(self, page: Page, wanted: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if self.focused(page).startswith(wanted):
                return
        raise AssertionError(f"{wanted} is not reached")
