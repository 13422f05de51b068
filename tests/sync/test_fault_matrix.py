"""Every hostile answer × everything that planbridge does with a network.

Each of the sandbox's named faults comes upon a whole pass, an incremental pass, a write of a
membership, a write of limits and a read-back. Whatever comes of it, it is told in one
sentence, and when the fault is over nothing turns out to be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.network.entities import Entity
from bridge.network.faults import (
    ApiOff,
    BadCredentials,
    Blocked,
    BrokenAnswer,
    ConnectionLost,
    Fault,
    Gone,
    HtmlInstead,
    LoginPage,
    Maintenance,
    NotWordPress,
    PagingIgnored,
    RateLimited,
    Redirected,
    ServerFault,
    TimedOut,
    TlsFailed,
)
from bridge.network.transport import Retries, Timeouts
from bridge.sandbox.certificates import server_context
from bridge.sandbox.named_faults import EXPIRED_CERTIFICATE, NAMED, UnknownFault, named
from bridge.store.tables import MembershipRecord
from tests.conftest import NOW
from tests.contract.replay import KEY, SECRET
from tests.sync.conftest import Lab

Open = Callable[..., Lab]
Outcome = type[Fault] | None
DONE = None
SITE, MEMBERSHIP = 5, 4
LIMITS = {"visits": {"enabled": True, "limit": 7}}

MATRIX: dict[str, tuple[Outcome, Outcome, Outcome, Outcome, Outcome]] = {
    # name: whole pass, incremental pass, membership write, limits write, read-back
    "error": (ServerFault,) * 5,
    "bad-gateway": (ServerFault,) * 5,
    "gateway-timeout": (ServerFault,) * 5,
    "maintenance": (Maintenance,) * 5,
    "too-many": (RateLimited,) * 5,
    "too-many-wait": (RateLimited,) * 5,
    "no-authorization": (BadCredentials,) * 5,
    "firewall": (Blocked,) * 5,
    "no-route": (ApiOff,) * 5,
    "to-https": (TlsFailed, TlsFailed, Redirected, Redirected, TlsFailed),
    "to-www": (Redirected,) * 5,
    "login-page": (LoginPage,) * 5,
    "html": (HtmlInstead,) * 5,
    "bom": (DONE,) * 5,
    # Writes whose answer is not clean are settled by reading back; limits cannot be read
    # back where they were written, so the doubt is told.
    "warning": (DONE, DONE, DONE, BrokenAnswer, DONE),
    "comment": (DONE, DONE, DONE, BrokenAnswer, DONE),
    "truncated": (BrokenAnswer,) * 5,
    "empty": (BrokenAnswer,) * 5,
    "null": (NotWordPress, BrokenAnswer, BrokenAnswer, BrokenAnswer, BrokenAnswer),
    "quoted": (DONE,) * 5,
    "bare": (DONE,) * 5,
    "zero-dates": (DONE,) * 5,
    "page-ignored": (PagingIgnored, PagingIgnored, DONE, DONE, DONE),
    "rows-repeated": (DONE,) * 5,
    "rows-skipped": (DONE,) * 5,
    "wrong-total": (DONE,) * 5,
    "slow": (TimedOut,) * 5,
    "reset": (ConnectionLost,) * 5,
    "answer-lost": (DONE, DONE, DONE, ConnectionLost, DONE),
    "half-of-sites": (DONE, DONE, DONE, ServerFault, ServerFault),
    "site-gone": (DONE, DONE, DONE, Gone, Gone),
}


def test_the_matrix_has_every_fault() -> None:
    """A new one needs its outcomes."""
    assert set(MATRIX) == set(NAMED)
    with pytest.raises(UnknownFault, match=r"knows no fault 'typo'.*expired-certificate"):
        named(["error", "typo"])


@pytest.fixture
def lab(sqlite_engine: Engine, open_lab: Open) -> Lab:
    """Two pages of memberships, mirrored; then two were edited."""
    lab = open_lab(sqlite_engine, memberships=110)
    assert lab.sync().complete
    lab.clock.now += timedelta(minutes=10)
    lab.sandbox.state.clock = lambda: lab.clock.now
    with lab.sandbox.state.changing():
        for membership in (9, 19):
            edit(lab, membership, times_billed=5)
    return lab


def client_of(lab: Lab, *, seconds: float) -> NetworkClient:
    """One that gives up after so long."""
    return NetworkClient(
        Endpoint(lab.sandbox.url, KEY, SECRET),
        name="lab",
        timeouts=Timeouts(connect=2, read=seconds, write=seconds, whole=seconds),
        retries=Retries(attempts=1),
        clock=lab.clock,
        sleep=lambda _seconds: None,
    )


def edit(lab: Lab, membership: int, **values: object) -> None:
    """Change a row as an operator would on the network itself."""
    row = lab.sandbox.state.row("membership", membership)
    assert row is not None
    moved = {**row, **values, "date_modified": lab.sandbox.state.now()}
    lab.sandbox.state.save("membership", membership, moved)


def billed(lab: Lab, membership: int) -> int:
    """What the network has stored."""
    row = lab.sandbox.state.row("membership", membership)
    assert row is not None
    return int(str(row["times_billed"]))


def hurt(lab: Lab, name: str) -> None:
    """Let a fault come upon every request; of one that drags on we soon have enough."""
    lab.sandbox.faults = named([name])
    if name == "slow":
        lab.client = client_of(lab, seconds=0.4)


def heal(lab: Lab) -> None:
    """The fault is over."""
    lab.sandbox.faults = lambda _request: None
    lab.client = client_of(lab, seconds=30)


def outcome(work: Callable[[], object]) -> Fault | None:
    """The fault that came of it, told as one short text that names the network."""
    try:
        work()
    except Fault as fault:
        told = str(fault)
        assert "lab" in told
        assert SECRET not in told
        assert "{" not in told
        assert len(told) < 500
        return fault
    return None


def synced(lab: Lab, *, incremental: bool) -> None:
    """A sync that raises its first fault."""
    result = lab.sync(incremental=incremental)
    if result.faults:
        raise result.faults[0]
    assert result.complete


@pytest.mark.parametrize("name", MATRIX)
@pytest.mark.parametrize("incremental", [False, True], ids=["whole", "incremental"])
def test_a_pass(lab: Lab, name: str, incremental: bool) -> None:
    """The mirror is right or unharmed, and the next pass makes up for it."""
    expected = MATRIX[name][incremental]
    before = {entity: lab.ids(entity) for entity in ("membership", "customer", "site")}
    hurt(lab, name)
    fault = outcome(lambda: synced(lab, incremental=incremental))
    assert type(fault) is (expected or type(None)), fault
    assert before == {entity: lab.ids(entity) for entity in before}, "nothing is lost"
    heal(lab)
    if fault is not None:
        synced(lab, incremental=incremental)
    lab.assert_equal()
    with lab.session() as session:
        for membership in (9, 19):
            found = session.get_one(MembershipRecord, (lab.id, membership))
            assert found.times_billed == 5
            assert found.date_cancellation is None


@pytest.mark.parametrize("name", MATRIX)
def test_a_membership_write(lab: Lab, name: str) -> None:
    """Done and proven, or told as not done, or as open; repeating it is safe."""
    before = billed(lab, MEMBERSHIP)
    hurt(lab, name)
    fault = outcome(lambda: lab.client.update(Entity.MEMBERSHIP, MEMBERSHIP, {"times_billed": 8}))
    assert type(fault) is (MATRIX[name][2] or type(None)), fault
    if fault is None:
        assert billed(lab, MEMBERSHIP) == 8
    elif not fault.leaves_write_open:
        assert billed(lab, MEMBERSHIP) == before
    heal(lab)
    lab.client.update(Entity.MEMBERSHIP, MEMBERSHIP, {"times_billed": 8})
    assert billed(lab, MEMBERSHIP) == 8


@pytest.mark.parametrize("name", MATRIX)
def test_a_limits_write_and_its_read_back(lab: Lab, name: str) -> None:
    """As above; what is in force on the site is read by itself."""
    hurt(lab, name)
    fault = outcome(lambda: lab.client.write_limits(Entity.SITE, SITE, LIMITS))
    assert type(fault) is (MATRIX[name][3] or type(None)), fault
    if fault is None or not fault.leaves_write_open:
        written = lab.sandbox.state.limits_row("site", SITE) == LIMITS
        assert written is (fault is None)
    fault = outcome(lambda: lab.client.get(Entity.SITE, SITE))
    assert type(fault) is (MATRIX[name][4] or type(None)), fault
    heal(lab)
    lab.client.write_limits(Entity.SITE, SITE, LIMITS)
    assert lab.sandbox.state.site_limits(SITE)["visits"] == LIMITS["visits"]


def test_an_expired_certificate(sqlite_engine: Engine, open_lab: Open) -> None:
    """Nothing is sent to such a server, whatever was to be done."""
    context = server_context("127.0.0.1", ends=NOW - timedelta(days=900))
    lab = open_lab(sqlite_engine, tls=context)
    lab.sandbox.faults = named([EXPIRED_CERTIFICATE])  # no fault of any request
    works: list[Callable[[], object]] = [
        lambda: synced(lab, incremental=False),
        lambda: synced(lab, incremental=True),
        lambda: lab.client.update(Entity.MEMBERSHIP, MEMBERSHIP, {"times_billed": 8}),
        lambda: lab.client.write_limits(Entity.SITE, SITE, LIMITS),
        lambda: lab.client.get(Entity.SITE, SITE),
    ]
    for work in works:
        fault = outcome(work)
        assert type(fault) is TlsFailed, fault
        assert "certificate" in str(fault)
    assert list(lab.sandbox.journal) == []
