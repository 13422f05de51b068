"""A customer's browser without a screen: keeps cookies, sends forms with their token."""

from __future__ import annotations

import re
from typing import Any

import requests

from tests.pages.stage import COOKIE, NETWORK, Stage

_TOKEN = re.compile(r'name="_token" value="([^"]+)"')


class Browser:
    """Follows no redirects, so that a test sees them."""

    def __init__(self, stage: Stage, customer: int | None = None, *, language: str = "") -> None:
        self.stage = stage
        self.http = requests.Session()
        self.http.headers["Accept-Language"] = "en"
        if customer is not None:
            token = stage.session_token(customer, language)
            self.http.cookies.set(COOKIE, token, path=f"/account/{NETWORK}")

    def get(self, path: str = "", **options: Any) -> requests.Response:
        """A page of the account; the path is below it, or a whole address."""
        return self.http.get(self._address(path), allow_redirects=False, timeout=30, **options)

    def post(
        self,
        path: str,
        fields: dict[str, str] | None = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        """Send a form; with the visitor's own token unless another is given."""
        given = self.token() if token is None else token
        return self.http.post(
            self._address(path),
            data={"_token": given, **(fields or {})},
            headers=headers,
            allow_redirects=False,
            timeout=30,
        )

    def token(self) -> str:
        """The token of this visitor's forms, from a page that has one."""
        page = self.get("memberships/0")
        if page.status_code == 303:
            page = self.get("sign-in")
        if _TOKEN.search(page.text) is None:
            page = self.get("enter", params={"token": self.stage.link(1).split("token=")[1]})
        found = _TOKEN.search(page.text)
        assert found is not None, page.text
        return found[1]

    def _address(self, path: str) -> str:
        return path if path.startswith("http") else self.stage.account(path)


def token_of(page: requests.Response) -> str:
    """The form token on a page."""
    found = _TOKEN.search(page.text)
    assert found is not None, page.text
    return found[1]
