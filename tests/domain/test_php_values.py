"""PHP 8's own answers, checked against its manual: what a stored value counts as."""

from __future__ import annotations

import pytest

from bridge.domain.php_values import add_numbers, as_map, is_numeric, to_int, to_number, truthy


@pytest.mark.parametrize(
    "value", [0, 5, -3, 2.5, "0", "5", "-3", "2.5", ".5", "5.", "1e3", " 5", "5 ", "+5", "\n7"]
)
def test_numbers_and_numeric_text_are_numeric(value: object) -> None:
    assert is_numeric(value)


@pytest.mark.parametrize(
    "value",
    ["", " ", ".", "abc", "5abc", "0x1A", "1_000", "1,000", "٣", True, False, None, [], {}, "1e"],
)
def test_everything_else_is_not_numeric(value: object) -> None:
    assert not is_numeric(value)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("5abc", 5),
        ("abc", 0),
        ("", 0),
        ("0.9", 0),
        ("-1.9", -1),
        (2.9, 2),
        ("1e3", 1000),
        (" 42", 42),
        (True, 1),
        (False, 0),
        (None, 0),
        ([], 0),
        ([0], 1),
        ("9223372036854775808", 2**63 - 1),
        ("-9999999999999999999", -(2**63)),
        ("1e1000", 0),
        (float("nan"), 0),
    ],
)
def test_the_int_cast(value: object, number: int) -> None:
    assert to_int(value) == number


@pytest.mark.parametrize("value", [0, "0", "", None, False, [], {}, 0.0])
def test_empty_values_are_false(value: object) -> None:
    assert not truthy(value)


@pytest.mark.parametrize("value", ["0.0", "00", " ", "false", 1, -1, [0], {"a": None}, True])
def test_all_others_are_true(value: object) -> None:
    assert truthy(value)


@pytest.mark.parametrize(
    ("left", "right", "total"),
    [
        (1000, 500, 1500),
        ("1000", "500", 1500),
        ("2.9", 1, 3),
        (2, "2.5", 4.5),
        (2, "1e1", 12),
        (2**63 - 1, 1, float(2**63)),
    ],
)
def test_a_sum_casts_only_its_left_side(left: object, right: object, total: float) -> None:
    assert add_numbers(left, right) == total


def test_a_whole_sum_is_an_int_as_json_shows_it() -> None:
    assert isinstance(add_numbers(2, "1e1"), int)


def test_digits_beyond_64_bits_are_floats() -> None:
    assert to_number("9223372036854775808") == float(2**63)
    assert isinstance(to_number("9223372036854775808"), float)


def test_lists_are_maps_numbered_from_zero() -> None:
    assert as_map(["a", "b"]) == {"0": "a", "1": "b"}
    assert as_map([]) == {}
    assert as_map("text") == {}
