"""A sandbox with a state file starts again where it was, however it ended."""

from __future__ import annotations

from pathlib import Path

from bridge.sandbox.examples import PREMIUM_ID
from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.server import SandboxNetwork
from tests.sandbox.conftest import Caller, MovingClock


def test_everything_is_there_again(clock: MovingClock, tmp_path: Path) -> None:
    """Rows, meta, settings, deletions, side effects, and ids that are never used twice."""
    file = tmp_path / "state.jsonl"
    with SandboxNetwork(clock=clock, state_file=file) as network:
        call = Caller(network)
        call.put("membership/3", {"plan_id": PREMIUM_ID, "amount": 1, "meta": {"note": "x"}})
        call.put("settings/enable_taxes", {"value": 1})
        call("DELETE", "membership/7")
        before = [call.get(path) for path in ("membership", "site", "event", "settings")]
        effects = network.state.effects
    with SandboxNetwork(clock=clock, state_file=file, example="empty") as network:
        call = Caller(network)
        again = [call.get(path) for path in ("membership", "site", "event", "settings")]
        assert again == before
        assert network.state.effects == effects
        assert network.state.meta("membership", 3)["note"] == "x"
        assert network.state.next_id("membership") == 8


def test_a_line_cut_off_by_a_kill_is_left_out(clock: MovingClock, tmp_path: Path) -> None:
    """What was whole is kept, and can be added to."""
    file = tmp_path / "state.jsonl"
    SandboxNetwork(clock=clock, state_file=file).stop()
    with file.open("a") as log:
        log.write('{"table": "membership", "id": 1, "row": {"pl')
    network = SandboxNetwork(clock=clock, state_file=file)
    assert len(network.state.ids("membership")) == 7
    with network.state.changing():
        network.state.set_setting("company_name", "Again")
    network.stop()
    assert SandboxNetwork(clock=clock, state_file=file).state.settings["company_name"] == "Again"


def test_an_example_cut_off_by_a_kill_is_begun_anew(clock: MovingClock, tmp_path: Path) -> None:
    """A file that does not end an example is no network."""
    file = tmp_path / "state.jsonl"
    state = NetworkState(clock=clock, file=file)
    with state.changing():
        state.insert("product", name="Half", slug="half")
    state.close()
    network = SandboxNetwork(clock=clock, state_file=file)
    assert next(row["name"] for row in network.state.rows("product")) == "Unlimited visits"
    assert len(network.state.ids("product")) == 6
