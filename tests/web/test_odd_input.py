"""Input that nobody means well is answered with a 4xx and a sentence, on every route."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from fastapi.routing import APIRoute

from bridge.web import gate
from bridge.web.api import changes, events, hooks, memberships, networks, payments, quotes
from bridge.web.api.inputs import Input
from tests.web.conftest import TOKEN, Caller, problem
from tests.web.console_stage import Browser

QUOTES = "/v1/networks/main/memberships/1/quotes"
HOOKS = "/v1/networks/main/hooks"
LARGEST = 2**63 - 1
DEEP = b"[" * 100_000 + b"]" * 100_000


def send(call: Caller, path: str, body: bytes, kind: str = "application/json") -> requests.Response:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
    return requests.post(f"{call.url}{path}", data=body, headers=headers, timeout=30)


def test_every_whole_number_has_bounds(call: Caller) -> None:
    """Beyond 64 bits no database could look for it; by the document, so that none is forgotten."""
    found = []
    for path, operations in call("GET", "/openapi.json").json()["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                schema = parameter["schema"]
                for each in schema.get("anyOf", [schema]):
                    if each.get("type") == "integer":
                        found.append(path)
                        assert each["maximum"] <= LARGEST, (path, parameter["name"])
                        assert each["minimum"] >= 0, (path, parameter["name"])
    assert len(found) >= 10


def test_every_body_is_looked_through() -> None:
    """A new route cannot forget it."""
    bodies = [
        field.field_info.annotation
        for module in (networks, memberships, quotes, changes, payments, events, hooks)
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for field in route.dependant.body_params
    ]
    assert len(bodies) >= 5
    for body in bodies:
        kinds = [one for one in getattr(body, "__args__", (body,)) if one is not type(None)]
        assert all(issubclass(kind, Input) for kind in kinds), body


@pytest.mark.parametrize(
    "number", [2**63, 2**64, 10**30, -1, 0, "1e5", "9" * 5000, "%D9%A3", "nan"]
)
@pytest.mark.parametrize(
    "path",
    [
        "/memberships/{}", "/memberships/{}/offers", "/memberships?customer_id={}",
        "/changes?membership_id={}", "/events/{}", "/events?before={}",
    ],
)  # fmt: skip
def test_a_number_that_is_no_id(call: Caller, path: str, number: object) -> None:
    answer = call("GET", f"/v1/networks/main{path.format(number)}")
    assert answer.status_code in (404, 422), answer.text
    problem(answer)


@pytest.mark.parametrize("number", [2**63, -(2**64), "9" * 5000])
@pytest.mark.parametrize(
    "page", ["memberships/{}", "memberships/{}/change", "memberships/{}/simulation", "events/{}"]
)
def test_a_number_on_a_page_that_is_no_id(owner: Browser, page: str, number: object) -> None:
    assert owner.get(f"/console/networks/main/{page.format(number)}").status_code == 404
    assert owner.get(f"/account/main/{page.format(number)}").status_code == 404


@pytest.mark.parametrize("path", ["/console/sign-in", "/account/main/sign-in"])
@pytest.mark.parametrize("origin", ["http://[::1", "null", "\xff", "//", "https://evil.example"])
def test_an_origin_that_is_none(call: Caller, path: str, origin: str) -> None:
    headers = {"Origin": origin.encode("latin-1")}
    answer = requests.post(f"{call.url}{path}", headers=headers, timeout=30)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (QUOTES, {"products": ["pre\0mium"]}),
        (QUOTES, {"products": ["premium"], "discount_code": "\udfff"}),
        (QUOTES, {"products": ["premium"], "\ud800": 1}),
        (QUOTES, {"products": ["premium"], "amounts": {"6": 2**64}}),
        (QUOTES, {"products": ["premium"], "amounts": {"6": -1}}),
        (QUOTES, {"products": ["premium"], "amounts": {str(2**64): 1}}),
        (QUOTES, {"products": ["premium"], "recurring": {str(2**64): True}}),
        (QUOTES, {"products": ["premium"], "period": "9" * 30 + "-month"}),
        (QUOTES, {"products": ["premium"], "period": "9" * 5000 + "-month"}),
        (QUOTES, {"products": ["premium"], "period": "²-month"}),
        (QUOTES, {"products": ["premium"], "discount_code": "x" * 5000}),
        ("/v1/networks/main/changes", {"quote": "\ud800"}),
        ("/v1/networks/main/changes", {"quote": "qt_\0"}),
        ("/v1/networks/main/changes/chg_1/collect", {"success_url": "https://example.com/\0"}),
        (HOOKS, {"url": "https://example.com", "types": ["\ud800"]}),
        (HOOKS, {"url": "https://example.com", "secret": "whsec_\0"}),
        (HOOKS + "/hook_1/replay", {"event_ids": ["\ud800"]}),
        (HOOKS + "/hook_1/replay", {"since": "0001-01-01T00:00:00+23:59"}),
        (HOOKS + "/hook_1/replay", {"until": "9999-12-31T23:59:59-23:59"}),
    ],
)
def test_a_value_that_cannot_be_stored(call: Caller, path: str, body: Any) -> None:
    answer = send(call, path, json.dumps(body).encode())
    assert answer.status_code == 422, answer.text
    problem(answer)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 422),
        (b"{", "application/json", 422),
        (b"null", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"NaN", "application/json", 422),
        (b'{"products": [1e999]}', "application/json", 422),
        (b'{"products": ["\xff"]}', "application/json", 400),
        (b"1" * 5000, "application/json", 400),
        (DEEP, "application/json", 400),
        (b'{"products":' + b"[" * 900 + b"]" * 900 + b"}", "application/json", 422),
        (b'{"products": ["premium"]}', "text/plain", 422),
        (b"products=premium", "application/x-www-form-urlencoded", 422),
        (b"products=%00", "application/x-www-form-urlencoded", 400),
        (b"--x", "multipart/form-data; boundary=x", 422),
        (b'{"products": ["premium"]}', "\xff/\xfe", 422),
        (b" " * (gate.MAX_BODY + 1), "application/json", 413),
    ],
    ids=range(16),
)
def test_a_body_that_is_no_choice(call: Caller, body: bytes, kind: str, status: int) -> None:
    answer = send(call, QUOTES, body, kind)
    assert answer.status_code == status, answer.text
    problem(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/networks/ma%00in", "/v1/networks/main/quotes/qt_%00", "/v1/networks/main/hooks/%00",
        "/v1/networks/main/events?type=%00", "/v1/networks/main/memberships?status=a%00b",
        "/webhooks/network/ma%00in/token",
    ],
)  # fmt: skip
def test_a_nul_character_in_an_address_is_refused(call: Caller, path: str) -> None:
    """PostgreSQL could not even look for it."""
    answer = call("GET", path)
    assert answer.status_code == 400
    assert "NUL" in problem(answer)["detail"]


@pytest.mark.parametrize("path", ["/account/ma%00in/sign-in", "/console/sign-in?next=%00"])
def test_on_a_page_it_is_refused_as_a_page(call: Caller, path: str) -> None:
    answer = call("GET", path)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"]
