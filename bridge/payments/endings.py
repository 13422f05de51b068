"""Letting a subscription end with its running period, and letting it go on after all."""

from __future__ import annotations

from bridge.payments.client import StripeAccount
from bridge.payments.situation import LiveSubscription

FEEDBACK = (
    "too_expensive",
    "missing_features",
    "switched_service",
    "unused",
    "customer_service",
    "too_complex",
    "low_quality",
    "other",
)
"""The reasons that Stripe knows, for its own reports on cancellations."""


def end_with_period(
    account: StripeAccount,
    subscription: LiveSubscription,
    *,
    once: str,
    feedback: str = "",
    comment: str = "",
) -> None:
    """Nothing is billed any more; until the period ends everything stays as it is.

    ``once`` is the idempotency key, ``feedback`` one of `FEEDBACK` or "".

    Raises:
        StripeFault: Stripe refused, or nobody knows.
    """
    told = {
        **({"feedback": feedback} if feedback in FEEDBACK else {}),
        **({"comment": comment} if comment else {}),
    }
    account.ask(
        account.api.subscriptions.update,
        subscription.id,
        once=once,
        cancel_at_period_end=True,
        **({"cancellation_details": told} if told else {}),
    )


def go_on(account: StripeAccount, subscription: LiveSubscription, *, once: str) -> None:
    """Take it back; nothing happens where the subscription does not end.

    Raises:
        StripeFault: Stripe refused, or nobody knows.
    """
    if subscription.ends:
        account.ask(
            account.api.subscriptions.update, subscription.id, once=once, cancel_at_period_end=False
        )
