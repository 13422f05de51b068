"""Every page of the account and the console on a network of 10,000 memberships, over HTTP.

One caller, one request after the other on a kept connection; the limit is a route that does
nothing (``/health/live``) through the same stack.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import requests
from fastapi.routing import APIRoute

from bridge.store.access import AccessRepository
from bridge.store.events import EventRepository, NewEvent
from bridge.store.operators import OperatorRepository
from bridge.store.tables import Change, ChangeState, Role
from bridge.web.account import brand
from bridge.web.app import PAGES
from bridge.web.pages.forms import SESSION_COOKIES
from tests.pages.stage import NETWORK, Stage, open_stage

MEMBERSHIPS: Final = 10_000
EVENTS: Final = 20_000
CHANGES: Final = 2_000
TIMES: Final = 100
WARM: Final = 4

# One that is in the middle of the made-up ones, and has sites.
_MEMBER: Final = 5_000
_SEARCHES: Final = (
    "?q=customer5000@example.test",
    "?q=5000",
    "?q=site5000",
    "?q=cus_none",
    "?status=active",
    "?after=9000",
)
_LEFT_OUT: Final = ("/sign-in", "/oidc/callback", "/language", "download", "/enter", "/add")


def rows() -> list[dict[str, object]]:
    """Median and 99th percentile of every page, the slowest first, in milliseconds."""
    with (
        tempfile.TemporaryDirectory(prefix="planbridge-bench-") as folder,
        open_stage(Path(folder), memberships=MEMBERSHIPS) as stage,
    ):
        _fill(stage)
        operator, customer = _browsers(stage)
        bare = _measured(operator, f"{stage.url}/health/live")
        table = []
        for path in _paths():
            who = operator if path.startswith("/console") else customer
            table.append({"page": path, **_measured(who, f"{stage.url}{path}")})
    table.sort(key=lambda row: -float(str(row["median ms"])))
    return [*table, {"page": "a route that does nothing", **bare}]


def _fill(stage: Stage) -> None:
    """Two weeks of events and changes."""
    now, place = stage.planbridge.clock(), stage.place()
    step = timedelta(days=14) / EVENTS
    with stage.planbridge.engine.begin() as connection:
        EventRepository(connection).insert_new(
            [
                NewEvent(
                    network_id=place.key,
                    account="acct_bench",
                    event_id=f"evt_{number}",
                    type="invoice.paid",
                    api_version="",
                    livemode=False,
                    payload=b'{"id": "evt", "data": {"object": {}}}' + b" " * 2_000,
                    created=now - step * number,
                    received_at=now - step * number,
                )
                for number in range(EVENTS)
            ]
        )
    with stage.planbridge.session() as session:
        for number in range(CHANGES):
            when = now - timedelta(days=14) * (number / CHANGES)
            session.add(
                Change(
                    id=f"chg_bench{number}",
                    network_id=place.key,
                    membership_id=_MEMBER - 5 + number,  # number 5 is the member's own
                    kind="upgrade",
                    state=ChangeState.PROVEN,
                    is_open=False,
                    currency="USD",
                    amount_due=4900,
                    amount_paid=4900,
                    payment_key=f"pi_bench{number}",
                    created_at=when,
                    effective_at=when,
                    paid_at=when,
                    applied_at=when + timedelta(seconds=1),
                    proven_at=when + timedelta(seconds=1 + number % 7),
                    updated_at=when,
                )
            )


def _browsers(stage: Stage) -> tuple[requests.Session, requests.Session]:
    with stage.planbridge.session() as session:
        owner = OperatorRepository(session).add(
            "owner@example.com", role=Role.OWNER, now=stage.planbridge.clock()
        )
        token = AccessRepository(session).open(
            now=stage.planbridge.clock(), lifetime=timedelta(hours=12), operator_id=owner.key
        )
    operator, customer = requests.Session(), requests.Session()
    operator.cookies.set(SESSION_COOKIES[1], token, path="/console")
    customer.cookies.set(SESSION_COOKIES[0], stage.session_token(_MEMBER), path="/account")
    return operator, customer


def _paths() -> Iterator[str]:
    """Every page with something in its places; searches beside the bare list."""
    places = {
        "network": NETWORK,
        "membership_id": str(_MEMBER),
        "change_id": "chg_bench5",
        "row": "1",
    }
    routers = [router for router in PAGES if router is not brand.router]
    seen = set()
    for router in routers:
        for route in router.routes:
            if not isinstance(route, APIRoute) or "GET" not in (route.methods or ()):
                continue
            path = route.path
            for name, value in places.items():
                path = path.replace(f"{{{name}}}", value)
            if "{" in path or path in seen or any(part in path for part in _LEFT_OUT):
                continue
            seen.add(path)
            yield path
    yield from (f"/console/memberships{query}" for query in _SEARCHES)


def _measured(who: requests.Session, url: str) -> dict[str, object]:
    times = []
    for turn in range(WARM + TIMES):
        started = time.perf_counter()
        answer = who.get(url, timeout=60, allow_redirects=False)
        spent = (time.perf_counter() - started) * 1000
        if turn >= WARM:
            times.append(spent)
    times.sort()
    return {
        "status": answer.status_code,
        "median ms": round(statistics.median(times), 1),
        "p99 ms": round(times[-1], 1),
        "KiB": round(len(answer.content) / 1024, 1),
    }
