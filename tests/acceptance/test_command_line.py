"""The real command line: help, exit codes, and one sentence for each mistake."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from bridge.cli import app
from bridge.cli.commands import COMMANDS as KNOWN
from bridge.cli.commands import Command
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.wire import Request
from tests.acceptance.conftest import Run


def _every_command() -> Iterator[tuple[str, ...]]:
    yield from _below(typer.main.get_command(app), ())


def _below(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    commands = getattr(command, "commands", None)
    if not commands:
        yield path
        return
    for name, below in commands.items():
        yield from _below(below, (*path, name))


COMMANDS = sorted(_every_command())


def test_there_are_commands() -> None:
    assert ("sync",) in COMMANDS
    assert ("network", "add") in COMMANDS
    assert app.info.help


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_an_example_in_its_help(path: tuple[str, ...]) -> None:
    """A newcomer copies the example and changes a name."""
    from typer.testing import CliRunner

    shown = CliRunner().invoke(app, [*path, "--help"], terminal_width=200)
    assert shown.exit_code == 0
    assert "Example: " in shown.output


@pytest.mark.parametrize("command", KNOWN, ids=lambda command: command.name)
def test_the_list_of_commands_says_what_each_says_itself(command: Command) -> None:
    """The list is shown without loading them."""
    assert command.help == command.load().get_short_help_str(400)
    assert command.load().name == command.name


def test_the_list_loads_no_command(planbridge: Run, environment: dict[str, str]) -> None:
    """`planbridge --help` is there at once: it needs neither tables nor web nor Stripe."""
    environment["PYTHONPROFILEIMPORTTIME"] = "1"
    for option in ("--help", "--version"):
        loaded = planbridge(option).stderr
        assert "typer" in loaded
        for heavy in ("sqlalchemy", "fastapi", "stripe", "dbos", "requests", "bridge.wiring"):
            assert f" {heavy}\n" not in loaded, heavy


def test_a_typo_is_answered_with_what_was_meant(planbridge: Run) -> None:
    """And with the usual exit code of a mistake."""
    done = planbridge("netwrok")
    assert done.returncode == 2
    assert "Did you mean 'network'?" in done.stderr


@pytest.fixture
def network() -> Iterator[SandboxNetwork]:
    with SandboxNetwork() as running:
        yield running


def _add(planbridge: Run, url: str, *more: str, secret: str = "sandbox-secret") -> tuple[int, str]:
    done = planbridge(
        "network", "add", "main", "--url", url, "--api-key", "sandbox-key",
        "--api-secret-file", "-", *more, stdin=f"{secret}\n",
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert secret not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


class TestBeforeAnything:
    def test_a_database_that_was_never_made_says_what_to_do(self, planbridge: Run) -> None:
        done = planbridge("network", "list")
        assert done.returncode == 7
        assert "planbridge migrate" in done.stderr
        assert "Traceback" not in done.stderr

    def test_wrong_settings_are_listed(self, planbridge: Run, environment: dict[str, str]) -> None:
        environment |= {"PLANBRIDGE_PORT": "x", "PLANBRIDGE_DATABASE_URL": "mysql://a/b"}
        done = planbridge("serve")
        assert done.returncode == 78
        assert "PLANBRIDGE_PORT" in done.stderr
        assert "Traceback" not in done.stderr

    def test_migrate_goes_up_and_down(self, planbridge: Run) -> None:
        assert "from nothing to" in planbridge("migrate").stdout
        assert "nothing" in planbridge("migrate", "--revision", "base").stdout
        assert planbridge("network", "list").returncode == 7

    def test_version(self, planbridge: Run) -> None:
        assert planbridge("--version").stdout.startswith("planbridge 0.")


class TestNetworkThatDoesNotDo:
    """`network add` and `sync` name what is wrong and what to do; the mirror stays."""

    @pytest.fixture(autouse=True)
    def _migrated(self, planbridge: Run) -> None:
        assert planbridge("migrate").returncode == 0

    def test_an_unknown_network(self, planbridge: Run) -> None:
        done = planbridge("sync", "nope")
        assert done.returncode == 3
        assert "There is no network named 'nope'" in done.stderr
        assert "planbridge network add" in done.stderr

    def test_bad_credentials(self, planbridge: Run, network: SandboxNetwork) -> None:
        code, said = _add(planbridge, network.url, secret="of-somebody-else")
        assert code == 5
        assert "refused the API key and secret" in said
        assert planbridge("network", "list", "--json").stdout.strip() == "[]"

    def test_nobody_listens(self, planbridge: Run) -> None:
        with _closed_port() as port:
            code, said = _add(planbridge, f"http://127.0.0.1:{port}")
        assert code == 5
        assert "main" in said

    def test_a_wrong_url(self, planbridge: Run) -> None:
        code, said = _add(planbridge, "ftp://network.example.com")
        assert code == 2
        assert "not the address of a network" in said

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            (Fault(html="<html><body>It works!</body></html>"), "web page"),
            (Fault(status=500), "500"),
            (Fault(status=503), "main"),
            (Fault(drop="before"), "main"),
        ],
        ids=["html", "500", "503", "dropped"],
    )
    def test_a_network_that_breaks_leaves_the_mirror_as_it_was(
        self, planbridge: Run, network: SandboxNetwork, fault: Fault, words: str
    ) -> None:
        assert _add(planbridge, network.url)[0] == 0
        assert planbridge("sync", "main").returncode == 0
        before = planbridge("offers", "main", "1", "--json").stdout
        assert json.loads(before)["plans"]

        def broken(_request: Request) -> Fault:
            return fault

        network.faults = broken
        done = planbridge("sync", "main")
        assert done.returncode == 5
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert planbridge("offers", "main", "1", "--json").stdout == before


class TestUse:
    def test_from_nothing_to_a_quote(
        self, planbridge: Run, network: SandboxNetwork, tmp_path: Path
    ) -> None:
        """The README's steps, one after the other."""
        assert planbridge("migrate").returncode == 0
        assert _add(planbridge, network.url)[0] == 0
        first = json.loads(planbridge("sync", "main", "--json").stdout)
        assert {each["entity"]: each["created"] for each in first["entities"]} == {
            "product": 6, "customer": 7, "membership": 7, "site": 9,
            "discount_code": 2, "payment": 4, "domain": 2,
        }  # fmt: skip
        second = json.loads(planbridge("sync", "main", "--json").stdout)
        for each in second["entities"]:
            assert (each["created"], each["changed"], each["removed"]) == (0, 0, 0)
        assert planbridge("catalogue", "learn", "main", "--yes").returncode == 0
        exported = planbridge("catalogue", "export", "main", str(tmp_path / "catalogue.yaml"))
        assert exported.returncode == 0, exported.stderr
        imported = planbridge("catalogue", "import", "main", str(tmp_path / "catalogue.yaml"))
        assert imported.returncode == 0, imported.stderr
        quoted = planbridge("quote", "main", "1", "--product", "premium", "--json")
        assert quoted.returncode == 0
        assert json.loads(quoted.stdout)["due_now"] == 4900
        same = planbridge("quote", "main", "1", "--product", "free")
        assert same.returncode == 1
        assert "This cart proposes no changes to the current membership." in same.stdout
        explained = planbridge("limits", "explain", "main", "3")
        assert explained.returncode == 0, explained.stdout
        assert "Free sets" in explained.stdout


@pytest.mark.slow
def test_the_demonstration_ends_proven(planbridge: Run) -> None:
    """`make run ARGS=--once`: Free to Premium over real HTTP, the forged event refused."""
    done = planbridge("demo", "--once", "--memberships", "20")
    assert done.returncode == 0, done.stderr
    assert ": proven." in done.stdout
    assert "200 stored" in done.stdout
    assert "200 duplicate" in done.stdout
    assert "401 SignatureWrong" in done.stdout
    assert "1 event stored, 1 change." in done.stdout
    assert "From payment to proof" in done.stdout


@contextmanager
def _closed_port() -> Iterator[int]:
    """A port that is taken, and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])
