"""The front of the Stripe stand-in: keys, versions, parameters, pages, repetitions, faults."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import stripe
from stripe import StripeClient

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
