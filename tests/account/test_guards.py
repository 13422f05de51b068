"""Every route of the account: nobody sees or does what is not his; no other site acts for him."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest
import requests
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from bridge.sandbox.examples import BASIC_ID
from bridge.web.server import BackgroundService
from tests.account.visitor import Browser
from tests.pages.stage import NETWORK, Stage, until

OWNER, OTHER = 2, 4
PREFIX = "/account/{network}"
OPEN = {"/brand.css", "/logo", "/enter", "/sign-in", "/language"}
"""What needs no sign-in."""


@dataclass(frozen=True)
class Way:
    """One method of one route below the account; ``template`` is relative to it."""

    method: str
    template: str

    def path(self, ids: dict[str, str]) -> str:
        """The path with ids filled in; an id that nobody gave fails the test."""
        return self.template.format(**ids).lstrip("/")


def routes(router: FastAPI | APIRouter) -> Iterator[APIRoute]:
    """All routes, those of included routers, too."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif isinstance(inner := getattr(route, "original_router", None), APIRouter):
            yield from routes(inner)


def ways(app: FastAPI) -> list[Way]:
    """Every method of every route below the account."""
    return sorted(
        {
            Way(method, route.path.removeprefix(PREFIX))
            for route in routes(app)
            if route.path.startswith(f"{PREFIX}/")
            for method in route.methods - {"HEAD", "OPTIONS"}
        },
        key=lambda way: (way.template, way.method),
    )


def with_ids(app: FastAPI) -> list[Way]:
    """Those that name something that belongs to somebody."""
    return [way for way in ways(app) if "{" in way.template]


def leaks(
    visitor: Browser, found: Iterable[Way], ids: dict[str, str], token: str, base: str = ""
) -> list[str]:
    """Ways that answer anything but 404 to somebody whose things these are not."""
    told = []
    for way in found:
        path = f"{base}{way.path(ids)}"
        if way.method == "GET":
            answer = visitor.get(path, params={"quote": ids["quote"]})
        else:
            answer = visitor.post(path, {"quote": ids["quote"]}, token=token)
        if answer.status_code != 404:
            told.append(f"{way.method} {path}: {answer.status_code}")
    return told


@pytest.fixture(scope="module")
def ids(stage: Stage) -> dict[str, str]:
    """Things of the owner: membership, change, quote, and an invoice that is known to be his."""
    quote = stage.api("POST", f"memberships/{OWNER}/quotes", {"products": ["extra-disk-space"]})
    assert quote["possible"], quote["errors"]
    change = stage.api("POST", "changes", {"quote": quote["id"]})
    stage.network.state.insert(
        "payment",
        customer_id=OWNER,
        membership_id=OWNER,
        currency="USD",
        subtotal=19.99,
        total=19.99,
        status="completed",
        gateway="stripe",
        gateway_payment_id="in_of_the_owner",
    )
    stage.sync()
    until(lambda: bool(stage.api("GET", f"changes?membership_id={OWNER}")["items"]))
    return {
        "membership_id": str(OWNER),
        "change_id": change["id"],
        "invoice_id": "in_of_the_owner",
        "quote": quote["id"],
    }


def test_all_routes_with_ids_are_known(stage: Stage, ids: dict[str, str]) -> None:
    """The property test below covers something, and every kind of id has an example."""
    found = with_ids(stage.app)
    assert len(found) >= 10
    assert {way.method for way in found} == {"GET", "POST"}
    for way in found:
        assert way.path(ids)


def test_what_belongs_to_somebody_else_is_not_there(stage: Stage, ids: dict[str, str]) -> None:
    """Another customer's membership, quote, change or invoice: 404 on every route."""
    visitor = Browser(stage, OTHER)
    assert leaks(visitor, with_ids(stage.app), ids, visitor.token()) == []


def test_nothing_else_hangs_below_ones_own_membership(stage: Stage, ids: dict[str, str]) -> None:
    """Somebody else's quote, change or invoice below one's own membership: 404 as well."""
    visitor = Browser(stage, OTHER)
    mixed = {**ids, "membership_id": str(OTHER)}
    nested = [
        way
        for way in with_ids(stage.app)
        if way.template.count("{") > 1 or way.template.endswith("/confirm")
    ]
    assert len(nested) >= 4
    assert leaks(visitor, nested, mixed, visitor.token()) == []


def test_the_property_notices_a_route_without_guard(stage: Stage, ids: dict[str, str]) -> None:
    """A route that forgets whose membership it is would be found."""
    app = FastAPI()
    careless = APIRouter(prefix="/account/{network}")

    @careless.get("/memberships/{membership_id}/careless")
    def careless_page(membership_id: int) -> str:
        return f"membership {membership_id}"

    app.include_router(careless)
    with BackgroundService(app) as running:
        base = f"{running.url}/account/{NETWORK}/"
        told = leaks(Browser(stage), with_ids(app), ids, token="", base=base)
    assert len(told) == 1
    assert told[0].endswith(f"memberships/{OWNER}/careless: 200")


def test_who_is_not_signed_in_is_led_to_where_he_can(stage: Stage, ids: dict[str, str]) -> None:
    """Without a session every page but the open ones leads to the sign-in; forms do nothing."""
    for way in ways(stage.app):
        if way.template in OPEN:
            continue
        visitor = Browser(stage)
        if way.method == "GET":
            answer = visitor.get(way.path(ids))
            assert answer.status_code == 303, way
            assert answer.headers["location"].startswith(f"/account/{NETWORK}/sign-in"), way
        else:
            answer = visitor.post(way.path(ids), token=visitor.token())
            assert answer.status_code in (303, 403), way
            assert "/sign-in" in answer.headers.get("location", "/sign-in"), way


def test_the_owner_gets_in(stage: Stage, ids: dict[str, str]) -> None:
    """The same addresses answer their owner: the 404s above are not for want of a page."""
    owner = Browser(stage, OWNER)
    for way in with_ids(stage.app):
        if way.method == "GET" and "{invoice_id}" not in way.template:
            answer = owner.get(way.path(ids), params={"quote": ids["quote"]})
            assert answer.status_code < 400, (way, answer.text)


def test_a_form_needs_the_visitors_own_token(stage: Stage, ids: dict[str, str]) -> None:
    """Without token, with another visitor's, from another site or origin: nothing is done."""
    strangers = Browser(stage, OTHER).token()
    posts = [way for way in ways(stage.app) if way.method == "POST"]
    assert len(posts) >= 8
    for way in posts:
        visitor = Browser(stage, OWNER)
        own = visitor.token()
        path = way.path(ids)
        for answer in (
            visitor.post(path, token=""),
            visitor.post(path, token=strangers),
            visitor.post(path, token=own, headers={"Sec-Fetch-Site": "cross-site"}),
            visitor.post(path, token=own, headers={"Sec-Fetch-Site": "same-site"}),
            visitor.post(path, token=own, headers={"Origin": "https://evil.example"}),
        ):
            assert answer.status_code == 403, (way, answer.status_code)


def test_no_page_can_be_framed_or_kept(stage: Stage, ids: dict[str, str]) -> None:
    """Clickjacking: no frame; no copy in a cache; no script but ours."""
    owner = Browser(stage, OWNER)
    for way in ways(stage.app):
        if way.method != "GET" or way.template in ("/brand.css", "/logo"):
            continue
        if "{invoice_id}" in way.template:
            continue
        headers = owner.get(way.path(ids)).headers
        assert headers["X-Frame-Options"] == "DENY", way
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy, way
        assert "script-src 'self'" in policy, way
        assert "unsafe" not in policy, way
        assert headers["Cache-Control"] == "no-store", way


def test_nothing_was_done_by_all_that(stage: Stage, ids: dict[str, str]) -> None:
    """After everything above the owner's change still stands where it stood."""
    change = stage.api("GET", f"changes/{ids['change_id']}")
    assert change["state"] == "awaiting_payment"
    assert stage.api("GET", f"memberships/{OWNER}")["plan_id"] == BASIC_ID


def test_ids_that_are_none_are_not_found(stage: Stage) -> None:
    """Nonsense in place of an id: a page that says so, never an error of ours."""
    owner = Browser(stage, OWNER)
    for nonsense in ("x", "-1", "0", "99999999999999999999", "1%20OR%201=1", "..%2f..", "%00"):
        answer: requests.Response = owner.get(f"memberships/{nonsense}")
        assert answer.status_code == (400 if nonsense == "%00" else 404), nonsense
        assert "text/html" in answer.headers["content-type"]
