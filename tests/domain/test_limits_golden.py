"""Limits composed by the plugin itself: ours are the same, to the type of each value."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bridge.cli.golden_cases import InvalidCases, read_cases
from bridge.cli.golden_limits import limits
from bridge.domain.golden_limits import InvalidCase, mismatches
from bridge.domain.limits import Release, UnknownRelease

KEPT = Path(__file__).parent / "cases" / "limits"
SHARED = Path(__file__).parents[2].parent / "shared" / "golden"

app = typer.Typer()
app.command()(limits)
runner = CliRunner()


def kept_cases() -> list[tuple[Release, dict[str, Any]]]:
    return [
        (release, case) for release in Release for case in read_cases(KEPT / f"{release}.jsonl")
    ]


@pytest.mark.parametrize(("release", "case"), kept_cases())
def test_kept_cases_match(release: Release, case: dict[str, Any]) -> None:
    assert mismatches(case, release) == []


@pytest.mark.parametrize(("release", "count"), [("2.4.13", 1500), ("2.4.12", 600)])
def test_every_golden_case_matches(release: str, count: int) -> None:
    path = SHARED / f"limits-{release}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    result = runner.invoke(app, ["--plugin", release, str(path)])
    assert (result.exit_code, result.output) == (0, f"{count} of {count} match\n")


def test_the_releases_differ_and_the_difference_is_shown() -> None:
    """Cases of 2.4.12 taken for 2.4.13 fail, say which value differs, and exit 1."""
    result = runner.invoke(app, ["--plugin", "2.4.13", str(KEPT / "2.4.12.jsonl")])
    assert result.exit_code == 1
    assert "the plugin has 'visible', planbridge 'hidden'" in result.output
    assert result.output.endswith("10 of 20 match\n")


def test_the_compared_case_is_printed_in_full(tmp_path: Path) -> None:
    case = next(read_cases(KEPT / "2.4.13.jsonl"))
    case["site_effective"]["visits"] = {"enabled": True, "limit": "no such limit"}
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(case))
    result = runner.invoke(app, [str(path)])
    assert "site_effective.visits.limit: the plugin has 'no such limit'" in result.output
    assert json.dumps(case["plan"], separators=(",", ":")) in result.output


def test_a_number_is_not_the_same_as_its_text() -> None:
    case = {
        "plan": {"visits": {"enabled": True, "limit": "5"}},
        "addons": [],
        "membership": {},
        "site": {},
        "membership_effective": {"visits": {"enabled": True, "limit": "5"}},
        "site_effective": {"visits": {"enabled": True, "limit": 5}},
    }
    assert mismatches(case, Release.V2_4_13) == [
        "site_effective.visits.limit: the plugin has 5, planbridge '5'"
    ]


def test_empty_maps_may_be_lists() -> None:
    parts = ("plan", "addons", "membership", "site", "membership_effective", "site_effective")
    case: dict[str, Any] = {part: [] for part in parts}
    assert mismatches(case, Release.V2_4_13) == []


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"plan": {}, "addons": {}, "membership": {}, "site": {}},
        {"plan": {}, "addons": [{"limitations": {}}], "membership": {}, "site": {}},
        {"plan": {}, "addons": [], "membership": None, "site": {}},
    ],
)
def test_what_is_no_case_is_said(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidCase):
        mismatches(case, Release.V2_4_13)


class TestFiles:
    def test_plain_and_compressed_read_the_same(self, tmp_path: Path) -> None:
        plain = KEPT / "2.4.12.jsonl"
        compressed = tmp_path / "cases.jsonl.gz"
        compressed.write_bytes(gzip.compress(plain.read_bytes()))
        assert list(read_cases(plain)) == list(read_cases(compressed))

    @pytest.mark.parametrize(
        ("name", "content", "why"),
        [
            ("a.jsonl", b"{}\nnot json\n", "line 2"),
            ("a.jsonl", b"[1]\n", "line 1 is not an object"),
            ("a.jsonl.gz", b"{}\n", "gzip"),
            ("a.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 500, mtime=0)[:30], "end-of-stream"),
        ],
    )
    def test_a_bad_file_says_where(
        self, tmp_path: Path, name: str, content: bytes, why: str
    ) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InvalidCases, match=why) as raised:
            list(read_cases(path))
        assert raised.value.exit_code == 2

    def test_a_missing_file_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidCases, match="No such file"):
            list(read_cases(tmp_path / "none.jsonl"))

    def test_cases_of_another_kind_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "other.jsonl"
        path.write_text('{"now": "2026-01-01"}\n')
        result = runner.invoke(app, [str(path)])
        assert isinstance(result.exception, InvalidCases)
        assert "case 1: plan is missing" in str(result.exception)

    def test_an_empty_file_is_no_success(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.jsonl"
        path.write_text("\n")
        assert isinstance(runner.invoke(app, [str(path)]).exception, InvalidCases)

    def test_an_unknown_release_is_refused(self) -> None:
        result = runner.invoke(app, ["--plugin", "newest", str(KEPT / "2.4.12.jsonl")])
        assert isinstance(result.exception, UnknownRelease)
