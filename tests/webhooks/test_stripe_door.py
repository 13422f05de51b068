"""The door before the application: quicker, and never different."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta

import pytest
import requests
from fastapi import FastAPI
from sqlalchemy import Engine

from bridge.web import problems
from webhooks.endpoints import EndpointInfo
from webhooks.routes import stripe_router
from webhooks.stripe_door import StripeDoor, StripeReceiver

from .delivery import NOW, SECRET, Gate, add_network, event_of, gate, serving, signature, stored

LIMIT = 4096
BODY = json.dumps(event_of("customer_updated", id="evt_1")).encode()
OLD = signature(BODY, at=NOW - timedelta(hours=1))


@pytest.fixture
def doors(sqlite_engine: Engine) -> Iterator[list[Gate]]:
    """The same endpoint with the door and without it."""
    endpoint = EndpointInfo(
        network_id=add_network(sqlite_engine), name="main", account="acct_1", secrets=(SECRET,)
    )
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                gate(sqlite_engine, [endpoint], with_door=with_door, max_body=LIMIT)
            )
            for with_door in (True, False)
        ]


def said(answer: requests.Response) -> tuple[int, dict[str, str], bytes]:
    """Everything that is answered, but for the time."""
    headers = {key.lower(): value for key, value in answer.headers.items()}
    del headers["date"]
    return answer.status_code, headers, answer.content


ASKED: dict[str, Callable[[str], requests.Response]] = {
    "a good event that is known": lambda url: post(f"{url}/main", BODY, signature(BODY)),
    "no signature": lambda url: post(f"{url}/main", BODY, None),
    "an unreadable signature": lambda url: post(f"{url}/main", BODY, "t=1"),
    "a wrong signature": lambda url: post(f"{url}/main", BODY, signature(b"other")),
    "an old signature": lambda url: post(f"{url}/main", BODY, OLD),
    "no event": lambda url: post(f"{url}/main", b"[]", signature(b"[]")),
    "an unknown network": lambda url: post(f"{url}/other", BODY, signature(BODY)),
    "an escaped name": lambda url: post(f"{url}/m%61in", BODY, signature(BODY)),
    "an escaped slash": lambda url: post(f"{url}/main%2Fx", BODY, signature(BODY)),
    "no name": lambda url: post(f"{url}/", BODY, signature(BODY)),
    "a slash behind it": lambda url: post(f"{url}/main/", BODY, signature(BODY)),
    "a body too large": lambda url: post(f"{url}/main", b"x" * (LIMIT + 1), signature(BODY)),
    "a body in pieces": lambda url: post(
        f"{url}/main", iter([BODY[:9], BODY[9:]]), signature(BODY)
    ),
    "another method": lambda url: requests.get(f"{url}/main", timeout=20),
}


def post(url: str, body: object, signed: str | None) -> requests.Response:
    headers = {} if signed is None else {"Stripe-Signature": signed}
    return requests.post(
        url,
        data=body,  # type: ignore[arg-type]  # also an iterator, sent in chunks
        headers=headers,
        allow_redirects=False,
        timeout=20,
    )


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_it_answers_as_the_route_does(
    doors: list[Gate], asked: Callable[[str], requests.Response]
) -> None:
    """Status, headers and body are the same, whatever is asked."""
    assert post(f"{doors[0].url}/webhooks/stripe/main", BODY, signature(BODY)).ok
    with_door, without = (said(asked(f"{door.url}/webhooks/stripe")) for door in doors)
    address = doors[1].url.encode(), doors[0].url.encode()
    assert with_door == (without[0], _at(without[1], *address), without[2].replace(*address))
    assert len(stored(doors[0].engine)) == 1


def _at(headers: dict[str, str], ours: bytes, theirs: bytes) -> dict[str, str]:
    """The headers as the other address would have them: a redirect names it."""
    return {key: value.replace(ours.decode(), theirs.decode()) for key, value in headers.items()}


def test_the_route_is_not_needed_for_an_event(doors: list[Gate]) -> None:
    """A good event never reaches the application behind the door."""
    with served_without_route(doors[0]) as url:
        body = json.dumps(event_of("customer_updated", id="evt_2")).encode()
        assert post(f"{url}/webhooks/stripe/main", body, signature(body)).json() == {
            "received": True,
            "duplicate": False,
        }
        assert post(f"{url}/webhooks/stripe/main", body, None).status_code == 404


def test_below_a_prefix_the_route_takes_it(doors: list[Gate]) -> None:
    """Where the application is mounted, or a proxy strips nothing."""
    outer, app = FastAPI(), FastAPI()
    outer.mount("/billing", app)
    problems.install(app)
    receiver = _receiver(doors[0])
    app.include_router(stripe_router(receiver))
    app.add_middleware(StripeDoor, receiver=receiver)
    with serving(outer) as url:
        answer = post(f"{url}/billing/webhooks/stripe/main", BODY, signature(BODY))
    assert answer.json() == {"received": True, "duplicate": False}


def test_a_fault_of_ours_is_answered_by_the_application(doors: list[Gate]) -> None:
    """500 as a problem document, not a connection that breaks off."""

    def broken() -> datetime:
        raise RuntimeError("the clock is broken")

    app = FastAPI()
    problems.install(app)
    receiver = StripeReceiver(doors[0].inbox, doors[0].endpoints, clock=broken)
    app.include_router(stripe_router(receiver))
    app.add_middleware(StripeDoor, receiver=receiver)
    with serving(app) as url:
        answer = post(f"{url}/webhooks/stripe/main", BODY, signature(BODY))
    assert answer.status_code == 500
    assert answer.json()["title"] == "Internal error"


def _receiver(door: Gate) -> StripeReceiver:
    return StripeReceiver(door.inbox, door.endpoints, clock=lambda: NOW)


@contextmanager
def served_without_route(door: Gate) -> Iterator[str]:
    """The address of an application that has the door only."""
    app = FastAPI()
    app.add_middleware(StripeDoor, receiver=_receiver(door))
    with serving(app) as url:
        yield url
