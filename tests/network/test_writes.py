"""A write is believed only when it has been read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.faults import (
    BrokenAnswer,
    ConnectionLost,
    Fault,
    HtmlInstead,
    Maintenance,
    RateLimited,
    Refused,
    ServerFault,
    TimedOut,
    WriteNotStored,
)
from bridge.network.rows import MembershipRow, parse_row
from bridge.network.writes import encode

from .hostile import Request, Server, Step, answer, error, reset, silence

Serve = Callable[..., Server]
Connect = Callable[..., NetworkClient]

CODE_2 = error("wu_rest_membership", 500, "Something went wrong (Code 2).")
HTML = answer(b"<html><body>x</body></html>", content_type="text/html")
CRASH = answer(b"<html><body>critical error</body></html>", 500, content_type="text/html")


class Network:
    """Memberships in memory; each write is answered, and stored or not, as the test says."""

    def __init__(self, *fates: tuple[Step | None, bool], schema: object = None) -> None:
        self.fates = list(fates)
        self.row: dict[str, Any] = {
            "id": "8",
            "model": "membership",
            "currency": "USD",
            "amount": 10,
            "status": "pending",
            "plan_id": 9,
            "date_expiration": None,
            "addon_products": [],
        }
        self.schema = schema

    def __call__(self, request: Request) -> Step:
        if request.method == "OPTIONS":
            return HTML if self.schema is None else answer({"endpoints": [self.schema]})
        if request.method == "GET":
            return answer(self.row)
        step, stored = self.fates.pop(0) if self.fates else (None, True)
        if stored:
            fields = {k: v for k, v in request.json.items() if k != "meta"}
            self.row = {**self.row, **fields}
        return step or answer({**self.row, **request.json})


def schema(**fields: object) -> dict[str, object]:
    return {"methods": ["POST"], "args": fields}


class TestDoubt:
    """What an answer leaves open is settled by looking."""

    @pytest.mark.parametrize("step", [silence, reset(), CODE_2, CRASH, HTML, answer(b"")])
    def test_stored_all_the_same(
        self, step: Step, serve: Serve, connect: Connect, naps: list[float]
    ) -> None:
        server = serve(script=Network((step, True)))
        row = connect(server).update(Entity.MEMBERSHIP, 8, {"plan_id": 10})
        assert isinstance(row, MembershipRow)
        assert row.plan_id == 10
        assert server.methods == ["PUT", "GET"]
        assert naps == []

    @pytest.mark.parametrize("step", [silence, reset(), CODE_2, answer(b"")])
    def test_not_stored_is_repeated_once_in_the_next_second(
        self, step: Step, serve: Serve, connect: Connect, naps: list[float]
    ) -> None:
        server = serve(script=Network((step, False)))
        row = connect(server).update(Entity.MEMBERSHIP, 8, {"plan_id": 10})
        assert isinstance(row, MembershipRow)
        assert row.plan_id == 10
        assert server.methods == ["PUT", "GET", "PUT", "GET"]
        assert len(naps) == 1
        assert naps[0] > 1

    @pytest.mark.parametrize(
        ("step", "kind"),
        [
            (silence, TimedOut),
            (reset(), ConnectionLost),
            (answer(b""), BrokenAnswer),
            (CODE_2, WriteNotStored),
        ],
    )
    def test_never_stored_is_an_error(
        self, step: Step, kind: type[Fault], serve: Serve, connect: Connect
    ) -> None:
        server = serve(script=Network((step, False), (step, False)))
        with pytest.raises(kind):
            connect(server).update(Entity.MEMBERSHIP, 8, {"plan_id": 10})
        assert server.methods == ["PUT", "GET", "PUT", "GET"]

    @pytest.mark.parametrize(
        ("step", "kind"),
        [
            (CRASH, ServerFault),
            (HTML, HtmlInstead),
            (answer(b"x", 503, headers={"Retry-After": "9"}), Maintenance),
        ],
    )
    def test_a_crash_is_looked_at_but_not_repeated(
        self, step: Step, kind: type[Fault], serve: Serve, connect: Connect
    ) -> None:
        server = serve(script=Network((step, False)))
        with pytest.raises(kind):
            connect(server).update(Entity.MEMBERSHIP, 8, {"plan_id": 10})
        assert server.methods == ["PUT", "GET"]

    @pytest.mark.parametrize(
        ("step", "kind"),
        [(error("plan_id", 500), Refused), (answer(b"", 429), RateLimited)],
    )
    def test_a_plain_no_is_believed(
        self, step: Step, kind: type[Fault], serve: Serve, connect: Connect
    ) -> None:
        server = serve(script=Network((step, False)))
        with pytest.raises(kind):
            connect(server).update(Entity.MEMBERSHIP, 8, {"plan_id": 10})
        assert server.methods == ["PUT"]

    def test_json_behind_a_warning_is_not_believed_of_a_write(
        self, serve: Serve, connect: Connect
    ) -> None:
        noisy = answer(b"<br />Warning: x in y<br />" + json.dumps({"id": 8}).encode())
        server = serve(script=Network((noisy, False), (noisy, False)))
        with pytest.raises(BrokenAnswer):
            connect(server).update(Entity.MEMBERSHIP, 8, {"plan_id": 10})

    def test_what_cannot_be_read_back_stays_open(self, serve: Serve, connect: Connect) -> None:
        server = serve(reset(), CRASH)
        with pytest.raises(ConnectionLost) as caught:
            connect(server).update(Entity.MEMBERSHIP, 8, {"plan_id": 10})
        assert caught.value.leaves_write_open
        assert isinstance(caught.value.__cause__, ServerFault)


class TestLimits:
    """Limits are never shown, so reading back cannot prove them."""

    ROW: ClassVar = {"disk_space": {"enabled": True, "limit": 5}}

    def test_the_whole_row_is_sent(self, serve: Serve, connect: Connect) -> None:
        server = serve(script=Network())
        connect(server).write_limits(Entity.MEMBERSHIP, 8, self.ROW)
        assert server.requests[0].json == {"meta": {"wu_limitations": self.ROW}}

    def test_an_empty_row_is_sent_as_the_plugin_knows_it(
        self, serve: Serve, connect: Connect
    ) -> None:
        server = serve(script=Network())
        connect(server).write_limits(Entity.MEMBERSHIP, 8, {})
        assert server.requests[0].json == {"meta": {"wu_limitations": []}}

    def test_code_2_means_written(self, serve: Serve, connect: Connect) -> None:
        server = serve(script=Network((CODE_2, True)))
        connect(server).write_limits(Entity.MEMBERSHIP, 8, self.ROW)
        assert server.methods == ["PUT", "GET"]

    def test_a_lost_answer_is_repeated(self, serve: Serve, connect: Connect) -> None:
        server = serve(script=Network((reset(), True)))
        connect(server).write_limits(Entity.MEMBERSHIP, 8, self.ROW)
        assert server.methods == ["PUT", "GET", "PUT", "GET"]

    def test_two_lost_answers_are_an_error(self, serve: Serve, connect: Connect) -> None:
        server = serve(script=Network((reset(), True), (reset(), True)))
        with pytest.raises(ConnectionLost):
            connect(server).write_limits(Entity.MEMBERSHIP, 8, self.ROW)


class TestContentType:
    """JSON, unless the network's schema would refuse wrongly."""

    WRONG_ENUM = schema(status={"type": "string", "enum": ["pending", "completed", "cancelled"]})
    RIGHT_ENUM = schema(status={"type": "string", "enum": {"A": "active", "B": "pending"}})
    INTEGER = schema(amount={"type": "integer"}, duration_unit={"enum": ["day"]})
    NUMBER = schema(amount={"type": "number"})

    @pytest.mark.parametrize(
        ("published", "fields", "content_type"),
        [
            (WRONG_ENUM, {"status": "active"}, "text/plain"),
            (WRONG_ENUM, {"status": "cancelled"}, "application/json"),
            (RIGHT_ENUM, {"status": "active"}, "application/json"),
            (INTEGER, {"amount": Decimal("29.99")}, "text/plain"),
            (INTEGER, {"amount": Decimal("30.00")}, "application/json"),
            (NUMBER, {"amount": Decimal("29.99")}, "application/json"),
            # refused rightly along with wrongly: let the network say so
            (INTEGER, {"amount": Decimal("1.5"), "duration_unit": "fortnight"}, "application/json"),
            (None, {"status": "active"}, "text/plain"),
            (None, {"plan_id": 10}, "application/json"),
            (schema(), {"status": "active"}, "application/json"),
        ],
    )
    def test_it_follows_the_schema(
        self,
        published: object,
        fields: dict[str, object],
        content_type: str,
        serve: Serve,
        connect: Connect,
    ) -> None:
        server = serve(script=Network(schema=published))
        connect(server).update(Entity.MEMBERSHIP, 8, fields)
        [put] = [each for each in server.requests if each.method == "PUT"]
        assert put.headers["content-type"] == content_type

    def test_the_caller_may_ask_for_plain(self, serve: Serve, connect: Connect) -> None:
        server = serve(script=Network())
        connect(server).update(Entity.MEMBERSHIP, 8, {"plan_id": 10}, plain=True)
        assert server.requests[0].headers["content-type"] == "text/plain"

    def test_the_schema_is_asked_for_once_and_only_where_it_matters(
        self, serve: Serve, connect: Connect
    ) -> None:
        server = serve(script=Network(schema=self.NUMBER))
        client = connect(server)
        client.update(Entity.MEMBERSHIP, 8, {"plan_id": 10})
        assert "OPTIONS" not in {each.method for each in server.requests}
        client.update(Entity.MEMBERSHIP, 8, {"amount": 1})
        client.update(Entity.MEMBERSHIP, 8, {"amount": 2})
        assert [each.method for each in server.requests].count("OPTIONS") == 1


class TestComparison:
    """Asked and stored are compared by meaning."""

    @pytest.mark.parametrize(
        ("asked", "stored"),
        [
            ({"amount": Decimal("29.99")}, {"amount": "29.9900"}),
            ({"amount": Decimal("29.99999")}, {"amount": 30}),
            ({"addon_products": {}}, {"addon_products": []}),
            ({"addon_products": {1: 2}}, {"addon_products": {"1": "2"}}),
            ({"auto_renew": True}, {"auto_renew": "1"}),
            ({"recurring": False}, {"recurring": ""}),
            ({"times_billed": 3}, {"times_billed": "3"}),
            ({"date_expiration": None}, {"date_expiration": "0000-00-00 00:00:00"}),
            ({"date_expiration": None}, {"date_expiration": None}),
            (
                {"date_expiration": datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)},
                {"date_expiration": "2027-01-31 23:59:59"},
            ),
            ({"gateway": ""}, {"gateway": False}),
            ({"discount_code": "X"}, {"discount_code": None}),  # not shown before the head
            ({"network_id": 3}, {"network_id": "3"}),  # no field of ours
            ({"meta": {"a": 1}, "skip_validation": True}, {}),
        ],
    )
    def test_the_same(self, asked: dict[str, object], stored: dict[str, object]) -> None:
        raw = {"id": 8, "model": "membership", **stored}
        row = parse_row(Entity.MEMBERSHIP, raw)
        assert list(row.differences(encode(asked), raw)) == []

    @pytest.mark.parametrize(
        ("asked", "stored"),
        [
            ({"amount": Decimal("29.99")}, {"amount": 30}),
            ({"addon_products": {1: 2}}, {"addon_products": []}),
            ({"auto_renew": True}, {"auto_renew": "0"}),
            ({"date_expiration": "tomorrow-ish"}, {"date_expiration": "1970-01-01 00:00:00"}),
            ({"date_expiration": "2027-01-01 00:00:00"}, {"date_expiration": None}),
            ({"status": "active"}, {"status": "pending"}),
            ({"network_id": 3}, {"network_id": "4"}),
        ],
    )
    def test_different(self, asked: dict[str, object], stored: dict[str, object]) -> None:
        raw = {"id": 8, "model": "membership", **stored}
        row = parse_row(Entity.MEMBERSHIP, raw)
        [(name, _, _)] = row.differences(encode(asked), raw)
        assert [name] == list(asked)

    def test_every_difference_is_named(self, serve: Serve, connect: Connect) -> None:
        server = serve(script=Network((None, False)))
        fields = {"plan_id": 10, "times_billed": 0, "status": "active"}
        with pytest.raises(WriteNotStored) as caught:
            connect(server).update(Entity.MEMBERSHIP, 8, fields)
        sentence = str(caught.value)
        assert "plan_id 9, not 10" in sentence
        assert "status 'pending', not 'active'" in sentence
        assert "times_billed" not in sentence
