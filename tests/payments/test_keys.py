"""The Stripe key of a network: sealed, replaced, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text
from sqlmodel import Session
from typer.testing import CliRunner

from bridge.cli import network as command
from bridge.payments.faults import WrongMode
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.seals import Seal
from tests.conftest import NOW

KEY = "sk_test_of_the_shop"
CLI = CliRunner()


def repository(session: Session, *keys: str) -> NetworkRepository:
    return NetworkRepository(session, Seal(list(keys)))


def test_it_is_sealed_and_opened_again(engine: Engine) -> None:
    seal = Fernet.generate_key().decode()
    with Session(engine) as session:
        networks = repository(session, seal)
        network = networks.add("main", "http://x", Credentials("k", "s"), now=NOW, stripe_key=KEY)
        bare = networks.add("bare", "http://y", Credentials("k", "s"), now=NOW)
        session.commit()
        assert networks.stripe_key(network) == KEY
        assert networks.stripe_key(bare) == ""
        stored = session.connection().execute(text("SELECT * FROM networks")).all()
        assert KEY not in str(stored)
        assert KEY not in repr(network)


def test_rotating_something_else_keeps_it_under_the_newest_seal(engine: Engine) -> None:
    """And a new one takes its place."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    with Session(engine) as session:
        repository(session, old).add(
            "main", "http://x", Credentials("k", "s"), now=NOW, stripe_key=KEY
        )
        session.commit()
        network = repository(session, new, old).rotate("main", credentials=Credentials("k", "t"))
        session.commit()
        assert repository(session, new).stripe_key(network) == KEY
        repository(session, new).rotate("main", stripe_key="sk_test_next")
        assert repository(session, new).stripe_key(network) == "sk_test_next"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    schema.upgrade(make_engine(f"sqlite:///{tmp_path / 'data' / 'planbridge.sqlite'}"))
    return tmp_path


def test_the_command_takes_it_from_a_file(data: Path) -> None:
    """`network add` and `network rotate`; no command prints it."""
    (data / "secret").write_text("secret\n")
    (data / "key").write_text(f"{KEY}\n")
    arguments = ["--url", "http://127.0.0.1:9", "--api-key", "key", "--api-secret-file", "secret"]
    added = CLI.invoke(
        command.app, ["add", "main", *arguments, "--stripe-key-file", "key", "--no-check"]
    )
    assert added.exit_code == 0, added.output
    shown = CLI.invoke(command.app, ["show", "main", "--json"])
    assert '"collects": true' in shown.output
    rotated = CLI.invoke(command.app, ["rotate", "main", "--stripe-key-file", "key"])
    assert rotated.exit_code == 0
    assert KEY not in added.output + shown.output + rotated.output


def test_the_command_refuses_a_key_of_the_other_mode(data: Path) -> None:
    (data / "secret").write_text("secret\n")
    (data / "key").write_text("sk_live_of_the_shop\n")
    arguments = ["--url", "http://127.0.0.1:9", "--api-key", "key", "--api-secret-file", "secret"]
    refused = CLI.invoke(
        command.app, ["add", "main", *arguments, "--stripe-key-file", "key", "--no-check"]
    )
    assert isinstance(refused.exception, WrongMode)
    assert "sk_live" not in str(refused.exception)
