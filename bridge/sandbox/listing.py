"""Listings: filters, order and pages as the plugin's query layer takes them.

Unknown parameters are ignored without a word, so a misspelt filter returns everything
(domain/entities.md §1.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bridge.sandbox.forms import Json, integer, text, truthy
from bridge.sandbox.models import Model
from bridge.sandbox.network_state import NetworkState, Row
from bridge.sandbox.views import read
from bridge.sandbox.wire import Answer, fatal, json_answer

DEFAULT_NUMBER = 100
DEFAULT_PER_PAGE = 10

_SITE_FILTERS = ("type", "customer_id", "membership_id", "template_id")
_OWN_PARAMETERS = frozenset(
    "number offset orderby order fields count search page per_page groupby".split()
)

Test = Callable[[Row], bool]


def list_rows(state: NetworkState, model: Model, query: Mapping[str, Json]) -> Answer:
    """The answer to ``GET /<model>``; parameters were validated before."""
    tests = _tests(state, model, query)
    found = [row for row in state.rows(model.name) if all(test(row) for test in tests)]
    _sort(found, model, query)
    total = len(found)
    number, offset = _window(state, query)
    if truthy(query.get("count")):
        body: Json = total
    else:
        page = found[offset : offset + number]
        if query.get("fields") == "ids":
            body = [str(row[model.id_column]) for row in page]
            total = 1
        elif "_fields" in query:
            # Core filters rows as arrays; the plugin gives it objects.
            raise fatal()
        else:
            body = [read(state, model, row) for row in page]
    if not state.release.pages:
        return json_answer(body)
    pages = -(-total // number)
    return json_answer(body, headers={"x-wp-total": str(total), "x-wp-totalpages": str(pages)})


def _window(state: NetworkState, query: Mapping[str, Json]) -> tuple[int, int]:
    """How many rows, from which one on."""
    if state.release.pages:
        number = integer(query.get("per_page", DEFAULT_PER_PAGE))
        return number, (integer(query.get("page", 1)) - 1) * number
    number = integer(query.get("number", DEFAULT_NUMBER))
    number = min(number, DEFAULT_NUMBER) if number > 0 else DEFAULT_NUMBER
    return number, max(integer(query.get("offset", 0)), 0)


def _sort(rows: list[Row], model: Model, query: Mapping[str, Json]) -> None:
    column = text(query.get("orderby", ""))
    if column not in {each.name for each in model.fields if not each.in_meta and not each.fixed}:
        column = model.id_column
    descending = text(query.get("order", "DESC")).upper() != "ASC"
    rows.sort(key=lambda row: _orderable(row[column]), reverse=descending)


def _orderable(value: Json) -> tuple[int, float, str]:
    """Nulls first, then numbers, then text."""
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, int | float):
        return (1, float(value), "")
    return (2, 0.0, text(value))


def _tests(state: NetworkState, model: Model, query: Mapping[str, Json]) -> list[Test]:
    tests = [
        test
        for name, value in query.items()
        if name not in _OWN_PARAMETERS
        and (test := _column_test(state, model, name, value)) is not None
    ]
    if needle := text(query.get("search", "")).lower():
        tests.append(
            lambda row: any(needle in text(row[column]).lower() for column in model.searched)
        )
    tests += _date_tests(query.get("date_query"))
    tests += _meta_tests(state, model, query.get("meta_query"))
    return tests


def _column_test(state: NetworkState, model: Model, name: str, value: Json) -> Test | None:
    column, negated = name.removesuffix("__in"), False
    if name.endswith("__not_in"):
        column, negated = name.removesuffix("__not_in"), True
    if not _filterable(state, model, column):
        return None
    if column != name and not isinstance(value, list | dict):
        return None
    given = list(value.values()) if isinstance(value, dict) else value
    wanted = {text(each) for each in (given if isinstance(given, list) else [given])}
    return lambda row: (_as_filtered(row[column]) in wanted) is not negated


def _filterable(state: NetworkState, model: Model, column: str) -> bool:
    if model.name == "site" and column in _SITE_FILTERS:
        return state.release.filters_sites
    return any(
        each.name == column and not each.in_meta and not each.fixed
        for each in model.fields_of(state.release)
    )


def _as_filtered(value: Json) -> str:
    return text(int(value) if isinstance(value, bool) else value)


def _date_tests(date_query: Json) -> list[Test]:
    if not date_query:
        return []
    if isinstance(date_query, dict) and "column" in date_query:
        date_query = [date_query]
    clauses = date_query if isinstance(date_query, list) else list(date_query.values())
    return [_date_test(clause) for clause in clauses if isinstance(clause, dict)]


def _date_test(clause: Mapping[str, Json]) -> Test:
    column = text(clause.get("column", "date_created"))
    after, before = _bound(clause.get("after")), _bound(clause.get("before"))
    inclusive = truthy(clause.get("inclusive"))

    def test(row: Row) -> bool:
        value = row.get(column)
        if not value:
            return False
        if after and not (value > after or (inclusive and value == after)):
            return False
        return not before or value < before or (inclusive and bool(value == before))

    return test


def _bound(value: Json) -> str:
    """A bound of a date query as the database writes times; dates alone start at midnight."""
    if not value:
        return ""
    try:
        moment = datetime.fromisoformat(text(value))
    except ValueError:
        return ""
    if moment.tzinfo:
        moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _meta_tests(state: NetworkState, model: Model, meta_query: Json) -> list[Test]:
    clauses = meta_query.values() if isinstance(meta_query, dict) else meta_query or []
    return [
        _meta_test(state, model, text(clause.get("key")), text(clause.get("value")))
        for clause in clauses
        if isinstance(clause, dict)
    ]


def _meta_test(state: NetworkState, model: Model, key: str, wanted: str) -> Test:
    column = model.meta_columns.get(key)
    if column:
        return lambda row: _as_filtered(row[column]) == wanted
    return lambda row: text(state.meta(model.name, row[model.id_column]).get(key)) == wanted
