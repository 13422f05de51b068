"""``planbridge operator`` and ``planbridge audit``: as typed, with passwords never on the line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bridge.cli.operators import app, audit_app
from bridge.errors import InvalidInput
from bridge.settings import load_settings
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.operators import LastOwner, OperatorRepository, UnknownOperator
from bridge.wiring import open_app

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PLANBRIDGE_LOG_LEVEL", "error")
    schema.upgrade(make_engine(load_settings().store_url))
    return tmp_path


def run(*arguments: str, input: str | None = None) -> Result:
    return CliRunner().invoke(app, [*arguments], input=input)


def test_a_password_from_a_prompt_a_file_or_standard_input(place: Path) -> None:
    file = place / "password"
    file.write_text(f"{PASSWORD}\n")
    added = run("add", "a@example.com", "--role", "owner", input=f"{PASSWORD}\n{PASSWORD}\n")
    assert added.exit_code == 0, added.output
    assert PASSWORD not in added.output
    assert run("add", "b@example.com", "--password-file", str(file)).exit_code == 0
    piped = run("add", "c@example.com", "--password-file", "-", input=f"{PASSWORD}\n")
    assert piped.exit_code == 0
    with open_app().session() as session:
        for name in "abc":
            assert OperatorRepository(session).with_password(f"{name}@example.com", PASSWORD)


def test_no_option_takes_a_password() -> None:
    """Whoever lists the machine's processes would read it."""
    assert run("add", "a@example.com", "--password", PASSWORD).exit_code == 2


def test_list_role_disable_and_the_audit_of_them() -> None:
    run("add", "a@example.com", "--role", "owner", "--no-password")
    run("add", "b@example.com", "--no-password")
    assert run("role", "b@example.com", "reader").exit_code == 0
    assert run("disable", "b@example.com").exit_code == 0
    people = {one["email"]: one for one in json.loads(run("list", "--json").output)}
    assert (people["b@example.com"]["role"], people["b@example.com"]["active"]) == ("reader", False)
    assert run("disable", "b@example.com", "--undo").exit_code == 0
    shown = CliRunner().invoke(audit_app, ["list", "--json", "--action", "operator."])
    entries = json.loads(shown.output)
    assert [entry["action"] for entry in entries] == [
        "operator.enable",
        "operator.disable",
        "operator.role",
        "operator.add",
        "operator.add",
    ]
    assert {entry["actor"] for entry in entries} == {"command line"}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("role", "a@example.com", "reader"), LastOwner),
        (("disable", "a@example.com"), LastOwner),
        (("role", "nobody@example.com", "reader"), UnknownOperator),
        (("password", "a@example.com", "--password-file", "/none"), InvalidInput),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], error: type[Exception]) -> None:
    run("add", "a@example.com", "--role", "owner", "--no-password")
    assert isinstance(run(*arguments).exception, error)


def test_a_new_password() -> None:
    run("add", "a@example.com", "--no-password")
    assert run("password", "a@example.com", "--password-file", "-", input=PASSWORD).exit_code == 0
    with open_app().session() as session:
        assert OperatorRepository(session).with_password("a@example.com", PASSWORD)
