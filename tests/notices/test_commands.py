"""``planbridge notices``: switch, list, show, retry, try."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_string
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session
from typer.testing import CliRunner

from bridge.cli import notices as commands
from bridge.domain.notices import NoticeKind
from bridge.errors import InvalidInput, PlanbridgeError
from bridge.notices.facts import NoUse
from bridge.notices.sender import NoMailServer
from bridge.store import schema
from bridge.store.audit import AuditLog
from bridge.store.engine import make_engine
from bridge.store.seals import Seal
from tests.notices.post_box import PostBox
from tests.notices.town import ZOE, Clock, Town


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A town in the database that the commands open."""
    key = Seal.new_key()
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PLANBRIDGE_SECRET_KEYS", key)
    monkeypatch.setenv("PLANBRIDGE_PUBLIC_URL", "https://plans.example.com")
    engine = make_engine(f"sqlite:///{tmp_path / 'planbridge.sqlite'}")
    schema.upgrade(engine)
    # The commands go by the wall clock.
    yield Town(engine, seal=Seal([key]), clock=Clock(datetime.now(UTC)))
    engine.dispose()


@pytest.fixture
def served(here: Town, box: PostBox, monkeypatch: pytest.MonkeyPatch) -> Town:
    """The same with a mail server."""
    monkeypatch.setenv("PLANBRIDGE_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("PLANBRIDGE_SMTP_PORT", str(box.port))
    monkeypatch.setenv("PLANBRIDGE_SMTP_SECURITY", "none")
    monkeypatch.setenv("PLANBRIDGE_SMTP_FROM", "plans@atelier.example")
    return here


def call(*arguments: str) -> str:
    result = CliRunner().invoke(commands.app, arguments, env={"COLUMNS": "250"})
    if isinstance(result.exception, PlanbridgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def kinds() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call("set", "main", "--json"))["kinds"]
    return found


def test_switching(here: Town) -> None:
    """All on, one off; links are always sent."""
    assert set(kinds().values()) == {False, "always"}
    call("set", "main", "--on", "all", "--off", "renewal_ahead", "--renewal-days", "10")
    assert kinds() == {
        "change_done": True,
        "payment_failed": True,
        "limit": True,
        "renewal_ahead": False,
        "sign_in": "always",
    }
    assert json.loads(call("set", "main", "--json"))["renewal_days"] == 10
    with pytest.raises(InvalidInput, match="expected one of"):
        call("set", "main", "--on", "sign_in")
    assert "No mail server is set" in call("set", "main")


def test_listing_and_showing(here: Town) -> None:
    """A person sees whom it is for and why it waits; a script all of it but the secret."""
    here.switch()
    here.prove()
    here.note(NoticeKind.SIGN_IN, "x", customer_id=ZOE, sealed=here.seal.seal("{}"))
    assert "change_done" in call("list")
    assert [one["kind"] for one in json.loads(call("list", "--json"))] == [
        "sign_in",
        "change_done",
    ]
    assert json.loads(call("list", "--state", "attention", "--json")) == []
    shown = json.loads(call("show", "2", "--json"))
    assert (shown["network"], shown["state"]) == ("main", "waiting")
    assert "sealed" not in shown
    assert "change_done" in call("show", "1")


def test_a_mail_can_be_looked_at_before_it_is_sent(here: Town) -> None:
    """But no sign-in link."""
    here.switch()
    here.prove()
    here.note(NoticeKind.SIGN_IN, "x", customer_id=ZOE, sealed=here.seal.seal("{}"))
    mail = message_from_string(call("show", "1", "--eml"), policy=default)
    assert mail["Subject"] == "Votre changement est effectué : Business"
    with pytest.raises(NoUse, match="shown to nobody"):
        call("show", "2", "--eml")


def test_retrying(here: Town) -> None:
    """The running service takes it up."""
    here.switch()
    here.prove()
    assert "sends it now" in call("retry", "1")


def test_trying_the_mail_server(served: Town, box: PostBox) -> None:
    """An invented notice of the kind and in the language of one's choice."""
    said = call("test", "main", "--to", "me@example.com", "--kind", "limit", "--language", "es")
    assert "me@example.com (es)" in said
    [mail] = box.mails
    assert mail["Subject"] == "Ha alcanzado límites de su plan"
    assert mail["From"] == "Atelier Web <plans@atelier.example>"
    assert served.notices() == []
    with pytest.raises(InvalidInput, match="expected an e-mail address"):
        call("test", "main", "--to", "me")


def test_trying_without_a_mail_server(here: Town) -> None:
    """Says which setting is missing."""
    with pytest.raises(NoMailServer, match="PLANBRIDGE_SMTP_HOST"):
        call("test", "main", "--to", "me@example.com")


def test_what_changes_something_is_written_down(served: Town, box: PostBox) -> None:
    """By whom, on which network, in the words that the console uses; looking is not."""
    call("set", "main", "--on", "limit", "--off", "renewal_ahead", "--language", "fr")
    call("set", "main", "--language", "fr")
    call("list")
    call("test", "main", "--to", "me@example.com")
    with Session(served.engine) as session:
        written = AuditLog(session).list()
    assert [(one.actor, one.action, one.network, one.detail) for one in reversed(written)] == [
        ("command line", "notice.switch", "main", {"kind": "limit", "on": True}),
        ("command line", "notice.switch", "main", {"kind": "renewal_ahead", "on": False}),
        ("command line", "notice.sender", "main", {"language": "fr"}),
        ("command line", "notice.test", "main", {"kind": "change_done", "to": "me@example.com"}),
    ]
