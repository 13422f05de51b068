"""The stage stands: a browser reaches a page of the service."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.pages.conftest import CheckAxe, SignedIn
from tests.pages.stage import Stage


def test_a_page_that_is_not_there_says_so(
    stage: Stage, page: Page, signed_in: SignedIn, axe: CheckAxe
) -> None:
    """The page of an error is a page too: in words, without violations."""
    signed_in(page, 1)
    answer = page.goto(stage.account("nothing/here"))
    assert answer is not None
    assert answer.status == 404
    assert page.get_by_role("heading").inner_text() == "Not found"
    axe(page)
