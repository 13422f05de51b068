"""What the machine does not give is said in a sentence, with an exit code, never a traceback."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import pytest

from bridge.store import schema
from tests.acceptance.conftest import COMMAND, Run


def _said(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stderr
    return done.stderr


@pytest.mark.parametrize("command", ["migrate", "serve", "token"])
def test_a_data_folder_that_cannot_be_made(
    planbridge: Run, environment: dict[str, str], tmp_path: Path, command: str
) -> None:
    """A file stands where the folder should be: that fails for root, too."""
    (tmp_path / "file").touch()
    environment["PLANBRIDGE_DATA_DIR"] = str(tmp_path / "file" / "data")
    said = _said(planbridge(command), 78 if command == "token" else 7)
    assert "PLANBRIDGE_DATA_DIR" in said


def test_a_database_that_is_none(
    planbridge: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 32)
    environment["PLANBRIDGE_DATABASE_URL"] = f"sqlite:///{tmp_path / 'noise'}"
    assert "not a database" in _said(planbridge("migrate"), 7)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("DATABASE_URL", "postgresql://me:s@cret@host:port/x", "%40"),
        ("API_TOKEN", "", "PLANBRIDGE_API_TOKEN is empty"),
        ("API_TOKEN_FILE", "binary", "not UTF-8"),
    ],
)
def test_a_setting_that_cannot_be_used(
    planbridge: Run, environment: dict[str, str], tmp_path: Path, name: str, value: str, word: str
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    environment[f"PLANBRIDGE_{name}"] = value
    said = _said(planbridge("token"), 78)
    assert word in said
    assert "cret" not in said


def test_a_kept_secret_that_was_lost(
    planbridge: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    """An empty file is no token, and is not replaced behind somebody's back."""
    assert planbridge("token").returncode == 0
    kept = Path(environment["PLANBRIDGE_DATA_DIR"]) / "api.token"
    kept.write_text("")
    assert "is empty" in _said(planbridge("token"), 78)
    assert kept.read_text() == ""


class TestMigrated:
    @pytest.fixture(autouse=True)
    def _migrated(self, planbridge: Run) -> None:
        assert planbridge("migrate").returncode == 0

    def test_down_and_part_of_the_way_up(self, planbridge: Run) -> None:
        assert "to 0005" in planbridge("migrate", "--revision", "0005").stdout
        assert "to 0009" in planbridge("migrate", "--revision", "0009").stdout
        assert f"to {schema.head()}" in planbridge("migrate").stdout
        assert "no state" in _said(planbridge("migrate", "--revision", "nope"), 3)

    def test_a_newer_planbridge_migrated_it(
        self, planbridge: Run, environment: dict[str, str]
    ) -> None:
        file = Path(environment["PLANBRIDGE_DATA_DIR"]) / "planbridge.sqlite"
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        for command in (["migrate"], ["migrate", "--revision", "base"], ["network", "list"]):
            assert "restore a backup" in _said(planbridge(*command), 7)

    def test_a_number_and_a_text_that_cannot_be_looked_up(self, planbridge: Run) -> None:
        assert "64 bits" in _said(planbridge("changes", "list", "--membership", "9" * 22), 2)
        assert "no event" in _said(planbridge("events", "show", "9" * 5000), 3)
        assert "not UTF-8" in _said(planbridge("changes", "show", "\udcff"), 2)


@pytest.mark.parametrize("redirect", [">/dev/full", ">&-"])
def test_an_output_that_takes_nothing(environment: dict[str, str], redirect: str) -> None:
    line = f"{COMMAND} catalogue schema {redirect}"
    done = subprocess.run(
        line, shell=True, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode == (1 if "full" in redirect else 0)
