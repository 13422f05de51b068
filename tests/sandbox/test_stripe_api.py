"""The front of the Stripe stand-in: keys, versions, parameters, pages, repetitions, faults."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
import stripe
from stripe import StripeClient

from bridge.sandbox.stripe_faults import (
    dropped,
    latency,
    lock_timeout,
    rate_limited,
    server_error,
)
from bridge.sandbox.stripe_server import SandboxStripe
from tests.sandbox.stripe_scene import ACACIA, Scene, refused


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own waits would only make the tests slow."""
    monkeypatch.setattr(stripe._http_client.time, "sleep", lambda _seconds: None)


class TestKeys:
    def test_a_live_key_is_refused(self, scene: Scene) -> None:
        """The sandbox is for test keys, whatever it would answer."""
        client = scene.client_of(ACACIA, key="sk_live_4eC39HqLyjWDarjtT1zdp7dc")
        error = refused(client.v1.customers.list)
        assert isinstance(error, stripe.AuthenticationError)
        assert error.http_status == 401

    def test_the_key_of_another_account_is_refused_and_masked(self, scene: Scene) -> None:
        client = scene.client_of(ACACIA, key="sk_test_of_quite_another_account")
        error = refused(client.v1.customers.list)
        assert "sk_test_********ount" in str(error)
        assert "quite_another" not in str(error)

    def test_no_key(self, scene: Scene) -> None:
        answer = scene.raw("GET", "/v1/customers", headers={"Authorization": ""})
        assert answer.status_code == 401

    def test_each_account_has_its_own_objects(self, scene: Scene) -> None:
        with SandboxStripe(account="acct_other", clock=scene.clock) as other:
            client = StripeClient(other.api_key, base_addresses={"api": other.url})
            mine = scene.customer()
            assert client.v1.customers.list().data == []
            error = refused(lambda: client.v1.customers.retrieve(mine.id))
            assert error.code == "resource_missing"
            assert client.v1.accounts.retrieve_current().id == "acct_other"

    def test_the_account_header_must_name_this_account(self, scene: Scene) -> None:
        assert scene.v1.customers.list(options={"stripe_account": "acct_scene"}).data == []
        error = refused(lambda: scene.v1.customers.list(options={"stripe_account": "acct_no"}))
        assert isinstance(error, stripe.PermissionError)
        assert error.json_body["error"]["code"] == "account_invalid"


class TestParameters:
    def test_nested_parameters(self, scene: Scene) -> None:
        """Hashes in lists in hashes arrive as they were sent."""
        made = scene.v1.customers.create(
            {
                "name": "Ann & Co = [x]",
                "address": {"city": "Zürich", "country": "CH"},
                "preferred_locales": ["de", "fr"],
                "metadata": {"a b": "1", "7": "seven"},
            }
        )
        assert made.name == "Ann & Co = [x]"
        assert made.address.city == "Zürich"
        assert made.preferred_locales == ["de", "fr"]
        assert made.metadata["7"] == "seven"

    def test_what_stripe_does_not_know_is_refused(self, scene: Scene) -> None:
        error = refused(lambda: scene.v1.customers.create({"nmae": "Ann", "emial": "x"}))
        assert (error.http_status, error.code, error.param) == (400, "parameter_unknown", "nmae")
        assert "nmae, emial" in str(error)

    def test_an_unknown_parameter_inside_another(self, scene: Scene) -> None:
        error = refused(lambda: scene.v1.customers.create({"address": {"town": "Bern"}}))
        assert (error.code, error.param) == ("parameter_unknown", "address[town]")

    @pytest.mark.parametrize(
        ("params", "code", "param"),
        [
            ({"currency": "usd"}, "parameter_missing", "amount"),
            ({"amount": "ten", "currency": "usd"}, "parameter_invalid_integer", "amount"),
            ({"amount": "", "currency": "usd"}, "parameter_invalid_empty", "amount"),
            ({"amount": -1, "currency": "usd"}, "parameter_invalid_integer", "amount"),
            ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
            ({"amount": 100_000_000, "currency": "usd"}, "amount_too_large", "amount"),
            ({"amount": 100, "currency": "dollars"}, None, "currency"),
            ({"amount": 100, "currency": "usd", "confirm": "maybe"}, None, "confirm"),
            (
                {"amount": 100, "currency": "usd", "customer": "cus_no"},
                "resource_missing",
                "customer",
            ),
        ],
    )
    def test_values_that_cannot_be(
        self, scene: Scene, params: dict[str, Any], code: str | None, param: str
    ) -> None:
        error = refused(lambda: scene.v1.payment_intents.create(params))
        assert isinstance(error, stripe.InvalidRequestError)
        assert (error.http_status, error.code, error.param) == (400, code, param)

    def test_metadata_is_merged_and_emptied(self, scene: Scene) -> None:
        """A key sent empty goes; the whole sent empty goes altogether."""
        made = scene.v1.customers.create({"metadata": {"a": "1", "b": "2"}})
        merged = scene.v1.customers.update(made.id, {"metadata": {"a": "", "c": "3"}})
        assert merged.metadata.to_dict() == {"b": "2", "c": "3"}
        assert not scene.v1.customers.update(made.id, {"metadata": ""}).metadata.to_dict()

    def test_a_missing_object_of_the_path_is_404(self, scene: Scene) -> None:
        error = refused(lambda: scene.v1.subscriptions.retrieve("sub_no"))
        assert (error.http_status, error.code, error.param) == (404, "resource_missing", "id")
        assert "No such subscription: 'sub_no'" in str(error)

    def test_an_address_that_is_not_there(self, scene: Scene) -> None:
        error = refused(scene.v1.payouts.list)
        assert error.http_status == 404
        assert "Unrecognized request URL (GET: /v1/payouts)" in str(error)

    def test_json_is_no_form(self, scene: Scene) -> None:
        answer = scene.raw("POST", "/v1/customers", json={"name": "Ann"})
        assert answer.status_code == 400

    def test_a_refused_request_leaves_nothing_behind(self, scene: Scene) -> None:
        """The product made up on the spot goes with the price that could not be."""
        refused(
            lambda: scene.v1.prices.create(
                {
                    "currency": "usd",
                    "product_data": {"name": "Pro"},
                    "unit_amount": 100,
                    "lookup_key": "pro",
                    "recurring": {"interval": "month", "interval_count": 37},
                }
            )
        )
        scene.price(100, lookup_key="pro")
        error = refused(lambda: scene.price(200, lookup_key="pro"))
        assert error.param == "lookup_key"
        assert len(scene.v1.prices.list().data) == 1


class TestVersions:
    def test_an_invalid_version(self, scene: Scene) -> None:
        client = scene.client_of("latest")
        assert "Invalid Stripe API version" in str(refused(client.v1.customers.list))

    @pytest.mark.parametrize(
        ("version", "is_new"),
        [
            ("2024-06-20", False),
            (ACACIA, False),
            ("2025-03-31.basil", True),
            ("2026-10-28.endive", True),
        ],
    )
    def test_the_version_of_the_request_chooses_the_shape(
        self, scene: Scene, version: str, is_new: bool
    ) -> None:
        subscription = scene.subscribe(scene.price(2000))
        client = scene.client_of(version)
        seen = client.v1.subscriptions.retrieve(subscription.id)
        assert ("current_period_end" in seen) is not is_new
        assert ("current_period_end" in seen["items"].data[0]) is is_new
        invoice = client.v1.invoices.retrieve(subscription.latest_invoice)
        assert ("subscription" in invoice) is not is_new
        assert ("parent" in invoice) is is_new
        charge = client.v1.charges.list().data[0]
        assert ("invoice" in charge) is not is_new

    def test_without_a_version_the_account_has_one(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        answer = scene.raw("GET", f"/v1/subscriptions/{subscription.id}").json()
        assert "current_period_end" not in answer
        assert scene.stripe.requests[-1].version == "2026-07-29.dahlia"


class TestPages:
    def test_all_pages_forwards(self, scene: Scene) -> None:
        """Newest first, each once, also those of one second."""
        made = [scene.v1.customers.create({"name": str(n)}).id for n in range(7)]
        page = scene.v1.customers.list({"limit": 3})
        assert [each.id for each in page.data] == made[:3:-1]
        assert page.has_more
        seen = [each.id for each in page.auto_paging_iter()]
        assert seen == made[::-1]

    def test_pages_backwards(self, scene: Scene) -> None:
        made = [scene.v1.customers.create({"name": str(n)}).id for n in range(5)]
        page = scene.v1.customers.list({"limit": 2, "ending_before": made[0]})
        assert [each.id for each in page.data] == [made[2], made[1]]
        assert page.has_more
        first = scene.v1.customers.list({"limit": 3, "ending_before": made[2]})
        assert [each.id for each in first.data] == [made[4], made[3]]
        assert not first.has_more

    def test_ten_unless_said_otherwise(self, scene: Scene) -> None:
        for _ in range(11):
            scene.v1.customers.create({})
        page = scene.v1.customers.list()
        assert (len(page.data), page.has_more) == (10, True)

    @pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 101}, {"starting_after": "cus_no"}])
    def test_pages_that_cannot_be(self, scene: Scene, params: dict[str, Any]) -> None:
        error = refused(lambda: scene.v1.customers.list(params))
        assert (error.http_status, error.param) == (400, next(iter(params)))

    def test_created_bounds(self, scene: Scene) -> None:
        first = scene.customer(card=None)
        scene.clock.advance(timedelta(seconds=10))
        second = scene.customer(card=None)
        listed = scene.v1.customers.list({"created": {"gt": first.created}})
        assert [each.id for each in listed.data] == [second.id]
        listed = scene.v1.customers.list({"created": {"gte": first.created, "lt": second.created}})
        assert [each.id for each in listed.data] == [first.id]
        assert len(scene.v1.customers.list({"created": second.created}).data) == 1


class TestExpansion:
    def test_objects_in_the_place_of_ids(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        seen = scene.v1.subscriptions.retrieve(
            subscription.id,
            {"expand": ["customer", "latest_invoice.payments", "items.data.price.product"]},
        )
        assert seen.customer.email == "jenny@example.com"
        assert seen["items"].data[0].price.product.name == "Pro"
        payment = seen.latest_invoice.payments.data[0]
        assert payment.status == "paid"
        assert payment.payment.payment_intent.startswith("pi_")

    def test_in_lists(self, scene: Scene) -> None:
        scene.subscribe(scene.price(2000))
        listed = scene.v1.subscriptions.list({"expand": ["data.latest_invoice"]})
        assert listed.data[0].latest_invoice.amount_paid == 2000

    def test_the_old_shape_expands_its_own_fields(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        old = scene.client_of(ACACIA).v1.subscriptions.retrieve(
            subscription.id, {"expand": ["latest_invoice.payment_intent.latest_charge"]}
        )
        assert old.latest_invoice.payment_intent.latest_charge.invoice == old.latest_invoice.id

    @pytest.mark.parametrize("path", ["name", "nothing", "email.x", "id", "a.b.c.d.e"])
    def test_what_cannot_be_expanded(self, scene: Scene, path: str) -> None:
        customer = scene.customer()
        error = refused(lambda: scene.v1.customers.retrieve(customer.id, {"expand": [path]}))
        assert (error.http_status, error.param) == (400, "expand")


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
