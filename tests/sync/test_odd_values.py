"""Rows with values that no database keeps: named or made harmless, and never a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from bridge.network.entities import Entity
from bridge.network.faults import BrokenAnswer
from bridge.sandbox.faults import Fault
from bridge.sandbox.wire import Answer, Request
from bridge.store.tables import SiteRecord
from tests.sync.conftest import Lab

Open = Callable[..., Lab]
WARNING = b"<br />\n<b>Warning</b>:  Undefined array key 1 in <b>/srv/a.php</b> on line <b>9</b>"


def nested(levels: int) -> Any:
    return json.loads('{"a":' * levels + "1" + "}" * levels)


def showing(entity: str, row_id: int, **fields: Any) -> Callable[[Request], Fault | None]:
    """One row of an entity with other fields than the network has."""

    def changed(row: Any) -> Any:
        if not isinstance(row, dict) or str(row.get("blog_id") or row.get("id")) != str(row_id):
            return row
        return {**row, **fields}

    def alter(answer: Answer) -> Answer:
        shown = json.loads(answer.content)
        rows = [changed(row) for row in shown] if isinstance(shown, list) else changed(shown)
        return replace(answer, content=json.dumps(rows).encode())

    fault = Fault(answered=alter)
    return lambda request: fault if f"/wu/v2/{entity}" in request.path else None


def body(alter: Callable[[bytes], bytes]) -> Callable[[Request], Fault | None]:
    fault = Fault(answered=lambda answer: replace(answer, content=alter(answer.content)))
    return lambda request: fault if request.method == "GET" else None


@pytest.mark.parametrize(
    ("entity", "fields", "sentence"),
    [
        ("membership", {"times_billed": 2**40}, "membership 5 with times_billed = 1099511627776"),
        ("membership", {"customer_id": 2**40}, "with customer_id = "),
        ("membership", {"amount": "999999999999999999"}, "with amount = "),
        ("membership", {"date_expiration": "9999-12-31T23:59:59-14:00"}, "with date_expiration = "),
        ("membership", {"unheard_of": nested(300)}, "with unheard_of = JSON in hundreds of levels"),
        ("site", {"limitations": {"visits": nested(300)}}, "site 5 with limitations = JSON in"),
        ("site", {"limitations": "abc"}, "site 5 with limitations = 'abc'"),
        ("site", {"title": [1]}, "site 5 with title = [1]"),
        ("product", {"price_variations": [{"duration": "x"}]}, "product 5 with price_variations"),
    ],
)
def test_a_row_that_cannot_be_kept_is_named(
    engine: Engine, open_lab: Open, entity: str, fields: dict[str, Any], sentence: str
) -> None:
    """By the network's name, its own, and the field; everything else is taken, and when it is
    corrected nothing is missing.
    """
    lab = open_lab(engine)
    lab.sandbox.faults = showing(entity, 5, **fields)
    result = lab.sync()
    assert result.faults == ()
    (told,) = result.of(entity).unreadable
    assert sentence in told
    assert "The network lab shows" in told
    lab.sandbox.faults = lambda _request: None
    assert lab.sync().complete
    lab.assert_equal()


@pytest.mark.parametrize(
    ("entity", "fields"),
    [
        ("membership", {"compiled_product_list": [None, 1, [], {"product": None}]}),
        ("membership", {"unheard\x00of": "a\x00b", "status": "acti\x00ve"}),
        ("site", {"limitations": {"visits": {"enabled": True, "limit": "\x00"}}}),
        ("site", {"limitations": False}),
    ],
)
def test_what_can_be_kept_is_taken(
    engine: Engine, open_lab: Open, entity: str, fields: dict[str, Any]
) -> None:
    """Odd as it is."""
    lab = open_lab(engine)
    lab.sandbox.faults = showing(entity, 5, **fields)
    assert lab.sync().complete
    lab.assert_equal()


def test_a_character_that_is_none_is_left_out(engine: Engine, open_lab: Open) -> None:
    """PostgreSQL keeps no NUL in a text."""
    lab = open_lab(engine)
    lab.sandbox.faults = showing("site", 5, title="a\x00b")
    assert lab.sync().complete
    with lab.session() as session:
        assert session.get_one(SiteRecord, (lab.id, 5)).title == "ab"


@pytest.mark.parametrize(
    "alter",
    [
        lambda shown: shown.replace(b'"title":"', b'"title":"\\ud800'),
        lambda shown: WARNING + shown.replace(b'"title":"', b'"title":"\\udc00'),
        lambda shown: WARNING + shown.replace(b'"blog_id"', b'"big":' + b"9" * 30 + b',"blog_id"'),
    ],
    ids=["half a character", "and a warning", "a number without end"],
)
def test_what_only_a_lenient_reader_takes(
    engine: Engine, open_lab: Open, alter: Callable[[bytes], bytes]
) -> None:
    """It is made of what can be kept."""
    lab = open_lab(engine)
    lab.sandbox.faults = body(alter)
    assert lab.sync().complete
    lab.assert_equal()


def test_no_number_is_no_json(sqlite_engine: Engine, open_lab: Open) -> None:
    """Behind a warning, too."""
    lab = open_lab(sqlite_engine)
    lab.sandbox.faults = body(
        lambda shown: WARNING + shown.replace(b'"title":', b'"x":NaN,"title":')
    )
    with pytest.raises(BrokenAnswer, match="cut off or damaged"):
        lab.client.get(Entity.SITE, 5)
