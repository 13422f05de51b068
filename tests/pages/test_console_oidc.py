"""Signing in through a provider in a real browser: its policy and its cookies let it pass."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from bridge.store.operators import OperatorRepository
from bridge.store.tables import Role
from tests.pages.conftest import NewPage
from tests.pages.stage import open_stage
from tests.web.oidc_provider import CLIENT, SECRET, OidcStandIn


def test_there_and_back(tmp_path: Path, new_page: NewPage) -> None:
    """The form's redirect is allowed, and the cookie of the way back is kept and sent."""
    with (
        OidcStandIn() as provider,
        open_stage(
            tmp_path,
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT,
            oidc_client_secret=SECRET,
        ) as stage,
    ):
        provider.person = {"sub": "1", "email": "anna@example.com", "email_verified": True}
        with stage.planbridge.session() as session:
            OperatorRepository(session).add(
                "anna@example.com", role=Role.READER, now=stage.planbridge.clock()
            )
        page = new_page()
        page.goto(f"{stage.url}/console/changes")
        page.get_by_role("button", name="Sign in with").click()
        page.wait_for_url("**/console/changes")
        expect(page.get_by_role("link", name="anna@example.com")).to_be_visible()
        page.context.close()
