"""What goes wrong on demand, and what the journal remembers of it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Literal

import pytest
import requests

from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.wire import Request
from tests.sandbox.conftest import Caller, MovingClock

PATH = "/wp-json/wu/v2/membership/2"


def on_puts(fault: Fault) -> Faults:
    def faults(request: Request) -> Fault | None:
        return fault if request.method == "PUT" else None

    return faults


@pytest.mark.parametrize(("drop", "billed"), [("before", "1"), ("after", "8")])
def test_a_dropped_connection_hides_whether_the_write_was_done(
    network: SandboxNetwork, call: Caller, drop: Literal["before", "after"], billed: str
) -> None:
    """The client sees the same failure; the row tells."""
    network.faults = on_puts(Fault(drop=drop))
    with pytest.raises(requests.ConnectionError):
        call("PUT", "membership/2", json={"times_billed": 8})
    assert call.get("membership/2")["times_billed"] == billed
    assert [each.status for each in network.journal.writes()] == [None]


def test_a_status_is_answered_without_doing_anything(network: SandboxNetwork, call: Caller) -> None:
    """As a proxy in front of the network would."""
    network.faults = on_puts(Fault(status=503))
    assert call("PUT", "membership/2", json={"times_billed": 8}).status_code == 503
    assert call.get("membership/2")["times_billed"] == "1"


def test_a_page_instead_of_json(network: SandboxNetwork, call: Caller) -> None:
    """A maintenance page comes with status 200."""
    network.faults = lambda _: Fault(html="<h1>Maintenance</h1>")
    answer = call("GET", "membership")
    assert (answer.status_code, answer.text) == (200, "<h1>Maintenance</h1>")


def test_latency_and_delays_add_up(clock: MovingClock) -> None:
    """Every answer waits for the latency, a faulty one for its delay as well."""
    waited: list[float] = []
    network = SandboxNetwork(clock=clock, latency=0.25, sleep=waited.append)
    with network:
        Caller(network).get("auth")
        network.faults = lambda _: Fault(delay=2)
        Caller(network).get("auth")
    assert waited == [0.25, 2.25]


def test_the_journal_keeps_no_credentials(network: SandboxNetwork) -> None:
    """Neither those of the query nor those of the body."""
    query = {"api_key": network.api_key, "api-secret": network.api_secret, "page": "1"}
    body = {"api_secret": network.api_secret, "times_billed": 3}
    requests.put(network.url + PATH, params=query, json=body, timeout=5)
    (exchange,) = network.journal
    assert exchange.body == {"times_billed": 3}
    assert "page=1" in exchange.query
    assert network.api_secret not in repr(exchange)
    assert network.api_key not in repr(exchange)


def test_connections_are_kept_alive_and_cut_at_the_end(clock: MovingClock) -> None:
    """One connection serves many requests, until the network stops."""
    network = SandboxNetwork(clock=clock).start()
    connection = HTTPConnection(network.url.removeprefix("http://"), timeout=5)
    connection.connect()
    held = connection.sock
    for _ in range(3):
        connection.request("GET", "/wp-json/")
        assert json.loads(connection.getresponse().read())["namespaces"]
        assert connection.sock is held
    network.stop()
    assert held.recv(1) == b""
    connection.close()


def test_bodies_without_a_length_are_refused(network: SandboxNetwork, call: Caller) -> None:
    """Chunked bodies are told so, instead of being read as the next request."""
    answer = call("PUT", "membership/2", data=iter([b"{}"]))
    assert answer.status_code == 411


def test_writes_at_the_same_time_do_not_mix(network: SandboxNetwork) -> None:
    """Every one of many parallel creations gets an id and an invoice number of its own."""
    body = {"customer_id": 1, "membership_id": 1, "status": "completed"}

    def pay(amount: int) -> int:
        sent = {**body, "subtotal": amount, "total": amount}
        return int(Caller(network)("POST", "payment", json=sent).json()["id"])

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(pay, range(1, 41)))
    assert len(set(ids)) == 40
    rows = [network.state.row("payment", key) for key in ids]
    assert [row["total"] for row in rows if row] == [f"{amount}.0000" for amount in range(1, 41)]
    assert sorted(row["invoice_number"] for row in rows if row) == list(range(1, 41))
