"""The real command, in a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

START = "import typer; from bridge.cli.sandbox import app; app()"


@contextmanager
def sandbox(*options: str) -> Iterator[tuple[subprocess.Popen[str], str, tuple[str, str]]]:
    """The process, the network's URL and its credentials, as printed."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        printed = ""
        while "Ctrl-C" not in printed:
            line = process.stdout.readline()
            assert line, f"it ended after: {printed}"
            printed += line
        told = re.search(r"--url (\S+) --api-key (\S+) --api-secret (\S+)", printed)
        assert told
        yield process, told[1], (told[2], told[3])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_prints_how_to_add_it_and_ends_with_ctrl_c() -> None:
    """What it prints opens the network; Ctrl-C is a good end."""
    with sandbox("--release", "2.4.12", "--memberships", "3") as (process, url, pair):
        rows = requests.get(f"{url}/wp-json/wu/v2/membership", auth=pair, timeout=5).json()
        assert len(rows) == 10
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


def test_a_killed_sandbox_starts_again_where_it_was(tmp_path: Path) -> None:
    """kill -9 right after an answer loses nothing that was answered."""
    file = str(tmp_path / "state.jsonl")
    with sandbox("--state", file) as (process, url, pair):
        target = f"{url}/wp-json/wu/v2/membership/2"
        requests.put(target, auth=pair, json={"plan_id": 6}, timeout=5).raise_for_status()
        process.kill()
    with sandbox("--state", file) as (_, url, pair):
        row = requests.get(f"{url}/wp-json/wu/v2/membership/2", auth=pair, timeout=5).json()
        assert row["plan_id"] == 6


def test_it_makes_what_is_asked_for_go_wrong() -> None:
    """Upon the API only; names that it does not know are told with those that it does."""
    with sandbox("--faults", "bom,maintenance") as (_, url, pair):
        answer = requests.get(f"{url}/wp-json/wu/v2/membership", auth=pair, timeout=5)
        assert answer.content.startswith(b"\xef\xbb\xbf[")
        assert requests.get(url, timeout=5).ok
    with sandbox("--faults", "maintenance") as (_, url, pair):
        answer = requests.get(f"{url}/wp-json/wu/v2/membership", auth=pair, timeout=5)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "600")
    with sandbox("--faults", "expired-certificate") as (_, url, _):
        assert url.startswith("https://")
        with pytest.raises(requests.exceptions.SSLError, match="certificate"):
            requests.get(url, timeout=5)
    shown = subprocess.run(
        [sys.executable, "-c", START, "--faults", "list"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "One byte a second." in shown.stdout
