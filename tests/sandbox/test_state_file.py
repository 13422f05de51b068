"""A sandbox with a state file starts again where it was, however it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.sandbox.examples import PREMIUM_ID
from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.server import AddressUnavailable, SandboxNetwork
from bridge.sandbox.state_log import HEADER, StateFileUnusable
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
        for site in before[1]:
            site["domain"] = network.state.host  # the one thing that moved
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


def test_a_network_can_be_started_again_as_another_release(
    clock: MovingClock, tmp_path: Path
) -> None:
    """The rows hold what every release has."""
    file = tmp_path / "state.jsonl"
    SandboxNetwork(clock=clock, state_file=file, release="2.4.7").stop()
    with SandboxNetwork(clock=clock, state_file=file, release="head") as network:
        call = Caller(network)
        assert len(call.get("membership")) == 7
        call.put("membership/2", {"times_billed": 3})
    with SandboxNetwork(clock=clock, state_file=file, release="2.4.7") as network:
        assert Caller(network).get("membership/2")["times_billed"] == "3"


@pytest.mark.parametrize("content", ["not ours", '{"a":1}\n', "\n"])
def test_a_file_of_something_else_is_refused(
    clock: MovingClock, tmp_path: Path, content: str
) -> None:
    """It is named, with what to do, and left alone."""
    file = tmp_path / "notes.txt"
    file.write_text(content)
    with pytest.raises(StateFileUnusable, match=r"not a sandbox's\. Delete it"):
        SandboxNetwork(clock=clock, state_file=file)
    assert file.read_text() == content


def test_a_damaged_line_is_told(clock: MovingClock, tmp_path: Path) -> None:
    """Only the last line may be cut off."""
    file = tmp_path / "state.jsonl"
    SandboxNetwork(clock=clock, state_file=file).stop()
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:4], "oops", *lines[5:]]) + "\n")
    with pytest.raises(StateFileUnusable, match="line 5 is no entry"):
        SandboxNetwork(clock=clock, state_file=file)


@pytest.mark.parametrize("size", [0, 5])
def test_a_file_cut_off_in_its_first_line_is_begun_anew(
    clock: MovingClock, tmp_path: Path, size: int
) -> None:
    """Nothing was in it yet."""
    file = tmp_path / "state.jsonl"
    file.write_bytes(HEADER[:size])
    SandboxNetwork(clock=clock, state_file=file).stop()
    assert SandboxNetwork(clock=clock, state_file=file, example="empty").state.ids("product")


def test_a_folder_that_does_not_exist_is_refused(clock: MovingClock, tmp_path: Path) -> None:
    """No traceback for a mistyped path."""
    with pytest.raises(StateFileUnusable, match="No such file"):
        SandboxNetwork(clock=clock, state_file=tmp_path / "nowhere" / "state.jsonl")


def test_a_taken_port_is_refused(network: SandboxNetwork, clock: MovingClock) -> None:
    """With the reason and the way out."""
    port = int(network.url.rpartition(":")[2])
    with pytest.raises(AddressUnavailable, match=f"{port}.*Port 0"):
        SandboxNetwork(clock=clock, port=port)
