"""Intents, cards, refunds, disputes."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from bridge.errors import NotFound
from bridge.sandbox.stripe_server import NotPossible
from tests.sandbox.stripe_scene import ACACIA, Scene, refused


def pay(scene: Scene, amount: int = 1000, card: str = "pm_card_visa", **more: Any) -> Any:
    return scene.v1.payment_intents.create(
        {"amount": amount, "currency": "usd", "payment_method": card, "confirm": True,
         "allowed_payment_method_types": ["card"], **more}
    )  # fmt: skip


class TestIntents:
    def test_paid_at_once(self, scene: Scene) -> None:
        intent = pay(scene, metadata={"quote": "q1"})
        assert (intent.status, intent.amount_received) == ("succeeded", 1000)
        charge = scene.v1.charges.retrieve(intent.latest_charge)
        assert (charge.paid, charge.amount, charge.payment_intent) == (True, 1000, intent.id)
        assert charge.metadata.to_dict() == {"quote": "q1"}
        assert scene.types() == [
            "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
        ]  # fmt: skip

    def test_step_by_step(self, scene: Scene) -> None:
        intent = scene.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
        assert intent.status == "requires_payment_method"
        refused(lambda: scene.v1.payment_intents.confirm(intent.id))
        chosen = scene.v1.payment_intents.update(intent.id, {"payment_method": "pm_card_visa"})
        assert chosen.status == "requires_confirmation"
        assert scene.v1.payment_intents.confirm(intent.id).status == "succeeded"
        error = refused(lambda: scene.v1.payment_intents.confirm(intent.id))
        assert error.code == "payment_intent_unexpected_state"

    @pytest.mark.parametrize(
        ("card", "code", "decline"),
        [
            ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
            ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
            ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
            ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ],
    )
    def test_declined(self, scene: Scene, card: str, code: str, decline: str) -> None:
        error = refused(lambda: pay(scene, card=card))
        assert isinstance(error, stripe.CardError)
        assert (error.http_status, error.code) == (402, code)
        assert error.error.decline_code == decline
        intent = scene.v1.payment_intents.retrieve(error.error.payment_intent.id)
        assert intent.status == "requires_payment_method"
        assert intent.last_payment_error.code == code
        assert scene.types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]
        again = scene.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
        assert (again.status, again.last_payment_error) == ("succeeded", None)

    def test_a_bank_that_asks(self, scene: Scene) -> None:
        intent = pay(scene, card="pm_card_threeDSecure2Required", return_url="http://x/back")
        assert intent.status == "requires_action"
        assert intent.next_action.type == "redirect_to_url"
        assert scene.stripe.authenticate(intent.id)["status"] == "succeeded"
        with pytest.raises(NotPossible, match="nobody is asked"):
            scene.stripe.authenticate(intent.id)

    def test_a_wrong_answer(self, scene: Scene) -> None:
        intent = pay(scene, card="pm_card_threeDSecure2Required")
        seen = scene.stripe.authenticate(intent.id, succeeded=False)
        assert seen["status"] == "requires_payment_method"
        assert seen["last_payment_error"]["code"] == "payment_intent_authentication_failure"

    def test_nobody_there_to_be_asked(self, scene: Scene) -> None:
        error = refused(lambda: pay(scene, card="pm_card_authenticationRequired", off_session=True))
        assert (error.http_status, error.code) == (402, "authentication_required")

    def test_set_up_once_then_never_asked_again(self, scene: Scene) -> None:
        customer = scene.customer(card=None)
        setup = scene.v1.setup_intents.create(
            {"customer": customer.id, "payment_method": "pm_card_authenticationRequiredOnSetup",
             "confirm": True}
        )  # fmt: skip
        assert setup.status == "requires_action"
        scene.stripe.authenticate(setup.id)
        method = scene.method_of(customer.id)
        intent = pay(scene, card=method.id, customer=customer.id, off_session=True)
        assert intent.status == "succeeded"

    def test_kept_for_later(self, scene: Scene) -> None:
        customer = scene.customer(card=None)
        pay(scene, customer=customer.id, setup_future_usage="off_session")
        assert scene.method_of(customer.id).card.last4 == "4242"

    @pytest.mark.parametrize(
        ("succeeded", "status"), [(True, "succeeded"), (False, "requires_payment_method")]
    )
    def test_a_bank_debit(self, scene: Scene, succeeded: bool, status: str) -> None:
        intent = pay(scene, card="pm_sepaDebit")
        assert (intent.status, scene.types()[-1]) == ("processing", "payment_intent.processing")
        assert scene.stripe.settle_payment(intent.id, succeeded=succeeded)["status"] == status

    def test_canceled(self, scene: Scene) -> None:
        intent = scene.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
        seen = scene.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
        assert (seen.status, seen.cancellation_reason) == ("canceled", "abandoned")
        refused(lambda: scene.v1.payment_intents.cancel(intent.id))

    def test_yen_have_no_cents(self, scene: Scene) -> None:
        intent = scene.v1.payment_intents.create({"amount": 50, "currency": "jpy"})
        assert intent.amount == 50
        refused(lambda: scene.v1.payment_intents.create({"amount": 49, "currency": "jpy"}))

    def test_lists(self, scene: Scene) -> None:
        customer = scene.customer()
        mine = pay(scene, card=scene.method_of(customer.id).id, customer=customer.id)
        pay(scene)
        assert [
            each.id for each in scene.v1.payment_intents.list({"customer": customer.id}).data
        ] == [mine.id]
        charges = scene.v1.charges.list({"payment_intent": mine.id}).data
        assert [each.id for each in charges] == [mine.latest_charge]
        changed = scene.v1.charges.update(mine.latest_charge, {"description": "Upgrade"})
        assert changed.description == "Upgrade"


class TestMethods:
    def test_attached_and_detached(self, scene: Scene) -> None:
        customer = scene.customer()
        method = scene.method_of(customer.id)
        subscription = scene.subscribe(
            scene.price(2000), customer=customer, default_payment_method=method.id
        )
        detached = scene.v1.payment_methods.detach(method.id)
        assert detached.customer is None
        assert scene.v1.customers.retrieve(
            customer.id
        ).invoice_settings.default_payment_method is None  # fmt: skip
        assert scene.subscription(subscription.id).default_payment_method is None
        event = scene.stripe.events("payment_method.detached")[0]
        assert event["data"]["previous_attributes"] == {"customer": customer.id}
        refused(lambda: scene.v1.payment_methods.attach(method.id, {"customer": customer.id}))

    def test_some_cards_cannot_even_be_kept(self, scene: Scene) -> None:
        customer = scene.customer(card=None)
        error = refused(
            lambda: scene.v1.payment_methods.attach(
                "pm_card_chargeDeclined", {"customer": customer.id}
            )
        )
        assert isinstance(error, stripe.CardError)
        assert not scene.v1.payment_methods.list({"customer": customer.id}).data

    def test_made_of_a_token(self, scene: Scene) -> None:
        method = scene.v1.payment_methods.create(
            {"type": "card", "card": {"token": "tok_mastercard"},
             "billing_details": {"name": "Jenny"}}
        )  # fmt: skip
        assert (method.card.brand, method.billing_details.name) == ("mastercard", "Jenny")
        refused(
            lambda: scene.v1.payment_methods.create({"type": "card", "card": {"token": "tok_no"}})
        )

    def test_somebody_elses(self, scene: Scene) -> None:
        other = scene.method_of(scene.customer().id)
        mine = scene.customer()
        refused(lambda: pay(scene, card=other.id, customer=mine.id))
        refused(lambda: pay(scene, card=other.id))
        refused(lambda: scene.v1.payment_methods.attach(other.id, {"customer": mine.id}))

    def test_an_unknown_test_card(self, scene: Scene) -> None:
        method = scene.method_of(scene.customer().id)
        with pytest.raises(NotFound):
            scene.stripe.change_card(method.id, "pm_card_gold")


class TestSetups:
    def test_set_up(self, scene: Scene) -> None:
        customer = scene.customer(card=None)
        intent = scene.v1.setup_intents.create({"customer": customer.id, "metadata": {"a": "1"}})
        assert intent.status == "requires_payment_method"
        seen = scene.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
        assert seen.status == "succeeded"
        assert scene.method_of(customer.id).id == seen.payment_method

    def test_declined(self, scene: Scene) -> None:
        intent = scene.v1.setup_intents.create({})
        error = refused(
            lambda: scene.v1.setup_intents.confirm(
                intent.id, {"payment_method": "pm_card_chargeDeclined"}
            )
        )
        assert error.http_status == 402
        assert scene.types()[-1] == "setup_intent.setup_failed"
        assert scene.v1.setup_intents.cancel(intent.id).status == "canceled"


class TestRefunds:
    def test_in_parts(self, scene: Scene) -> None:
        """``amount_refunded`` adds up; each event tells what it was before."""
        intent = pay(scene)
        scene.v1.refunds.create({"payment_intent": intent.id, "amount": 300})
        scene.v1.refunds.create({"charge": intent.latest_charge, "amount": 200})
        charge = scene.v1.charges.retrieve(intent.latest_charge, {"expand": ["refunds"]})
        assert (charge.amount_refunded, charge.refunded) == (500, False)
        assert [each.amount for each in charge.refunds.data] == [200, 300]
        told = scene.stripe.events("charge.refunded")
        assert [each["data"]["object"]["amount_refunded"] for each in told] == [300, 500]
        assert told[1]["data"]["previous_attributes"] == {"amount_refunded": 300}
        rest = scene.v1.refunds.create({"charge": intent.latest_charge})
        assert rest.amount == 500
        assert scene.v1.charges.retrieve(intent.latest_charge).refunded
        error = refused(lambda: scene.v1.refunds.create({"charge": intent.latest_charge}))
        assert error.code == "charge_already_refunded"

    def test_too_much(self, scene: Scene) -> None:
        intent = pay(scene)
        error = refused(
            lambda: scene.v1.refunds.create({"payment_intent": intent.id, "amount": 1001})
        )
        assert error.param == "amount"

    def test_one_that_comes_back(self, scene: Scene) -> None:
        intent = pay(scene, card="pm_card_refundFail")
        refund = scene.v1.refunds.create({"payment_intent": intent.id})
        assert refund.status == "failed"
        assert scene.v1.charges.retrieve(intent.latest_charge).amount_refunded == 0
        assert "refund.failed" in scene.types()

    def test_one_that_takes_its_time(self, scene: Scene) -> None:
        intent = pay(scene, card="pm_card_pendingRefund")
        refund = scene.v1.refunds.create({"payment_intent": intent.id})
        assert refund.status == "pending"
        scene.stripe.settle_refund(refund.id)
        assert scene.v1.refunds.retrieve(refund.id).status == "succeeded"
        assert scene.types()[-2:] == ["charge.refund.updated", "refund.updated"]

    def test_of_a_failed_charge(self, scene: Scene) -> None:
        refused(lambda: pay(scene, card="pm_card_chargeDeclined"))
        charge = scene.v1.charges.list().data[0]
        refused(lambda: scene.v1.refunds.create({"charge": charge.id}))


class TestDisputes:
    def test_won(self, scene: Scene) -> None:
        intent = pay(scene)
        dispute = scene.stripe.open_dispute(intent.latest_charge, amount=400)
        assert scene.v1.charges.retrieve(intent.latest_charge).disputed
        answered = scene.v1.disputes.update(dispute["id"], {"evidence": {"customer_name": "Jenny"}})
        assert answered.status == "under_review"
        scene.stripe.close_dispute(dispute["id"], outcome="won")
        assert scene.types()[-5:] == [
            "charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.updated",
            "charge.dispute.closed", "charge.dispute.funds_reinstated",
        ]  # fmt: skip
        assert scene.v1.disputes.list({"charge": intent.latest_charge}).data[0].status == "won"

    def test_lost_by_giving_in(self, scene: Scene) -> None:
        intent = pay(scene, card="pm_card_createDispute")
        dispute = scene.v1.disputes.list().data[0]
        assert (dispute.reason, dispute.amount) == ("fraudulent", 1000)
        assert scene.v1.disputes.close(dispute.id).status == "lost"
        with pytest.raises(NotPossible):
            scene.stripe.close_dispute(dispute.id, outcome="won")
        error = refused(lambda: scene.v1.refunds.create({"payment_intent": intent.id}))
        assert error.code == "charge_disputed"

    def test_an_inquiry_moves_no_money(self, scene: Scene) -> None:
        intent = pay(scene)
        dispute = scene.stripe.open_dispute(intent.latest_charge, inquiry=True)
        scene.stripe.close_dispute(dispute["id"], outcome="warning_closed")
        assert "charge.dispute.funds_withdrawn" not in scene.types()


def test_where_a_charge_belongs_to(scene: Scene) -> None:
    """Before Basil the charge names its invoice; since, the invoice's payments name the intent."""
    subscription = scene.subscribe(scene.price(2000))
    charge = scene.v1.charges.list().data[0]
    old = scene.client_of(ACACIA).v1.charges.retrieve(charge.id)
    assert old.invoice == subscription.latest_invoice
    wanted = {"type": "payment_intent", "payment_intent": charge.payment_intent}
    payments = scene.v1.invoice_payments.list({"payment": wanted})
    assert payments.data[0].invoice == subscription.latest_invoice
