"""A browser on the running service.

Chromium is looked for at ``PLANBRIDGE_CHROMIUM``, else at ``/usr/bin/chromium``. Where it is
not, the tests of the pages are skipped, and the summary says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.pages.stage import COOKIE, NETWORK, Stage, open_stage

CHROMIUM = Path(os.environ.get("PLANBRIDGE_CHROMIUM", "/usr/bin/chromium"))
ARTEFACTS = Path(__file__).parents[2] / "artefacts"
_MISSING = f"NO PAGE WAS TRIED: there is no browser at {CHROMIUM}"
_FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

NewPage = Callable[..., Page]
SignedIn = Callable[..., Page]
CheckAxe = Callable[[Page], None]
Shot = Callable[..., Path]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A skip that nobody overlooks."""
    skipped = [str(each.longrepr) for each in terminalreporter.stats.get("skipped", ())]
    if any(_MISSING in reason for reason in skipped):
        terminalreporter.section("pages", sep="!", red=True, bold=True)
        terminalreporter.line(f"{_MISSING}. Install Debian's chromium.", red=True)


# A browser for each module, not for the session: as long as Playwright runs, no other test of
# this process could use asyncio.run().
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    if not CHROMIUM.exists():
        pytest.skip(_MISSING)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS])
        yield running
        running.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Service, network and Stripe, shared by the tests of a module."""
    with open_stage(tmp_path_factory.mktemp("stage")) as opened:
        yield opened


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Opens a page of a fresh visitor: ``new_page(java_script_enabled=False, locale="fr")``.

    A page whose script fails, or that tries what its policy forbids, fails the test.
    """
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def opened(**options: Any) -> Page:
        context = browser.new_context(**{"locale": "en", **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
        page.on("console", lambda line: _note(line.type, line.text, troubles))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not troubles, troubles


def _note(kind: str, text: str, troubles: list[str]) -> None:
    if kind == "error" and "Content Security Policy" in text:
        troubles.append(text)


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """A page of a fresh visitor."""
    return new_page()


@pytest.fixture
def signed_in(stage: Stage) -> SignedIn:
    """Signs a page's visitor in: ``signed_in(page, 1, language="fr")``; returns the page."""

    def sign_in(page: Page, customer: int, *, language: str = "") -> Page:
        page.context.add_cookies(
            [
                {
                    "name": COOKIE,
                    "value": stage.session_token(customer, language),
                    "url": stage.account().removesuffix("/"),
                    "httpOnly": True,
                    "sameSite": "Lax",
                }
            ]
        )
        return page

    return sign_in


@pytest.fixture
def axe() -> CheckAxe:
    """Checks the page as it stands with axe-core, in light and in dark, and for its width.

    Nothing may be wrong for people with disabilities that a machine can find, and nothing
    may stick out to the right of the window.
    """
    engine = Axe()

    def check(page: Page) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = engine.run(page)
            assert found.violations_count == 0, f"{page.url} ({scheme})\n{found.generate_report()}"
        page.emulate_media(color_scheme="light")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.evaluate("window.innerWidth"), f"{page.url} is {width} px wide"

    return check


@pytest.fixture
def shot() -> Shot:
    """Keeps a picture of the whole page: ``shot(page, "account-fr")``."""

    def take(page: Page, name: str, *, dark: bool = False) -> Path:
        path = ARTEFACTS / "pages" / f"{name}.png"
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.screenshot(path=path, full_page=True, animations="disabled")
        page.emulate_media(color_scheme="light")
        return path

    return take


__all__ = ["NETWORK", "Stage"]
