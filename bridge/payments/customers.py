"""The customer at Stripe who stands for a customer of a network."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.payments.client import StripeAccount


def known_customer(account: StripeAccount, candidates: Sequence[str]) -> str | None:
    """The first of these ids that Stripe has, or None.

    Raises:
        StripeFault: Stripe cannot be asked.
    """
    for candidate in candidates:
        found = account.find(account.api.customers.retrieve, candidate)
        if found is not None:
            return str(found["id"])
    return None


def make_customer(
    account: StripeAccount, customer_id: int, *, email: str = "", instead_of: str = ""
) -> str:
    """Make a customer at Stripe and return its id; the same one when it is asked again.

    ``instead_of`` is the id that Stripe does not have any more.

    Raises:
        StripeFault: Stripe refused.
    """
    once = f"planbridge/{account.network}/customer/{customer_id}/{instead_of or 'first'}"
    made = account.ask(
        account.api.customers.create,
        once=once,
        metadata={
            "planbridge_network": account.network,
            "planbridge_customer": str(customer_id),
        },
    )
    if email:
        # Apart, as an address may change between two tries of the same request.
        account.ask(
            account.api.customers.update, made["id"], once=f"{once}/{email}"[:255], email=email
        )
    return str(made["id"])
