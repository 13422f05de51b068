"""``planbridge network set``: what is kept, shown, and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bridge.cli.network import app as commands
from bridge.cli.treatment import UnknownTimeZone
from bridge.domain.night import InvalidNight
from bridge.errors import InvalidInput
from bridge.store import schema
from bridge.store.networks import Credentials, NetworkRepository, network_terms
from bridge.store.options import InvalidOption, NetworkOptions, options_of
from bridge.store.tables import Network
from bridge.wiring import App, open_app

Run = Callable[..., Result]


@pytest.fixture
def planbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """With one network, and a pace of 5 for all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PLANBRIDGE_NETWORK_RATE", "5")
    opened = open_app(check_schema=False)
    schema.upgrade(opened.engine)
    with opened.session() as session:
        NetworkRepository(session, opened.seal).add(
            "lab", "https://lab.example", Credentials("k", "s"), now=opened.clock()
        )
    return opened


@pytest.fixture
def run(planbridge: App) -> Run:
    return lambda *arguments: CliRunner().invoke(commands, [str(each) for each in arguments])


def lab(planbridge: App) -> Network:
    return planbridge.network("lab")


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_options_are_set_and_shown(planbridge: App, run: Run) -> None:
    """What was set for the network, and what holds for all where nothing was."""
    shown = told(
        run(
            *("set", "lab", "--concurrency", 2, "--night", "01:00-05:00"),
            *("--time-zone", "Europe/Paris", "--grace-days", 0, "--json"),
        )
    )
    assert shown == {
        "rate": 5.0,
        "concurrency": 2,
        "night": "01:00-05:00",
        "time_zone": "Europe/Paris",
        "grace_days": 0,
        "hold_days": 14,
        "set_for_it": ["concurrency", "grace_days", "night"],
    }
    assert told(run("show", "lab", "--json"))["treatment"] == shown
    assert "Europe/Paris" in run("show", "lab").stdout
    assert network_terms(lab(planbridge)).timezone == "Europe/Paris"


def test_what_is_not_given_stays(planbridge: App, run: Run) -> None:
    """And can be left to the installation again."""
    run("set", "lab", "--rate", 2, "--hold-days", 30)
    run("set", "lab", "--rate", 0, "--reset", "hold-days")
    assert options_of(lab(planbridge)) == NetworkOptions(rate=0)


def test_a_dry_run_changes_nothing(planbridge: App, run: Run) -> None:
    """It shows what would be."""
    result = run("set", "lab", "--rate", 2, "--time-zone", "Europe/Paris", "--dry-run")
    assert "Would be set for lab" in result.stdout
    assert "Europe/Paris" in result.stdout
    assert options_of(lab(planbridge)) == NetworkOptions()
    assert network_terms(lab(planbridge)).timezone == "UTC"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), InvalidInput),
        (("--rate", "-1"), InvalidOption),
        (("--concurrency", "99"), InvalidOption),
        (("--night", "nightly"), InvalidNight),
        (("--time-zone", "Paris"), UnknownTimeZone),
        (("--rate", "1", "--reset", "rate"), InvalidInput),
    ],
)
def test_mistakes_are_refused(
    planbridge: App, run: Run, arguments: tuple[str, ...], error: type[Exception]
) -> None:
    """And nothing is changed."""
    result = run("set", "lab", *arguments)
    assert isinstance(result.exception, error)
    assert options_of(lab(planbridge)) == NetworkOptions()


def test_clients_of_a_network_share_its_manners(planbridge: App, run: Run) -> None:
    """Of one process; what is set anew holds from the next client on."""
    first = planbridge._manners(lab(planbridge))
    assert planbridge._manners(lab(planbridge)) is first
    run("set", "lab", "--rate", 2)
    assert planbridge._manners(lab(planbridge)) is not first
