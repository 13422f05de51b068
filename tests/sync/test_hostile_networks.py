"""A network that cannot be used, or lies: the right error, and a mirror that is unharmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from bridge.errors import NetworkError
from bridge.network.entities import Entity
from bridge.network.faults import (
    ApiOff,
    BadCredentials,
    BrokenAnswer,
    HtmlInstead,
    LoginPage,
    NotWordPress,
    Unreachable,
)
from bridge.sandbox.faults import Fault
from bridge.sandbox.wire import Request
from bridge.store.mirror import KINDS
from bridge.store.tables import MembershipRecord, Network
from sync.passes import run
from sync.removals import RowHidden
from tests.sync.conftest import Lab

Open = Callable[..., Lab]
LOGIN = (
    '<html><body class="login"><form id="loginform" action="/wp-login.php"></form></body></html>'
)


def content(lab: Lab) -> dict[str, list[Any]]:
    """Everything that the mirror holds of a network, but the mark of the last pass."""
    found = {}
    with lab.session() as session:
        for entity, kind in KINDS.items():
            rows = session.exec(select(kind.record).order_by(kind.record.id))
            found[entity] = [row.model_dump(exclude={"seen_pass"}) for row in rows]
    return found


@pytest.fixture
def lab(sqlite_engine: Engine, open_lab: Open) -> Lab:
    """A network that was synced once."""
    lab = open_lab(sqlite_engine, memberships=120)
    assert lab.sync().complete
    return lab


@pytest.mark.parametrize(
    ("answer", "error", "advice"),
    [
        (Fault(html="<html><body>Hello</body></html>"), HtmlInstead, "exclude /wp-json/"),
        (Fault(html=LOGIN), LoginPage, "exempt"),
        (Fault(status=404, html="<html>nginx</html>"), NotWordPress, "main site"),
    ],
)
def test_a_network_that_answers_something_else(
    lab: Lab, answer: Fault, error: type[NetworkError], advice: str
) -> None:
    """Nothing is read, the error names the network and says what to do."""
    before = content(lab)
    lab.sandbox.faults = lambda _request: answer
    with pytest.raises(error, match=advice) as caught:
        lab.sync()
    assert "lab" in str(caught.value)
    assert caught.value.exit_code != 0
    assert content(lab) == before


def test_wrong_credentials(lab: Lab, connect: Callable[..., Any]) -> None:
    """The secret is not in the sentence."""
    before = content(lab)
    client = connect(lab.sandbox.url, secret="not-the-secret")
    with pytest.raises(BadCredentials, match="Compare them") as caught:
        run(lab.engine, lab.network, client, clock=lab.clock)
    assert "not-the-secret" not in str(caught.value)
    assert content(lab) == before


def test_the_api_switched_off(lab: Lab) -> None:
    """The setting to switch on is named."""
    before = content(lab)
    lab.sandbox.state.set_setting("enable_api", 0)
    with pytest.raises(ApiOff, match="Enable API"):
        lab.sync()
    assert content(lab) == before


def test_nobody_there(lab: Lab) -> None:
    """A network that is down is no reason to forget it."""
    before = content(lab)
    lab.sandbox.stop()
    with pytest.raises(Unreachable):
        lab.sync()
    assert content(lab) == before


@pytest.mark.parametrize("body", ["[]", "{}"])
def test_listings_that_hide_everything_remove_nothing(lab: Lab, body: str) -> None:
    """An empty answer of a broken cache is not believed: the rows are asked for by id."""
    before = content(lab)

    def hide(request: Request) -> Fault | None:
        listing = request.path.endswith("/membership") and "page=" in request.query_string
        return Fault(html=body) if listing else None

    lab.sandbox.faults = hide
    result = lab.sync()
    assert [type(fault) for fault in result.faults] == [RowHidden]
    assert "still has membership 1" in result.of("membership").error
    assert content(lab)["membership"] == before["membership"]


@pytest.mark.parametrize("body", ["", "null", '[{"id": "1"', '"nothing"'])
def test_a_broken_page_stops_the_pass(lab: Lab, body: str) -> None:
    """What is no list is no end of the list."""
    before = content(lab)

    def spoil(request: Request) -> Fault | None:
        second = request.path.endswith("/membership") and request.query.get("page") == "2"
        return Fault(html=body or " ") if second else None

    lab.sandbox.faults = spoil
    result = lab.sync()
    assert [type(fault) for fault in result.faults] == [BrokenAnswer]
    assert content(lab)["membership"] == before["membership"]


def test_a_row_that_cannot_be_read_is_named_and_kept(lab: Lab) -> None:
    """The others are taken; the one stays as it was last readable."""
    state = lab.sandbox.state
    row = state.row("membership", 3)
    assert row is not None
    state.save("membership", 3, {**row, "date_expiration": "some day"})
    lab.client.update(Entity.MEMBERSHIP, 4, {"amount": 5})
    result = lab.sync()
    assert not result.complete
    assert not result.faults
    (sentence,) = result.of("membership").unreadable
    assert "membership 3" in sentence
    assert (result.of("membership").changed, result.of("membership").removed) == (1, 0)
    with lab.session() as session:
        assert session.get_one(MembershipRecord, (lab.id, 3)).date_expiration is not None
        assert session.get_one(Network, lab.id).synced_at is not None
