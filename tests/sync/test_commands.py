"""``planbridge sync`` and ``planbridge catalogue`` as people and scripts use them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
from typer.testing import CliRunner

from bridge.cli import catalogue
from bridge.cli.sync import RestWanted, RowsLeft, sync
from bridge.errors import UnknownNetwork
from bridge.network.faults import BadCredentials, ServerFault
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.wire import Request
from bridge.store import schema
from bridge.store.networks import Credentials, NetworkRepository
from bridge.wiring import open_app


class Outcome(NamedTuple):
    """How a command ended; ``error`` is what the command line would print."""

    code: int
    stdout: str
    stderr: str
    error: BaseException | None


Run = Callable[..., Outcome]
_PLAN = "format: 1\nproducts: {basic: {limits: {visits: {enabled: true, limit: 9}}}}"


@pytest.fixture
def sandbox(stack: ExitStack) -> SandboxNetwork:
    """The example network with three pages of memberships."""
    return stack.enter_context(SandboxNetwork(memberships=220))


@pytest.fixture
def planbridge(sandbox: SandboxNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path / "data"))
    app = open_app(check_schema=False)
    schema.upgrade(app.engine)
    with app.session() as session:
        NetworkRepository(session, app.seal).add(
            "lab",
            sandbox.url,
            Credentials(sandbox.api_key, sandbox.api_secret),
            now=app.clock(),
        )
    commands = typer.Typer()
    commands.command("sync")(sync)
    commands.add_typer(catalogue.app, name="catalogue")

    def run(*arguments: str, stdin: str | None = None) -> Outcome:
        result = CliRunner().invoke(commands, list(arguments), input=stdin)
        error = None if isinstance(result.exception, SystemExit) else result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr, error)

    return run


def test_a_sync_prints_what_it_did(planbridge: Run) -> None:
    """A line an entity where no terminal is, then a table."""
    code, output, _, error = planbridge("sync", "lab")
    assert (code, error) == (0, None), output
    assert "memberships: 227 rows" in output
    assert "discount codes: 2 rows" in output
    code, output, _, _ = planbridge("sync", "lab", "--json")
    document = json.loads(output)
    assert document["complete"] is True
    assert {each["entity"]: each["unchanged"] for each in document["entities"]}["membership"] == 227
    assert sum(each["created"] + each["changed"] for each in document["entities"]) == 0


def test_only_one_entity(planbridge: Run) -> None:
    """Named by its route on the network."""
    code, output, _, _ = planbridge("sync", "lab", "--only", "product", "--json")
    assert code == 0
    assert [each["entity"] for each in json.loads(output)["entities"]] == ["product"]


def test_an_entity_that_is_not_mirrored(planbridge: Run) -> None:
    """Events are known to the network's client, but nothing keeps them."""
    assert "not mirrored" in str(planbridge("sync", "lab", "--only", "event").error)


def test_an_unknown_network(planbridge: Run) -> None:
    """The error says how to see the known ones."""
    error = planbridge("sync", "nowhere").error
    assert isinstance(error, UnknownNetwork)


def test_wrong_credentials(planbridge: Run, sandbox: SandboxNetwork) -> None:
    """The command's error is the network's, with an exit code of its own."""
    sandbox._routes._credentials = type(sandbox._routes._credentials)("other", "other")
    error = planbridge("sync", "lab").error
    assert isinstance(error, BadCredentials)
    assert error.exit_code == 5


def test_a_partial_sync_prints_the_rest_and_fails(
    planbridge: Run,
    sandbox: SandboxNetwork,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was read is shown, the fault is the error, and a script sees both."""
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    sandbox.faults = lambda request: (
        Fault(status=500) if request.path.endswith("/customer") else None
    )
    _, output, _, error = planbridge("sync", "lab", "--json")
    document = json.loads(output)
    assert isinstance(error, ServerFault)
    assert document["complete"] is False
    assert "500" in document["errors"][0]
    assert {each["entity"]: each["rows"] for each in document["entities"]}["membership"] == 227


def test_rows_that_could_not_be_read_fail_the_command(
    planbridge: Run, sandbox: SandboxNetwork
) -> None:
    """Each is named."""
    row = sandbox.state.row("membership", 3)
    assert row is not None
    sandbox.state.save("membership", 3, {**row, "date_expiration": "some day"})
    outcome = planbridge("sync", "lab")
    assert isinstance(outcome.error, RowsLeft)
    assert "membership 3" in outcome.stderr


def test_a_catalogue_is_taken_only_when_told(planbridge: Run, tmp_path: Path) -> None:
    """Without a terminal and without --yes a difference is shown, and nothing taken."""
    planbridge("sync", "lab")
    code, output, stderr, _ = planbridge("catalogue", "import", "lab", "-", stdin=_PLAN)
    assert code == 1
    assert "visits" in output
    assert "Nothing was taken" in stderr
    code, output, _, _ = planbridge("catalogue", "import", "lab", "-", "--yes", stdin=_PLAN)
    assert code == 0
    assert "taken" in output
    code, output, _, _ = planbridge("catalogue", "import", "lab", "-", stdin=_PLAN)
    assert (code, output.strip()) == (0, "no difference")


def test_learn_show_export_push(
    planbridge: Run,
    sandbox: SandboxNetwork,
    tmp_path: Path,
) -> None:
    """From what the network shows to a file, and back to the network."""
    planbridge("sync", "lab")
    code, output, _, error = planbridge("catalogue", "learn", "lab", "--yes")
    assert (code, error) == (0, None), output
    assert "premium: limits as " in output
    code, output, _, _ = planbridge("catalogue", "show", "lab", "--json")
    shown = json.loads(output)
    assert shown["sources"]["premium"]["limits"] == "learned"
    assert "unknown" in planbridge("catalogue", "show", "lab").stdout
    file = tmp_path / "lab.yaml"
    assert planbridge("catalogue", "export", "lab", str(file)).code == 0
    assert "no difference" in planbridge("catalogue", "import", "lab", str(file)).stdout
    sandbox.journal.clear()
    assert planbridge("catalogue", "push", "lab", "premium", "--dry-run").code == 0
    assert sandbox.journal.writes() == []
    code, output, _, error = planbridge(
        "catalogue", "push", "lab", "premium", "--part", "limits", "--yes"
    )
    assert (code, error) == (0, None), output
    assert "shows them" in output
    assert len(sandbox.journal.writes("/product/")) == 1
    assert json.loads(planbridge("catalogue", "schema").stdout)["title"] == "CatalogueFile"


def test_an_incremental_sync(planbridge: Run, sandbox: SandboxNetwork) -> None:
    """After a whole one it looks at what changed, and says how little that is."""
    planbridge("sync", "lab")
    sandbox.journal.clear()
    done = planbridge("sync", "lab", "--incremental", "--json")
    assert done.code == 0, done.stderr
    entities = json.loads(done.stdout)["entities"]
    assert all(each["incremental"] for each in entities)
    assert sum(each["changed"] for each in entities) == 0
    assert not any(each.path.endswith("/auth") for each in sandbox.journal)


def test_a_rest_that_the_network_wants_is_said_plainly(
    planbridge: Run, sandbox: SandboxNetwork
) -> None:
    """How long, and what to do; with an exit code that scripts can tell from a failure."""

    def rest(request: Request) -> Fault | None:
        busy = "/membership" in request.path and "page=2" in request.query_string
        return Fault(status=503, html="x", headers={"retry-after": "600"}) if busy else None

    sandbox.faults = rest
    ended = planbridge("sync", "lab")
    assert isinstance(ended.error, RestWanted)
    assert ended.error.exit_code == 75
    assert "The network lab asks to be left alone for 10 minutes" in str(ended.error)
    assert "goes on from there" in str(ended.error)
    sandbox.faults = lambda _request: None
    again = planbridge("sync", "lab")
    assert again.code == 0
    assert "memberships: went on at page 2" in again.stdout
