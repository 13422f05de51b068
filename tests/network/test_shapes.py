"""One value in all its shapes is one value; nonsense is never a value."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.network import shapes
from bridge.network.entities import Entity
from bridge.network.faults import UnreadableRow
from bridge.network.rows import ROWS, parse_row


def read(declared: Any, value: object, currency: str = "USD") -> object:
    shape = next(note for note in declared.__metadata__ if isinstance(note, shapes.Shape))
    return shape.read(value, currency)


MOMENT = datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)

GOOD: list[tuple[Any, list[object], object]] = [
    (shapes.Integer, [60, "60", " 60 ", 60.0, "60.0000"], 60),
    (shapes.Integer, [0, "0", "", None, False], 0),
    (shapes.Integer, [1, "1", True], 1),
    (shapes.IntegerIfTold, [None], None),
    (shapes.IntegerIfTold, [False, "", "0", 0], 0),
    (shapes.Boolean, [True, 1, "1", "true", "yes"], True),
    (shapes.Boolean, [False, 0, "0", "", None, "false"], False),
    (shapes.BooleanIfTold, [None], None),
    (shapes.BooleanIfTold, ["0", False, ""], False),
    (shapes.Amount, ["153.0000", 153, 153.0, "153"], 15300),
    (shapes.Amount, [24.5, "24.5", "24.5000"], 2450),
    (shapes.Amount, [None, "", 0, "0.0000", False], 0),
    (shapes.Amount, [-5, "-5.0000"], -500),
    (shapes.Number, ["33.3300", 33.33], Decimal("33.33")),
    (shapes.Text, ["x"], "x"),
    (shapes.Text, [None, False, ""], ""),
    (shapes.Text, [12, "12"], "12"),
    (
        shapes.Moment,
        ["2027-01-31 23:59:59", "2027-01-31T23:59:59Z", "2027-02-01T00:59:59+01:00"],
        MOMENT,
    ),
    (shapes.Moment, [None, "", False, "0000-00-00 00:00:00", "-0001-11-30 00:00:00"], None),
    (shapes.Quantities, [[], {}, None, ""], {}),
    (shapes.Quantities, [{"1": 2}, {"1": "2"}], {1: 2}),
    (shapes.Pairs, [[], {}, None], {}),
    (shapes.PairsIfTold, [None], None),
    (shapes.PairsIfTold, [[]], {}),
    (shapes.IdsIfTold, [[1, 2], "1,2", ["1", "2"], {"0": 1, "3": "2"}], (1, 2)),
    (shapes.IdsIfTold, [None], None),
    (shapes.IdsIfTold, [[], "", False], ()),
    (shapes.Texts, [["a", "b"], "a\nb", {"0": "a", "1": "b"}], ("a", "b")),
]

BAD: list[tuple[Any, list[object]]] = [
    (shapes.Integer, ["abc", "1.5", 1.5, [], {}, "NaN", float("inf"), "1e999999", 10**30, 2**31]),
    (shapes.Boolean, ["perhaps", 2, [], "2"]),
    (shapes.Amount, ["abc", "29,99", [], True, float("nan"), "Infinity", "1e99999", "9" * 16]),
    (shapes.Number, ["abc", [], "1e999999"]),
    (shapes.Text, [[], {}]),
    (shapes.Moment, ["tomorrow-ish", 5, True, [], "2027-02-30 00:00:00", "0000-13-45"]),
    (shapes.Quantities, ["x", 5, {"a": 1}, {"1": "x"}]),
    (shapes.IdsIfTold, [["x"], 5]),
]


@pytest.mark.parametrize(
    ("declared", "value", "meaning"),
    [(declared, value, meaning) for declared, values, meaning in GOOD for value in values],
)
def test_every_shape_of_a_value_is_read(declared: Any, value: object, meaning: object) -> None:
    result = read(declared, value)
    assert result == meaning
    assert type(result) is type(meaning)


@pytest.mark.parametrize(
    ("declared", "value"), [(declared, value) for declared, values in BAD for value in values]
)
def test_nonsense_is_refused(declared: Any, value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - shapes raise nothing narrower
        read(declared, value)


@pytest.mark.parametrize(
    ("currency", "minor"), [("USD", 12350), ("JPY", 124), ("KWD", 123500), ("", 12350)]
)
def test_amounts_follow_the_currency_of_their_row(currency: str, minor: int) -> None:
    raw = {"id": 1, "model": "payment", "currency": currency, "total": "123.5000"}
    assert parse_row(Entity.PAYMENT, raw).total == minor  # type: ignore[attr-defined]


@given(st.integers(-(10**9), 10**9))
def test_an_amount_survives_the_four_decimals_of_the_network(cents: int) -> None:
    major = Decimal(cents) / 100
    assert read(shapes.Amount, f"{major:.4f}") == cents
    assert read(shapes.Amount, float(major)) == cents


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(list(Entity)), st.data())
def test_no_json_makes_a_row_crash(entity: Entity, data: st.DataObject) -> None:
    """Whatever a field holds, the row is read or refused by name."""
    names = [name for name, hint in ROWS[entity].__annotations__.items() if "ClassVar" not in hint]
    name = data.draw(st.sampled_from(names))
    raw = {"id": "8", "blog_id": "8", name: data.draw(JSON)}
    try:
        parsed = parse_row(entity, raw).id
    except UnreadableRow as unreadable:
        parsed = unreadable.fields["id"]
    assert parsed == 8 or name == "blog_id"


def test_every_field_of_every_row_has_a_shape() -> None:
    for kind in ROWS.values():
        parsed = kind.parse({"id": "8", "blog_id": "8"})
        assert parsed.id == 8
        for name in kind.__dataclass_fields__:
            getattr(parsed, name)


def test_declared_types_match_what_is_read() -> None:
    assert get_args(shapes.Amount)[0] is int
