"""``planbridge hooks``: add, list, show, test, deliveries, replay, remove."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session
from typer.testing import CliRunner

from bridge.cli import hooks as commands
from bridge.cli.hooks import TestNotTaken as NotTaken
from bridge.errors import PlanbridgeError
from bridge.hooks.signing import InvalidSecret
from bridge.hooks.targets import InvalidEndpoint
from bridge.store import schema
from bridge.store.audit import AuditLog
from bridge.store.engine import make_engine
from bridge.store.hooks import UnknownEndpoint
from bridge.store.seals import Seal
from bridge.store.tables import ChangeState
from tests.hooks.conftest import Operator
from tests.hooks.receiver import Receiver, Says
from tests.hooks.test_signing import verify
from tests.notices.town import Clock, Town


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """An operator with the database that the commands open."""
    key = Seal.new_key()
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PLANBRIDGE_SECRET_KEYS", key)
    monkeypatch.setenv("PLANBRIDGE_HOOKS_PRIVATE", "true")
    engine = make_engine(f"sqlite:///{tmp_path / 'planbridge.sqlite'}")
    schema.upgrade(engine)
    # The commands go by the wall clock.
    yield Operator(Town(engine, seal=Seal([key]), clock=Clock(datetime.now(UTC))))
    engine.dispose()


def call(*arguments: str) -> str:
    result = CliRunner().invoke(commands.app, arguments, env={"COLUMNS": "250"})
    if isinstance(result.exception, PlanbridgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def added(*arguments: str) -> Any:
    return json.loads(call("add", "main", *arguments, "--json"))


def test_from_adding_to_removing(here: Operator, receiver: Receiver) -> None:
    """The secret that is shown verifies what arrives."""
    endpoint = added(receiver.url, "--event", "change.*")
    assert endpoint["secret"].startswith("whsec_")
    assert "has taken" in call("test", endpoint["endpoint"])
    [taken] = receiver.taken
    assert taken.document["type"] == "hook.test"
    now = datetime.now(UTC).timestamp()
    assert verify(endpoint["secret"], dict(taken.headers), taken.body, now=now)
    assert "change.*" in call("list")
    shown = json.loads(call("show", endpoint["endpoint"], "--secret", "--json"))
    assert shown["secret"] == endpoint["secret"]
    assert [one["type"] for one in shown["deliveries"]] == ["hook.test"]
    assert "secret" not in json.loads(call("show", endpoint["endpoint"], "--json"))
    call("remove", endpoint["endpoint"])
    assert json.loads(call("list", "--json")) == []
    with pytest.raises(UnknownEndpoint):
        call("show", endpoint["endpoint"])


def test_ones_own_secret(here: Operator, tmp_path: Path) -> None:
    """From a file, if it is a good one."""
    file = tmp_path / "secret"
    file.write_text("whsec_" + "A" * 44 + "\n")
    assert added("https://a.example/", "--secret-file", str(file))["secret"] == "whsec_" + "A" * 44
    file.write_text("whsec_short")
    with pytest.raises(InvalidSecret):
        added("https://a.example/", "--secret-file", str(file))


def test_what_is_no_address(here: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said when it is added."""
    with pytest.raises(InvalidEndpoint):
        added("ftp://a.example/")
    monkeypatch.setenv("PLANBRIDGE_HOOKS_PRIVATE", "false")
    with pytest.raises(InvalidEndpoint, match="without TLS"):
        added("http://a.example/")


def test_a_test_that_is_not_taken(here: Operator, receiver: Receiver) -> None:
    """Says what came back."""
    endpoint = added(receiver.url)["endpoint"]
    receiver.answer = lambda _taken: Says(400, "who are you")
    with pytest.raises(NotTaken, match=r"it answered 400\. who are you"):
        call("test", endpoint)


def test_deliveries_and_replay(here: Operator, receiver: Receiver) -> None:
    """What was given up is sent again by the running service."""
    endpoint = added(receiver.url)["endpoint"]
    here.town.change(ChangeState.ACCEPTED)
    receiver.answer = lambda _taken: Says(410)
    here.sender().sweep()
    [failed] = json.loads(call("deliveries", "--state", "failed", "--json"))
    assert (failed["type"], failed["status"]) == ("change.accepted", 410)
    assert failed["event"] in call("deliveries", "--network", "main")
    call("enable", endpoint)
    assert "1 events" in call("replay", endpoint, "--state", "failed")
    receiver.answer = lambda _taken: Says()
    here.town.clock.pass_(minutes=1)
    here.sender().sweep()
    assert json.loads(call("deliveries", "--json"))[0]["state"] == "delivered"
    assert "1 events" in call("replay", endpoint, "--event", failed["event"])
    result = CliRunner().invoke(commands.app, ["replay", endpoint])
    assert result.exit_code == 2


def test_the_list_of_events() -> None:
    """For people, for scripts, and as the page."""
    assert "change.proven" in call("events")
    assert len(json.loads(call("events", "--json"))) > 15
    assert call("events", "--markdown").startswith("# Events")


def test_what_changes_something_is_written_down(here: Operator, receiver: Receiver) -> None:
    """By whom, on which endpoint of which network, without the secret; looking is not."""
    made = added(receiver.url, "--event", "change.*")
    endpoint = made["endpoint"]
    call("list")
    call("show", endpoint)
    call("show", endpoint, "--secret")
    call("test", endpoint)
    call("enable", endpoint)
    call("replay", endpoint, "--state", "failed")
    call("remove", endpoint)
    with Session(here.town.engine) as session:
        written = [*reversed(AuditLog(session).list())]
    assert [one.action.removeprefix("hook.") for one in written] == [
        *("add", "secret", "test", "enable", "replay", "remove"),
    ]
    assert {(one.actor, one.network, one.subject) for one in written} == {
        ("command line", "main", endpoint)
    }
    assert made["secret"] not in str([one.detail for one in written])
    assert written[0].detail == {"url": receiver.url, "events": ["change.*"]}
    assert written[4].detail == {"state": ["failed"], "count": 0}
