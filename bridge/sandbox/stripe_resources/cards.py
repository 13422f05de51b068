"""Stripe's test cards: what each does when it is attached and when it is charged.

https://docs.stripe.com/testing. The names are those of Stripe's ready-made test payment
methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from bridge.sandbox.stripe_errors import StripeObject, declined


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a bank says no."""

    code: str
    decline_code: str
    message: str


GENERIC = Refusal("card_declined", "generic_decline", "Your card was declined.")
INSUFFICIENT = Refusal("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST = Refusal("card_declined", "lost_card", "Your card was declined.")
EXPIRED = Refusal("expired_card", "expired_card", "Your card has expired.")
WRONG_CVC = Refusal("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
PROCESSING = Refusal(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
DEBIT_FAILED = Refusal(
    "payment_intent_payment_attempt_failed",
    "",
    "The payment failed: the bank could not debit the account.",
)
NOT_AUTHENTICATED = Refusal(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)


@dataclass(frozen=True, slots=True)
class TestCard:
    """A payment method for tests.

    Attributes:
        charge: Why every charge is declined, if it is.
        attach: Why it cannot be attached to a customer, if it cannot.
        authenticates: Which payments ask the customer: ``never``, ``unless_set_up`` (not
            once it is set up for later use), ``always`` (also later, when he is not there).
        disputed: A successful charge is disputed at once.
        refunds: ``failed`` and ``pending`` refunds.
        kind: ``card``, or a bank debit, which is settled days later.
    """

    brand: str = "visa"
    last4: str = "4242"
    charge: Refusal | None = None
    attach: Refusal | None = None
    authenticates: Literal["never", "unless_set_up", "always"] = "never"
    disputed: bool = False
    refunds: Literal["succeeded", "pending", "failed"] = "succeeded"
    kind: Literal["card", "sepa_debit", "us_bank_account"] = "card"

    __test__ = False

    @property
    def settles_later(self) -> bool:
        """Whether payments stay in processing until the bank answers."""
        return self.kind != "card"


def _never(last4: str, refusal: Refusal) -> TestCard:
    return TestCard(last4=last4, charge=refusal, attach=refusal)


CARDS: Final[Mapping[str, TestCard]] = {
    "pm_card_visa": TestCard(),
    "pm_card_visa_debit": TestCard(last4="5556"),
    "pm_card_mastercard": TestCard("mastercard", "4444"),
    "pm_card_amex": TestCard("amex", "8431"),
    "pm_card_fr": TestCard(last4="0003"),
    "pm_card_chargeDeclined": _never("0002", GENERIC),
    "pm_card_visa_chargeDeclined": _never("0002", GENERIC),
    "pm_card_chargeDeclinedInsufficientFunds": _never("9995", INSUFFICIENT),
    "pm_card_visa_chargeDeclinedInsufficientFunds": _never("9995", INSUFFICIENT),
    "pm_card_visa_chargeDeclinedLostCard": _never("9987", LOST),
    "pm_card_chargeDeclinedExpiredCard": _never("0069", EXPIRED),
    "pm_card_chargeDeclinedIncorrectCvc": _never("0127", WRONG_CVC),
    "pm_card_chargeDeclinedProcessingError": _never("0119", PROCESSING),
    "pm_card_chargeCustomerFail": TestCard(last4="0341", charge=GENERIC),
    "pm_card_authenticationRequired": TestCard(last4="3184", authenticates="always"),
    "pm_card_threeDSecure2Required": TestCard(last4="3220", authenticates="always"),
    "pm_card_authenticationRequiredOnSetup": TestCard(last4="3155", authenticates="unless_set_up"),
    "pm_card_createDispute": TestCard(last4="0259", disputed=True),
    "pm_card_refundFail": TestCard(last4="5126", refunds="failed"),
    "pm_card_pendingRefund": TestCard(last4="7726", refunds="pending"),
    "pm_sepaDebit": TestCard(last4="3000", kind="sepa_debit"),
    "pm_usBankAccount_success": TestCard(last4="6789", kind="us_bank_account"),
}
"""The payment methods that a test may name."""


def card_of(method: StripeObject) -> TestCard:
    """How a payment method behaves."""
    return CARDS[method["_card"]]


def check_attachable(card: TestCard) -> None:
    """Refuse a card that fails when it is saved.

    Raises:
        ApiError: 402 ``card_error``.
    """
    if card.attach:
        raise declined(
            card.attach.message, code=card.attach.code, decline_code=card.attach.decline_code
        )
