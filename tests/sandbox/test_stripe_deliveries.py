"""Events: signed, listed, repeated, disturbed on demand."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from bridge.sandbox.stripe_clock import ClockMovedBack, SandboxClock
from bridge.sandbox.stripe_deliveries import RETRIES
from bridge.sandbox.stripe_server import NotPossible, SandboxStripe
from tests.sandbox.stripe_scene import DAY, SECRET, START, Listener, Scene, refused


def make(scene: Scene, count: int = 1) -> list[str]:
    """So many ``customer.created`` events; their ids, oldest first."""
    for _ in range(count):
        scene.v1.customers.create({})
    scene.stripe.settle()
    return [event["id"] for event in scene.stripe.events("customer.created")][-count:]


def ids(listener: Listener) -> list[str]:
    return [event["id"] for event in listener.events]


class TestSigned:
    def test_as_stripe_signs(self, scene: Scene) -> None:
        """The official library accepts the header over the raw body, and no other."""
        listener = scene.listen()
        make(scene)
        body, header = listener.bodies[0], listener.headers[0]["stripe-signature"]
        assert stripe.WebhookSignature.verify_header(body.decode(), header, SECRET)
        assert header.startswith(f"t={int(START.timestamp())},v1=")
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(body.decode() + " ", header, SECRET)

    def test_each_endpoint_has_its_secret(self, scene: Scene) -> None:
        listener = Listener(scene.clock)
        made = scene.v1.webhook_endpoints.create(
            {"url": listener.url, "enabled_events": ["customer.created"]}
        )
        assert "secret" not in scene.v1.webhook_endpoints.retrieve(made.id)
        make(scene)
        header = listener.headers[0]["stripe-signature"]
        listener.close()
        assert made.secret.startswith("whsec_")
        assert stripe.WebhookSignature.verify_header(
            listener.bodies[0].decode(), header, made.secret
        )

    def test_at_the_time_of_the_clock(self, scene: Scene) -> None:
        """Also on the way of a long advance: never older than a second when it arrives."""
        listener = scene.listen()
        scene.subscribe(scene.price(2000))
        scene.stripe.advance(100 * DAY)
        for event, at in zip(listener.events, listener.at, strict=True):
            assert event["created"] == int(at.timestamp()), event["type"]


class TestEndpoints:
    def test_only_what_was_asked_for(self, scene: Scene) -> None:
        listener = scene.listen(events=("product.created",))
        make(scene)
        scene.v1.products.create({"name": "Pro"})
        scene.stripe.settle()
        assert listener.types == ["product.created"]

    def test_disabled_and_deleted(self, scene: Scene) -> None:
        listener = scene.listen()
        endpoint = scene.v1.webhook_endpoints.list().data[0]
        seen = scene.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
        assert seen.status == "disabled"
        make(scene)
        assert listener.events == []
        scene.v1.webhook_endpoints.update(endpoint.id, {"disabled": False})
        make(scene)
        assert len(listener.events) == 1
        scene.v1.webhook_endpoints.delete(endpoint.id)
        make(scene)
        assert len(listener.events) == 1

    @pytest.mark.parametrize(
        "wrong",
        [
            {"url": "ftp://x", "enabled_events": ["*"]},
            {"url": "http://x"},
            {"url": "http://x", "enabled_events": ["*"], "api_version": "new"},
        ],
    )
    def test_what_cannot_be(self, scene: Scene, wrong: dict[str, Any]) -> None:
        assert refused(lambda: scene.v1.webhook_endpoints.create(wrong)).http_status == 400

    def test_an_endpoint_that_calls_back(self, scene: Scene) -> None:
        """Whoever fetches from Stripe while he handles an event gets an answer."""
        seen: list[str] = []
        done = threading.Event()

        class Curious(Listener):
            @property
            def status(self) -> int:
                seen.append(scene.v1.customers.list().data[0].id)
                done.set()
                return 200

            @status.setter
            def status(self, _value: int) -> None: ...

        listener = Curious(scene.clock)
        scene.stripe.send_events_to(listener.url)
        made = scene.v1.customers.create({})
        scene.stripe.settle()
        listener.close()
        assert done.is_set()
        assert seen == [made.id]


class TestRepetition:
    def test_until_it_is_taken(self, scene: Scene) -> None:
        listener = scene.listen()
        listener.status = 500
        event = make(scene)[0]
        assert scene.v1.events.retrieve(event).pending_webhooks == 1
        scene.stripe.advance(RETRIES[0])
        assert ids(listener) == [event, event]
        listener.status = 200
        scene.stripe.advance(RETRIES[1])
        assert ids(listener) == [event] * 3
        assert scene.v1.events.retrieve(event).pending_webhooks == 0
        scene.stripe.advance(5 * DAY)
        assert len(listener.events) == 3

    @pytest.mark.parametrize("status", [301, 302, 400, 404, 429, 503])
    def test_only_2xx_is_taken(self, scene: Scene, status: int) -> None:
        listener = scene.listen()
        listener.status = status
        event = make(scene)[0]
        assert scene.v1.events.retrieve(event).pending_webhooks == 1
        assert [each.status for each in scene.stripe.deliveries.attempts] == [status]

    def test_given_up_after_three_days(self, scene: Scene) -> None:
        listener = scene.listen()
        listener.status = 500
        make(scene)
        scene.stripe.advance(10 * DAY)
        assert len(listener.events) == 1 + len(RETRIES)
        last = scene.stripe.deliveries.attempts[-1].at
        assert timedelta(days=2) < last - START <= timedelta(days=3)

    def test_nobody_there(self, scene: Scene) -> None:
        scene.stripe.send_events_to("http://127.0.0.1:9/hook")
        make(scene)
        assert [each.status for each in scene.stripe.deliveries.attempts] == [None]

    def test_each_time_signed_anew(self, scene: Scene) -> None:
        listener = scene.listen()
        listener.status = 500
        make(scene)
        scene.stripe.advance(RETRIES[0])
        headers = [each["stripe-signature"] for each in listener.headers]
        assert headers[0] != headers[1]
        assert listener.bodies[0] == listener.bodies[1]


class TestDisturbances:
    def test_held_and_let_go_in_another_order(self, scene: Scene) -> None:
        listener = scene.listen()
        scene.stripe.deliveries.hold()
        made = make(scene, 20)
        assert listener.events == []
        assert scene.stripe.deliveries.release(order="shuffled", seed=7) == 20
        scene.stripe.settle()
        assert sorted(ids(listener)) == sorted(made)
        assert ids(listener) != made
        later = make(scene, 3)
        assert ids(listener)[-3:] == later

    def test_reversed(self, scene: Scene) -> None:
        listener = scene.listen()
        scene.stripe.deliveries.hold()
        made = make(scene, 3)
        scene.stripe.deliveries.release(order="reversed")
        scene.stripe.settle()
        assert ids(listener) == made[::-1]

    def test_doubled(self, scene: Scene) -> None:
        listener = scene.listen()
        scene.stripe.deliveries.duplicate("customer.created", copies=3)
        first, second = make(scene, 2)
        assert ids(listener) == [first, first, first, second]

    def test_lost(self, scene: Scene) -> None:
        """Never delivered, never repeated, but on the list of events."""
        listener = scene.listen()
        scene.stripe.deliveries.drop("customer.created")
        lost, kept = make(scene, 2)
        scene.stripe.advance(5 * DAY)
        assert ids(listener) == [kept]
        assert [each.event for each in scene.stripe.deliveries.lost] == [lost]
        missing = scene.v1.events.list({"delivery_success": False}).data
        assert [each.id for each in missing] == [lost]
        assert [each.id for each in scene.v1.events.list({"delivery_success": True}).data] == [kept]

    def test_late(self, scene: Scene) -> None:
        listener = scene.listen()
        scene.stripe.deliveries.delay("customer.created", by=timedelta(hours=2))
        late, prompt = make(scene, 2)
        scene.stripe.advance(timedelta(hours=1))
        assert ids(listener) == [prompt]
        scene.stripe.advance(timedelta(hours=1))
        assert ids(listener) == [prompt, late]

    def test_for_good_until_undisturbed(self, scene: Scene) -> None:
        listener = scene.listen()
        scene.stripe.deliveries.drop(times=None)
        make(scene, 5)
        assert listener.events == []
        scene.stripe.deliveries.undisturbed()
        make(scene)
        assert len(listener.events) == 1

    def test_sent_again(self, scene: Scene) -> None:
        listener = scene.listen()
        event = make(scene)[0]
        scene.stripe.deliveries.resend(event)
        scene.stripe.settle()
        assert ids(listener) == [event, event]


class TestList:
    def test_by_type_and_time(self, scene: Scene) -> None:
        first = make(scene)[0]
        scene.stripe.advance(DAY)
        second = make(scene)[0]
        scene.v1.products.create({"name": "Pro"})
        events = scene.v1.events.list
        since = int((START + DAY).timestamp())
        assert [each.type for each in events({"created": {"gte": since}}).data] == [
            "product.created", "customer.created",
        ]  # fmt: skip
        assert [each.id for each in events({"type": "customer.created"}).data] == [second, first]
        assert len(events({"types": ["product.created", "customer.created"]}).data) == 3
        assert len(events({"type": "customer.*"}).data) == 2

    def test_kept_for_thirty_days(self, scene: Scene) -> None:
        event = make(scene)[0]
        scene.stripe.advance(30 * DAY - timedelta(seconds=1))
        assert scene.v1.events.retrieve(event).id == event
        scene.stripe.advance(timedelta(seconds=1))
        assert refused(lambda: scene.v1.events.retrieve(event)).http_status == 404
        assert scene.v1.events.list().data == []

    def test_an_event_keeps_what_was(self, scene: Scene) -> None:
        customer = scene.v1.customers.create({"name": "Ann"})
        scene.v1.customers.update(customer.id, {"name": "Bea"})
        created = scene.v1.events.list({"type": "customer.created"}).data[0]
        assert created.data.object.name == "Ann"

    def test_nobody_asked_for_what_happens_by_itself(self, scene: Scene) -> None:
        scene.subscribe(scene.price(2000))
        scene.stripe.advance(32 * DAY)
        assert scene.stripe.events("invoice.created")[-1]["request"] == {
            "id": None, "idempotency_key": None,
        }  # fmt: skip


class TestClock:
    def test_only_forward(self) -> None:
        clock = SandboxClock(START)
        clock.advance(DAY)
        assert clock() == START + DAY
        with pytest.raises(ClockMovedBack):
            clock.move_to(START)

    def test_running_with_another(self) -> None:
        base = [datetime(2030, 1, 1, tzinfo=UTC)]
        clock = SandboxClock(START, base=lambda: base[0])
        base[0] += timedelta(hours=1)
        assert clock() == START + timedelta(hours=1)
        clock.advance(DAY)
        assert clock() == START + DAY + timedelta(hours=1)

    def test_a_clock_that_cannot_be_moved(self) -> None:
        with (
            SandboxStripe(clock=lambda: START) as fixed,
            pytest.raises(NotPossible, match="SandboxClock"),
        ):
            fixed.advance(DAY)

    def test_a_ticking_one_needs_nobody(self) -> None:
        """With ``tick`` what is due happens while the clock runs."""
        clock = SandboxClock(START)
        with SandboxStripe(clock=clock, tick=0.01) as ticking:
            client = stripe.StripeClient(
                ticking.api_key, base_addresses={"api": ticking.url}, max_network_retries=0
            )
            session = client.v1.checkout.sessions.create(
                {"mode": "setup", "success_url": "http://x", "currency": "usd"}
            )
            clock.advance(2 * DAY)
            deadline = time.monotonic() + 10
            while client.v1.checkout.sessions.retrieve(session.id).status != "expired":
                assert time.monotonic() < deadline
                time.sleep(0.01)


def test_many_threads_at_once(scene: Scene) -> None:
    """Requests of eight threads: nothing is lost, each event is delivered once."""
    listener = scene.listen()
    made: list[str] = []

    def work() -> None:
        client = scene.client_of("2026-07-29.dahlia")
        made.extend(client.v1.customers.create({}).id for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scene.stripe.settle()
    assert len(set(made)) == 160
    assert sorted(event["data"]["object"]["id"] for event in listener.events) == sorted(made)
