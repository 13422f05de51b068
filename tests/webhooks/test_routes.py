"""What the address answers, and what it leaves behind."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from fastapi import FastAPI
from sqlalchemy import Engine

from bridge.store.engine import make_engine
from bridge.store.tables import EventState
from webhooks.endpoints import EndpointInfo, Endpoints
from webhooks.inbox import Inbox
from webhooks.routes import stripe_router
from webhooks.stripe_door import StripeReceiver

from .delivery import (
    NOW,
    SECRET,
    Gate,
    add_network,
    event_of,
    gate,
    signature,
    stored,
    stored_payload,
)

LIMIT = 64 * 1024


@pytest.fixture
def door(engine: Engine) -> Iterator[Gate]:
    """The endpoint of the network ``main`` on each database."""
    yield from _door(engine)


@pytest.fixture
def sqlite_door(sqlite_engine: Engine) -> Iterator[Gate]:
    """The endpoint, for rules that do not reach the database."""
    yield from _door(sqlite_engine)


def _door(engine: Engine, *, inbox: Inbox | None = None, **options: Any) -> Iterator[Gate]:
    endpoint = EndpointInfo(
        network_id=add_network(engine), name="main", account="acct_1", secrets=(SECRET,)
    )
    bare = EndpointInfo(network_id=add_network(engine, "bare"), name="bare")
    with gate(engine, [endpoint, bare], inbox=inbox, max_body=LIMIT, **options) as opened:
        yield opened


def refused(answer: requests.Response, status: int, title: str) -> dict[str, Any]:
    """The answer is a problem document of that kind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["title"]) == (status, title)
    return problem


def test_a_genuine_event_is_stored_as_signed_and_then_acknowledged(door: Gate) -> None:
    """200 after the commit; the row has what the event says and the raw body."""
    event = event_of("invoice_paid", api_version="2025-02-24.acacia")
    answer = door.post(event)
    assert (answer.status_code, answer.json()) == (200, {"received": True, "duplicate": False})
    (row,) = stored(door.engine)
    assert (row.account, row.event_id, row.type) == ("acct_1", event["id"], "invoice.paid")
    assert (row.api_version, row.livemode) == ("2025-02-24.acacia", False)
    assert (row.created, row.received_at, row.due_at) == (NOW, NOW, NOW)
    assert (row.state, row.attempts, row.handled_at) == (EventState.WAITING, 0, None)
    assert stored_payload(door.engine, row.id).payload == json.dumps(event).encode()


def test_a_second_delivery_is_acknowledged_as_a_duplicate(door: Gate) -> None:
    """Stripe delivers at least once; the row stays one."""
    for duplicate in (False, True, True):
        answer = door.post(event_of("invoice_paid"))
        assert (answer.status_code, answer.json()["duplicate"]) == (200, duplicate)
    assert len(stored(door.engine)) == 1


def test_ten_parallel_deliveries_are_one_event(door: Gate) -> None:
    """All are acknowledged, one as new."""
    answers = door.post_in_parallel(event_of("invoice_paid"), 10)
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["duplicate"] for answer in answers) == [False] + [True] * 9
    assert len(stored(door.engine)) == 1


def test_unknown_types_are_stored_too(door: Gate) -> None:
    """Nothing that is genuine is lost, whatever it is."""
    assert door.post(event_of("customer_updated", type="moon.phase_changed")).ok
    assert [row.type for row in stored(door.engine)] == ["moon.phase_changed"]


BODY = json.dumps(event_of("invoice_paid")).encode()


@pytest.mark.parametrize(
    ("header", "status", "title"),
    [
        (None, 400, "SignatureMissing"),
        ("t=1;v1=2", 400, "SignatureMalformed"),
        (signature(BODY, "whsec_other"), 401, "SignatureWrong"),
        (signature(BODY + b" "), 401, "SignatureWrong"),
        (signature(BODY, at=NOW - timedelta(seconds=301)), 400, "SignatureExpired"),
        (signature(BODY, at=NOW + timedelta(seconds=301)), 400, "SignatureFromTheFuture"),
    ],
    ids=["missing", "malformed", "forged", "altered", "expired", "future"],
)
def test_what_is_not_proven_leaves_no_row(
    sqlite_door: Gate, header: str | None, status: int, title: str
) -> None:
    """Each kind of bad signature has its answer; none is stored."""
    refused(sqlite_door.post(BODY, header), status, title)
    assert stored(sqlite_door.engine) == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"[]", '"object" is "event"'),
        (b'{"object": "charge"}', '"object" is "event"'),
        (b'{"object": "v2.core.event"}', '"object" is "event"'),
        (b'{"object": "event"}', '"data.object" is missing'),
        (json.dumps(event_of("invoice_paid", id=None)).encode(), '"id" is not a name'),
        (json.dumps(event_of("invoice_paid", id="a\0b")).encode(), '"id" is not a name'),
        (json.dumps(event_of("invoice_paid", type="x" * 300)).encode(), '"type" is not a name'),
        (json.dumps(event_of("invoice_paid", created="now")).encode(), '"created" is not a time'),
        (json.dumps(event_of("invoice_paid", created=1e300)).encode(), '"created" is not a time'),
    ],
)
def test_signed_nonsense_is_refused(sqlite_door: Gate, body: bytes, why: str) -> None:
    """A good signature over something that is no event: 400, no row."""
    problem = refused(sqlite_door.post(body), 400, "NotAnEvent")
    assert why in problem["detail"]
    assert stored(sqlite_door.engine) == []


@pytest.mark.parametrize("network", ["other", "bare", "MAIN", "x" * 5000])
def test_unknown_networks_are_not_found(sqlite_door: Gate, network: str) -> None:
    """No such network, or none with a signing secret: 404 without a query."""
    refused(sqlite_door.post(BODY, network=network), 404, "UnknownEndpoint")
    assert stored(sqlite_door.engine) == []


def test_a_flood_of_refused_requests_costs_no_query(sqlite_door: Gate) -> None:
    """Networks and secrets are held in memory, unknown names included."""
    for number in range(50):
        sqlite_door.post(BODY, "t=1,v1=00")
        sqlite_door.post(BODY, network=f"other-{number}")
    assert len(sqlite_door.lookups) == 1
    assert stored(sqlite_door.engine) == []


def test_a_body_declared_too_large_is_refused_unread(sqlite_door: Gate) -> None:
    """413 by Content-Length, before one byte of the body was sent."""
    answer = _raw(sqlite_door, f"Content-Length: {LIMIT + 1}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert stored(sqlite_door.engine) == []


def test_a_body_without_length_is_cut_off_while_it_is_read(sqlite_door: Gate) -> None:
    """413 once the limit is passed, although the body never ends."""
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    chunks = chunk * (LIMIT // 4096 + 1)
    answer = _raw(sqlite_door, b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert stored(sqlite_door.engine) == []


def test_a_body_of_exactly_the_limit_is_read(sqlite_door: Gate) -> None:
    """The limit itself is allowed; then the signature decides."""
    refused(sqlite_door.post(b"x" * LIMIT, "t=1,v1=00"), 401, "SignatureWrong")
    refused(sqlite_door.post(b"x" * (LIMIT + 1), "t=1,v1=00"), 413, "BodyTooLarge")


@pytest.fixture
def hasty_door(sqlite_engine: Engine) -> Iterator[Gate]:
    """One that waits for a body no longer than a moment."""
    yield from _door(sqlite_engine, body_timeout=0.2)


@pytest.mark.parametrize("begun", [b"", b"half"], ids=["nothing", "half"])
def test_a_body_that_never_comes_is_given_up(hasty_door: Gate, begun: bytes) -> None:
    """408 after the time for the body is over."""
    answer = _raw(hasty_door, b"Content-Length: 100\r\n\r\n" + begun)
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.fixture
def full_door(sqlite_engine: Engine) -> Iterator[Gate]:
    """One whose inbox has room for nothing."""
    yield from _door(sqlite_engine, inbox=Inbox(sqlite_engine, capacity=0))


def test_a_full_inbox_asks_for_another_delivery(full_door: Gate) -> None:
    """503 with Retry-After: Stripe will deliver again, nothing is lost."""
    answer = full_door.post(BODY)
    refused(answer, 503, "InboxFull")
    assert answer.headers["retry-after"] == "2"
    assert stored(full_door.engine) == []


def test_a_service_that_stops_asks_for_another_delivery(sqlite_door: Gate) -> None:
    """503 with Retry-After, too."""
    sqlite_door.inbox.close()
    answer = sqlite_door.post(BODY)
    refused(answer, 503, "InboxClosed")
    assert answer.headers["retry-after"] == "2"


def test_the_address_is_documented() -> None:
    """With its parameters, its answer and its refusals."""
    inbox = Inbox(make_engine("sqlite://"))
    app = FastAPI()
    app.include_router(stripe_router(StripeReceiver(inbox, Endpoints(list), clock=lambda: NOW)))
    told = app.openapi()["paths"]["/webhooks/stripe/{network}"]["post"]
    named = {(each["name"], each["in"], each["required"]) for each in told["parameters"]}
    assert named == {("network", "path", True), ("stripe-signature", "header", False)}
    answer = told["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Acknowledgement"}
    assert told["responses"].keys() == {"200", "400", "401", "404", "408", "413", "503"}


def test_the_answer_to_a_wrong_method_is_a_problem_too(sqlite_door: Gate) -> None:
    """405 for a browser that looks at the address."""
    answer = requests.get(f"{sqlite_door.url}/webhooks/stripe/main", timeout=20)
    refused(answer, 405, "HTTP error")


def _raw(door: Gate, rest: bytes) -> bytes:
    """Send a request as written, and read all of the answer."""
    address = urlsplit(door.url)
    assert address.hostname is not None
    head = b"POST /webhooks/stripe/main HTTP/1.1\r\nHost: test\r\nStripe-Signature: t=1,v1=0\r\n"
    with socket.create_connection((address.hostname, address.port or 80), timeout=20) as line:
        line.sendall(head + rest)
        answer = b""
        while received := line.recv(65536):
            answer += received
    return answer
