"""A customer who uses the account pages without a browser, and what he reads on them."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from tests.pages.stage import COOKIE, Stage

Fields = Mapping[str, Any] | Sequence[tuple[str, str]]


class Customer:
    """Signed in; ``membership`` is the one that paths are below."""

    def __init__(self, stage: Stage, number: int, *, language: str = "en") -> None:
        self.stage = stage
        self.membership = number
        self.browser = requests.Session()
        self.browser.cookies.set(COOKIE, stage.session_token(number, language))

    def url(self, path: str) -> str:
        return self.stage.account(f"memberships/{self.membership}/{path}")

    def get(self, path: str, **options: Any) -> requests.Response:
        """A page by its path below the membership, or by its whole address."""
        return self.browser.get(self._whole(path), allow_redirects=False, timeout=30, **options)

    def post(
        self, path: str, fields: Fields = (), *, token: str | None = None
    ) -> requests.Response:
        """Send a form as the page would, with its token unless another one is given."""
        pairs = list(fields.items() if isinstance(fields, Mapping) else fields)
        pairs.append(("_token", self.token if token is None else token))
        return self.browser.post(self._whole(path), data=pairs, allow_redirects=False, timeout=30)

    @property
    def token(self) -> str:
        return value_of(self.get("change").text, "_token")

    def order(self, **fields: Any) -> str:
        """The order for a choice, as htmx asks for it; ``addon`` may be a list."""
        answer = self.get(
            "change/order", params={"chosen": "1", **fields}, headers={"HX-Request": "true"}
        )
        assert answer.status_code == 200, answer.text
        return text_of(answer.text)

    def keep(self, **fields: Any) -> str:
        """Go on with a choice; the id of the quote that was kept."""
        answer = self.post("change", _pairs({"chosen": "1", **fields}))
        assert answer.status_code == 303, answer.text
        place = answer.headers["location"]
        assert "/confirm?quote=" in place, place
        return place.partition("quote=")[2]

    def confirm(self, quote: str, **fields: str) -> requests.Response:
        return self.post("confirm", {"quote": quote, **fields})

    def wait_for(self, progress: str, *states: str) -> str:
        """The progress page once the change is in one of the states."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            page = self.get(progress).text
            if re.search(rf'data-state="({"|".join(states)})"', page):
                return page
            time.sleep(0.05)
        raise AssertionError(text_of(page))

    def _whole(self, path: str) -> str:
        if path.startswith("http"):
            return path
        return f"{self.stage.url}{path}" if path.startswith("/") else self.url(path)


def _pairs(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, str(one))
        for name, value in fields.items()
        for one in (value if isinstance(value, list | tuple) else [value])
    ]


def value_of(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return html.unescape(found[1])


def text_of(page: str) -> str:
    """What a page says: its text, spaces made one."""
    body = page.partition("<main")[2] or page
    text = html.unescape(re.sub(r"<[^>]+>", " ", body))
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())


def checked(page: str) -> set[str]:
    """The ids of what is ticked."""
    return set(re.findall(r'id="([^"]+)"[^>]*\schecked', page))
