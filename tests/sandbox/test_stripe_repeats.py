"""Repeated requests and faults of the Stripe stand-in."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
import stripe

from bridge.sandbox.stripe_faults import (
    dropped,
    latency,
    lock_timeout,
    rate_limited,
    server_error,
)
from tests.sandbox.stripe_scene import ACACIA, Scene, refused
from tests.sandbox.test_stripe_api import (
    quick_retries,
)

__all__ = ["quick_retries"]


class TestIdempotency:
    def test_the_same_request_is_done_once(self, scene: Scene) -> None:
        options = {"idempotency_key": "change-1"}
        first = scene.v1.customers.create({"name": "Ann"}, options=options)
        again = scene.v1.customers.create({"name": "Ann"}, options=options)
        assert again.id == first.id
        assert len(scene.v1.customers.list().data) == 1
        assert again.last_response.headers["idempotent-replayed"] == "true"
        assert [each.replayed for each in scene.stripe.requests.writes()] == [False, True]

    def test_the_answer_is_that_of_then(self, scene: Scene) -> None:
        """A replay shows the object as it was, not as it is."""
        options = {"idempotency_key": "change-1"}
        first = scene.v1.customers.create({"name": "Ann"}, options=options)
        scene.v1.customers.update(first.id, {"name": "Bea"})
        assert scene.v1.customers.create({"name": "Ann"}, options=options).name == "Ann"

    def test_other_parameters_are_an_error(self, scene: Scene) -> None:
        options = {"idempotency_key": "change-1"}
        scene.v1.customers.create({"name": "Ann"}, options=options)
        error = refused(lambda: scene.v1.customers.create({"name": "Bea"}, options=options))
        assert isinstance(error, stripe.IdempotencyError)
        assert error.http_status == 400

    def test_another_address_is_an_error(self, scene: Scene) -> None:
        options = {"idempotency_key": "change-1"}
        scene.v1.customers.create({"name": "Ann"}, options=options)
        refused(lambda: scene.v1.products.create({"name": "Ann"}, options=options))
        assert scene.v1.products.list().data == []

    def test_a_declined_card_is_remembered(self, scene: Scene) -> None:
        """A card error is a result: repeating it does not charge again."""
        params = {
            "amount": 500,
            "currency": "usd",
            "payment_method": "pm_card_chargeDeclined",
            "confirm": True,
            "payment_method_types": ["card"],
        }
        options = {"idempotency_key": "change-1"}
        first = refused(lambda: scene.v1.payment_intents.create(params, options=options))
        again = refused(lambda: scene.v1.payment_intents.create(params, options=options))
        assert first.error.payment_intent.id == again.error.payment_intent.id
        assert scene.types().count("charge.failed") == 1

    def test_what_was_refused_before_it_began_is_not_remembered(self, scene: Scene) -> None:
        options = {"idempotency_key": "change-1"}
        refused(lambda: scene.v1.customers.create({"nmae": "Ann"}, options=options))
        assert scene.v1.customers.create({"name": "Ann"}, options=options).name == "Ann"

    def test_a_key_is_forgotten_after_a_day(self, scene: Scene) -> None:
        options = {"idempotency_key": "change-1"}
        first = scene.v1.customers.create({}, options=options)
        scene.clock.advance(timedelta(hours=25))
        assert scene.v1.customers.create({}, options=options).id != first.id

    def test_two_at_once_with_one_key(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        """The second is told that the first is still at it, and to come again."""
        begun, may_end = threading.Event(), threading.Event()

        def wait(seconds: float) -> None:
            if seconds:
                begun.set()
                assert may_end.wait(10)

        def send() -> int:
            headers = {"Idempotency-Key": "change-1"}
            return scene.raw("POST", "/v1/customers", data={}, headers=headers).status_code

        monkeypatch.setattr(scene.stripe._api, "_sleep", wait)
        scene.stripe.faults.add(latency(1))
        slow: list[int] = []
        first = threading.Thread(target=lambda: slow.append(send()))
        first.start()
        assert begun.wait(10)
        assert send() == 409
        may_end.set()
        first.join()
        assert slow == [200]
        assert send() == 200
        assert len(scene.v1.customers.list().data) == 1

    def test_events_name_the_request_and_its_key(self, scene: Scene) -> None:
        scene.v1.customers.create({}, options={"idempotency_key": "change-1"})
        event = scene.stripe.events("customer.created")[0]
        assert event["request"]["idempotency_key"] == "change-1"
        assert event["request"]["id"] == scene.stripe.requests[0].request_id


class TestFaults:
    def test_a_connection_that_breaks_before_anything_is_done(self, scene: Scene) -> None:
        scene.stripe.faults.add(dropped("before"), method="POST")
        refused(lambda: scene.v1.customers.create({}))
        assert scene.v1.customers.list().data == []

    def test_a_connection_that_breaks_after_the_effect_does_not_double_it(
        self, scene: Scene
    ) -> None:
        """The client repeats with the same key and gets the answer that was lost."""
        scene.stripe.faults.add(dropped("after"), method="POST", path="/v1/customers")
        client = scene.client_of(ACACIA, retries=2)
        made = client.v1.customers.create({"name": "Ann"})
        assert [each.id for each in scene.v1.customers.list().data] == [made.id]
        assert [each.status for each in scene.stripe.requests.writes()] == [None, 200]

    def test_a_server_error_is_repeated_by_the_client(self, scene: Scene) -> None:
        scene.stripe.faults.add(server_error(503), times=2)
        client = scene.client_of(ACACIA, retries=2)
        assert client.v1.customers.create({"name": "Ann"}).name == "Ann"
        assert [each.status for each in scene.stripe.requests] == [503, 503, 200]

    def test_an_error_500_stays_with_its_key(self, scene: Scene) -> None:
        """As Stripe documents it: the same key gives the same 500, another key works."""
        scene.stripe.faults.add(server_error(remembered=True))
        options = {"idempotency_key": "change-1"}
        for _ in range(2):
            error = refused(lambda: scene.v1.customers.create({}, options=options))
            assert (type(error), error.http_status) == (stripe.APIError, 500)
        assert scene.v1.customers.create({}).id

    def test_should_retry_false_is_obeyed(self, scene: Scene) -> None:
        scene.stripe.faults.add(server_error(should_retry=False))
        client = scene.client_of(ACACIA, retries=2)
        refused(lambda: client.v1.customers.create({}))
        assert len(scene.stripe.requests) == 1

    def test_too_many_requests(self, scene: Scene) -> None:
        scene.stripe.faults.add(rate_limited(retry_after=3))
        error = refused(scene.v1.customers.list)
        assert isinstance(error, stripe.RateLimitError)
        assert (error.http_status, error.headers["retry-after"]) == (429, "3")

    def test_a_lock_is_waited_for(self, scene: Scene) -> None:
        scene.stripe.faults.add(lock_timeout())
        client = scene.client_of(ACACIA, retries=1)
        assert client.v1.customers.list().data == []

    def test_so_many_in_a_second(self, scene: Scene) -> None:
        scene.stripe.faults.limit(per_second=2)
        scene.v1.customers.list()
        scene.v1.customers.list()
        assert isinstance(refused(scene.v1.customers.list), stripe.RateLimitError)
        scene.clock.advance(timedelta(seconds=1))
        scene.v1.customers.list()

    def test_latency(self, scene: Scene) -> None:
        scene.stripe.faults.add(latency(0.2), path="/v1/customers")
        began = time.monotonic()
        scene.v1.customers.list()
        assert time.monotonic() - began >= 0.2

    def test_only_where_it_was_planned(self, scene: Scene) -> None:
        scene.stripe.faults.add(server_error(), method="POST", path="/v1/prod*", skip=1)
        scene.v1.customers.create({})
        scene.v1.products.create({"name": "a"})
        refused(lambda: scene.v1.products.create({"name": "b"}))
        scene.v1.products.create({"name": "c"})
        assert [each.faulty for each in scene.stripe.requests] == [False, False, True, False]

    def test_the_journal_has_no_key(self, scene: Scene) -> None:
        scene.v1.customers.create({"name": "Ann"})
        assert scene.stripe.api_key not in repr(list(scene.stripe.requests))
        assert scene.stripe.requests[0].params == {"name": "Ann"}
