"""Quotes, offers and dates that the plugin itself computed: ours are the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bridge.cli.golden import app
from bridge.cli.golden_cases import InvalidCases, read_cases
from bridge.domain.golden import expiration_mismatches, offer_mismatches, quote_mismatches
from bridge.domain.references import product_code

KEPT = Path(__file__).parent / "cases"
SHARED = Path(__file__).parents[2].parent / "shared" / "golden"
Check = Callable[[dict[str, Any]], list[str]]
CHECKS: dict[str, Check] = {
    "quotes": quote_mismatches,
    "offers": offer_mismatches,
    "expirations": expiration_mismatches,
}
FILES = {
    "quotes": sorted(SHARED.glob("carts-*.jsonl.gz")),
    "offers": [SHARED / "offers.jsonl.gz"],
    "expirations": [SHARED / "expirations.jsonl.gz"],
}
TOTALS = {"quotes": 1800, "offers": 114, "expirations": 500}
runner = CliRunner()


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name in CHECKS for case in read_cases(KEPT / f"{name}.jsonl")],
)
def test_a_kept_case_matches(name: str, case: dict[str, Any]) -> None:
    assert CHECKS[name](case) == []


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.skipif(not SHARED.exists(), reason="the shared golden cases are not here")
def test_all_shared_cases_match(name: str) -> None:
    result = runner.invoke(app, [name, *map(str, FILES[name])])
    assert result.output.strip() == f"{TOTALS[name]} of {TOTALS[name]} match"
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("total", 1234.56),
        ("recurring_total", 1234.56),
        ("cart_type", "new"),
        ("next_charge", 1800000000),
        ("billing_start", 1800000000),
        ("errors", [{"code": "no_changes", "message": "Other words."}]),
        ("has_trial", None),
    ],
)
def test_the_comparison_notices_any_other_value(field: str, wrong: object) -> None:
    case = next(iter(read_cases(KEPT / "quotes.jsonl")))
    case["expected"][field] = wrong
    assert any(line.startswith(f"{field}:") for line in quote_mismatches(case))


def test_lines_are_compared_in_order() -> None:
    case = next(
        case
        for case in read_cases(KEPT / "quotes.jsonl")
        if len(case["expected"]["line_items"]) > 1
    )
    case["expected"]["line_items"].reverse()
    assert quote_mismatches(case) != []


def test_differences_are_printed_and_end_in_1(tmp_path: Path) -> None:
    case = next(iter(read_cases(KEPT / "expirations.jsonl")))
    case["expected"] = "2099-01-01 23:59:59"
    path = tmp_path / "wrong.jsonl"
    path.write_text(json.dumps(case))
    result = runner.invoke(app, ["expirations", str(path)])
    assert result.exit_code == 1
    assert "0 of 1 match" in result.output
    assert "date_expiration: expected" in result.output
    assert '"date_expiration":' in result.output  # the case's own input, to run it again


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"input": {}}', '{"input": {"now": "soon"}, "expected": {}}']
)
def test_what_is_no_case_is_refused_with_a_reason(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    result = runner.invoke(app, ["quotes", str(path)])
    assert isinstance(result.exception, InvalidCases)
    assert result.exception.exit_code == 2
    assert str(path) in str(result.exception)


def test_reference_codes_are_those_of_the_recorded_lines() -> None:
    """Line ids in recordings of payments: LN_PRODUCT_WWWWHG7N46 is product 1."""
    recorded = {1: "WWWWHG7N46", 2: "WWWWHG7N4U", 8: "WWWWHG7N42", 16: "WWWWHG7NJC"}
    assert {id: product_code(id) for id in recorded} == recorded
