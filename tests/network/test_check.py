"""``planbridge network check``: what is found, what a lack costs, and that nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bridge.cli.network import app as commands
from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import SandboxNetwork, system_clock
from bridge.store import schema
from bridge.store.networks import Credentials, NetworkRepository
from bridge.wiring import open_app

Check = Callable[..., Result]
Clock = Callable[[], datetime]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def check(stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Add a sandbox of a release and check it; options as the command's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "250")
    planbridge = open_app(check_schema=False)
    schema.upgrade(planbridge.engine)

    def run(sandbox: SandboxNetwork, *options: str, wp_password: str = "") -> Result:
        user = sandbox.wp_username if wp_password else ""
        with planbridge.session() as session:
            NetworkRepository(session, planbridge.seal).add(
                "lab",
                sandbox.url,
                Credentials(
                    sandbox.api_key,
                    sandbox.api_secret,
                    wp_username=user,
                    wp_application_password=wp_password,
                ),
                now=planbridge.clock(),
            )
        return CliRunner().invoke(commands, ["check", "lab", *options])

    return run


def good(result: Result) -> dict[str, bool | None]:
    """What was found to be well."""
    return {each["what"]: each["good"] for each in json.loads(result.stdout)["findings"]}


def test_the_head_lacks_little(check: Check, stack: ExitStack) -> None:
    """All that REST can show is there; nothing was written to find out."""
    sandbox = stack.enter_context(SandboxNetwork())
    rows = {entity: list(sandbox.state.rows(entity)) for entity in ("membership", "site")}
    found = good(check(sandbox, "--json"))
    lacking = {what for what, well in found.items() if not well}
    assert lacking == {
        "customers' e-mail addresses",
        "WordPress user on record",
        "companion plugin",
    }
    assert rows == {entity: list(sandbox.state.rows(entity)) for entity in rows}
    assert sandbox.state.effects == []


def test_an_old_release_lacks_what_it_lacks(check: Check, stack: ExitStack) -> None:
    """Each with what it costs and what to do."""
    sandbox = stack.enter_context(SandboxNetwork(release="2.4.7"))
    result = check(sandbox)
    assert result.exit_code == 0
    assert "like a release 2.4.7 or earlier" in result.stdout
    assert "number and offset" in result.stdout
    assert "drift cannot be seen" in result.stdout
    assert "Update the plugin to a release after 2.4.12." in result.stdout


def test_a_firewall_that_blocks_writes_is_found(check: Check, stack: ExitStack) -> None:
    """Before a customer has paid for a change that cannot be carried out."""
    sandbox = stack.enter_context(
        SandboxNetwork(faults=lambda request: Fault(status=403) if request.body else None)
    )
    result = check(sandbox, "--json")
    assert good(result)["writing"] is False
    assert "firewall" in result.stdout


def test_what_a_missing_application_password_costs_is_said(check: Check, stack: ExitStack) -> None:
    """Customers without e-mail, and how to have it."""
    sandbox = stack.enter_context(SandboxNetwork())
    told = check(sandbox).stdout
    assert "customers' e-mail addresses" in told
    assert "not asked for" in told
    assert "Customers cannot sign in by e-mail" in told
    assert "--wp-password-file" in told


def test_an_application_password_is_tried(check: Check, stack: ExitStack) -> None:
    """One that works is well."""
    sandbox = stack.enter_context(SandboxNetwork())
    found = good(check(sandbox, "--json", wp_password=sandbox.wp_password))
    assert found["customers' e-mail addresses"] is True
    assert found["WordPress user on record"] is True


def test_a_wrong_application_password_is_found(check: Check, stack: ExitStack) -> None:
    """With what WordPress said; never with the password."""
    sandbox = stack.enter_context(SandboxNetwork())
    result = check(sandbox, "--json", wp_password="mistaken")
    assert good(result)["customers' e-mail addresses"] is False
    assert "rest_forbidden_context" in result.stdout
    assert "mistaken" not in result.stdout


def test_sites_without_membership_are_no_evidence(stack: ExitStack) -> None:
    """The memberships of the oldest sites were deleted; a later one shows its limits."""
    sandbox = stack.enter_context(SandboxNetwork(memberships=60))
    owned = [row for row in sandbox.state.rows("site") if row["membership_id"]]
    for row in owned[:45]:
        sandbox.state.remove("membership", int(str(row["membership_id"])))
    client = stack.enter_context(connect(sandbox))
    assert client.probe().effective_limits is True
    for row in owned[45:]:
        sandbox.state.remove("membership", int(str(row["membership_id"])))
    assert client.probe().effective_limits is False


@pytest.mark.parametrize(("ahead", "told"), [(0, 0), (1, 0), (-1, 0), (5, 5), (-300, -300)])
def test_a_second_is_no_skew(stack: ExitStack, ahead: int, told: int) -> None:
    """The Date header has no fractions."""
    now = system_clock().replace(microsecond=0)
    sandbox = stack.enter_context(SandboxNetwork(clock=lambda: now + timedelta(seconds=ahead)))
    client = stack.enter_context(connect(sandbox, clock=lambda: now))
    assert client.probe().clock_skew == told


def connect(sandbox: SandboxNetwork, *, clock: Clock = system_clock) -> NetworkClient:
    endpoint = Endpoint(sandbox.url, sandbox.api_key, sandbox.api_secret)
    return NetworkClient(endpoint, name="lab", clock=clock)
