"""``planbridge changes`` on a store with changes in several states."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlmodel import Session
from typer.testing import CliRunner, Result

from bridge.cli.changes import app
from bridge.errors import Conflict, UnknownChange
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.seals import Seal
from bridge.store.tables import Change, ChangeState
from bridge.upgrades.corrections import ChangeNotRevoked
from tests.upgrades.conftest import NOW

STATES = (ChangeState.SCHEDULED, ChangeState.PROVEN, ChangeState.APPLIED)


@pytest.fixture
def changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[ChangeState, str]:
    """One change in each state, by state; the settings point at their store."""
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path))
    # It would log to the runner's own standard error, which is closed after the test.
    monkeypatch.setattr("bridge.wiring.configure_logging", lambda _level: None)
    monkeypatch.chdir(tmp_path)
    engine = make_engine(f"sqlite:///{tmp_path / 'planbridge.sqlite'}")
    schema.upgrade(engine)
    ids: dict[ChangeState, str] = {}
    with Session(engine) as session:
        repository = NetworkRepository(session, Seal([Seal.new_key()]))
        network = repository.add("main", "http://x", Credentials("key", "secret"), now=NOW)
        for number, state in enumerate(STATES):
            ids[state] = f"chg_{state.value}"
            session.add(
                Change(
                    id=ids[state],
                    network_id=network.key,
                    membership_id=number,
                    kind="upgrade",
                    state=state,
                    is_open=state.is_open,
                    currency="USD",
                    amount_due=4522,
                    reason=f"because {number}",
                    attempts=1,
                    created_at=NOW,
                    effective_at=NOW,
                    updated_at=NOW,
                )
            )
        session.commit()
    engine.dispose()
    return ids


def run(*words: str) -> Result:
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def shown(change_id: str) -> dict[str, object]:
    document: dict[str, object] = json.loads(run("show", change_id, "--json").stdout)
    return document


def test_list_narrows_by_state_and_speaks_json(changes: dict[ChangeState, str]) -> None:
    rows = json.loads(run("list", "--state", "proven", "--network", "main", "--json").stdout)
    assert [(row["id"], row["network"], row["due"]) for row in rows] == [
        (changes[ChangeState.PROVEN], "main", "$45.22")
    ]
    assert len(json.loads(run("list", "--json").stdout)) == len(STATES)


def test_list_and_show_print_tables(changes: dict[ChangeState, str]) -> None:
    assert "because" in run("list").stdout
    assert "$45.22" in run("show", changes[ChangeState.APPLIED]).stdout


def test_revoke_takes_back_what_is_scheduled(changes: dict[ChangeState, str]) -> None:
    run("revoke", changes[ChangeState.SCHEDULED])
    assert shown(changes[ChangeState.SCHEDULED])["state"] == "revoked"


@pytest.mark.parametrize(
    ("word", "state", "told"),
    [
        ("revoke", ChangeState.SCHEDULED, {"state": "revoked", "reason": "revoked"}),
        ("retry", ChangeState.APPLIED, {"state": "accepted"}),
    ],
)
def test_a_dry_run_only_says_what_would_become_of_it(
    changes: dict[ChangeState, str], word: str, state: ChangeState, told: dict[str, str]
) -> None:
    """For people and for scripts; nothing is changed, and what is refused is refused."""
    change = changes[state]
    document = json.loads(run(word, change, "--dry-run", "--json").stdout)
    assert document == {"id": change, "dry_run": True, **told}
    assert "would be" in run(word, change, "--dry-run").stdout
    assert shown(change)["state"] == state.value
    with pytest.raises(Conflict):
        run(word, changes[ChangeState.PROVEN], "--dry-run")


@pytest.mark.parametrize(
    ("word", "state"), [("revoke", ChangeState.SCHEDULED), ("retry", ChangeState.APPLIED)]
)
def test_what_was_done_is_told_to_scripts_too(
    changes: dict[ChangeState, str], word: str, state: ChangeState
) -> None:
    document = json.loads(run(word, changes[state], "--json").stdout)
    assert document["dry_run"] is False
    assert shown(changes[state])["state"] == document["state"]


@pytest.mark.parametrize("word", ["list", "show", "retry", "revoke"])
def test_help_has_an_example(word: str) -> None:
    assert f"Example: planbridge changes {word}" in " ".join(run(word, "--help").stdout.split())


def test_revoke_refuses_what_is_done(changes: dict[ChangeState, str]) -> None:
    with pytest.raises(ChangeNotRevoked):
        run("revoke", changes[ChangeState.PROVEN])


def test_retry_hands_what_has_no_proof_yet_to_the_engine(changes: dict[ChangeState, str]) -> None:
    run("retry", changes[ChangeState.APPLIED])
    assert shown(changes[ChangeState.APPLIED])["state"] == "accepted"


def test_an_unknown_change_is_an_error_with_its_own_exit_code(
    changes: dict[ChangeState, str],
) -> None:
    with pytest.raises(UnknownChange) as caught:
        run("show", "chg_nobody")
    assert caught.value.exit_code == 3
