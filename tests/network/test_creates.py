"""What is created on a network, and how values are written."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

import pytest

from bridge.errors import InvalidInput
from bridge.network.entities import Entity
from bridge.network.faults import (
    AnswerLost,
    NotCreated,
    WriteNotStored,
)
from bridge.network.writes import encode
from tests.network.test_writes import (
    Connect,
    Serve,
    schema,
)

from .hostile import answer, reset


class TestCreate:
    PAYMENT: ClassVar = {"customer_id": 1, "gateway_payment_id": "pi_1", "total": Decimal("29.99")}
    STORED: ClassVar = {"id": "21", "model": "payment", "currency": "USD", **encode(PAYMENT)}

    def test_the_row_is_read_back(self, serve: Serve, connect: Connect) -> None:
        server = serve(answer({"id": 21}), answer(self.STORED))
        row = connect(server).create(Entity.PAYMENT, self.PAYMENT)
        assert row.id == 21
        assert server.methods == ["POST", "GET"]

    def test_a_lost_answer_is_never_repeated_blindly(self, serve: Serve, connect: Connect) -> None:
        server = serve(reset())
        with pytest.raises(AnswerLost, match="may or may not have created the payment"):
            connect(server).create(Entity.PAYMENT, self.PAYMENT)
        assert server.methods == ["POST"]

    def test_after_a_lost_answer_the_row_is_looked_for(
        self, serve: Serve, connect: Connect
    ) -> None:
        server = serve(answer([]), reset(), answer([self.STORED]))
        row = connect(server).create(Entity.PAYMENT, self.PAYMENT, once_by=("gateway_payment_id",))
        assert row.id == 21
        assert server.methods == ["GET", "POST", "GET"]
        assert "gateway_payment_id=pi_1" in server.requests[2].target

    def test_a_row_that_is_there_is_not_made_again(self, serve: Serve, connect: Connect) -> None:
        server = serve(answer([self.STORED]))
        row = connect(server).create(Entity.PAYMENT, self.PAYMENT, once_by=("gateway_payment_id",))
        assert row.id == 21
        assert server.methods == ["GET"]

    def test_an_id_of_nothing_is_nothing(self, serve: Serve, connect: Connect) -> None:
        """A discount code without description: 200, id 0, and nothing stored."""
        server = serve(answer({"id": 0}))
        with pytest.raises(NotCreated):
            connect(server).create(Entity.DISCOUNT_CODE, {"code": "X"})

    def test_a_dropped_field_is_named(self, serve: Serve, connect: Connect) -> None:
        stored = {**self.STORED, "gateway_payment_id": ""}
        server = serve(answer({"id": 21}), answer(stored))
        with pytest.raises(WriteNotStored, match="payment 21 shows gateway_payment_id"):
            connect(server).create(Entity.PAYMENT, self.PAYMENT)

    def test_required_fields_stand_in_the_query_of_a_plain_body(
        self, serve: Serve, connect: Connect
    ) -> None:
        published = schema(
            customer_id={"type": "integer", "required": True},
            plan_id={"type": "integer", "required": True},
            status={"type": "string", "enum": ["pending"]},
        )
        fields = {"customer_id": 1, "plan_id": 9, "status": "active"}
        stored = {"id": "8", "model": "membership", **fields}
        options = answer({"endpoints": [published]})
        server = serve(options, answer({"id": 8}), answer(stored))
        connect(server).create(Entity.MEMBERSHIP, fields)
        post = server.requests[1]
        assert post.target.endswith("/membership?customer_id=1&plan_id=9")
        assert post.headers["content-type"] == "text/plain"
        assert post.json == fields


class Status(StrEnum):
    ACTIVE = "active"


class TestEncoding:
    def test_values_have_the_network_s_form(self) -> None:
        encoded = encode(
            {
                "meta": {"a": ()},
                "amount": Decimal("29.9900"),
                "setup_fee": Decimal("30.00"),
                "status": Status.ACTIVE,
                "date_expiration": datetime.fromisoformat("2027-01-31T23:59:59+01:00"),
                "date_trial_end": None,
                "addon_products": {1: 2},
            }
        )
        assert json.dumps(encoded, sort_keys=False) == json.dumps(
            {
                "amount": 29.99,
                "setup_fee": 30,
                "status": "active",
                "date_expiration": "2027-01-31 22:59:59",
                "date_trial_end": "",
                "addon_products": {"1": 2},
                "meta": {"a": []},
            }
        )

    @pytest.mark.parametrize(
        "fields",
        [{"id": 5}, {"date_expiration": datetime(2027, 1, 1)}, {"plan_id": object()}],
    )
    def test_what_a_network_cannot_take_is_refused_here(self, fields: dict[str, object]) -> None:
        with pytest.raises(InvalidInput):
            encode(fields)
