"""Stripe events, shaped by Stripe's own example objects.

The examples are in ``stripe_objects.json`` (MIT licence, © Stripe, Inc.), in the shape
before the change of March 2025 and in the shape since. Only fields that the examples have
are ever set: a field that is not in them does not exist.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import count
from typing import Any, Literal, TypeAlias

from bridge.errors import InvalidInput

StripeObject: TypeAlias = dict[str, Any]


class ApiShape(StrEnum):
    """Which of the two shapes; the value goes into an event's ``api_version``."""

    LEGACY = "2025-02-24.acacia"
    CURRENT = "2026-07"


class UnknownStripeField(InvalidInput):
    """Stripe's example of {kind} has no {fields}."""

    hint = "A field that the examples do not have does not exist in this API version."


def counted_ids() -> Callable[[str], str]:
    """Ids that look like Stripe's and are the same in every run: ``evt_sandbox000001``."""
    numbers = count(1)
    return lambda prefix: f"{prefix}_sandbox{next(numbers):06d}"


class StripeEvents:
    """Makes events of one Stripe account.

    Args:
        clock: The time at which things happen at Stripe.
        shape: The API version of the endpoint.
        account: The connected account (``acct_…``) that events name, if any.
        livemode: Live events instead of test ones.
        ids: Makes an id from a prefix such as ``evt``.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        shape: ApiShape = ApiShape.CURRENT,
        account: str | None = None,
        livemode: bool = False,
        ids: Callable[[str], str] | None = None,
    ) -> None:
        self._clock = clock
        self._shape = shape
        self._account = account
        self._livemode = livemode
        self._id = ids or counted_ids()

    def event(
        self,
        type: str,
        object: StripeObject,
        *,
        created: int | None = None,
        event_id: str | None = None,
    ) -> StripeObject:
        """An event about an object; ``created`` is a Unix time, now if left out."""
        made = example(self._shape, "event")
        made |= {
            "id": event_id or self._id("evt"),
            "type": type,
            "api_version": self._shape.value,
            "created": self._now() if created is None else created,
            "livemode": self._livemode,
            "data": {"object": object},
        }
        return made | ({"account": self._account} if self._account else {})

    def invoice_paid(
        self,
        *,
        amount: int,
        currency: str,
        metadata: Mapping[str, str],
        customer: str | None = None,
        subscription: str | None = None,
        created: int | None = None,
        event_id: str | None = None,
    ) -> bytes:
        """``invoice.paid`` over an amount in minor units, as Stripe posts it.

        With a subscription the metadata is where Stripe copies that of a subscription;
        else on the invoice itself.
        """
        invoice = self._invoice(amount, currency, metadata, customer)
        if subscription:
            self._of_subscription(invoice, subscription, metadata)
        return payload_of(self.event("invoice.paid", invoice, created=created, event_id=event_id))

    def checkout_session_completed(
        self,
        *,
        amount: int,
        currency: str,
        metadata: Mapping[str, str],
        mode: Literal["payment", "subscription"] = "payment",
        payment_status: Literal["paid", "unpaid", "no_payment_required"] = "paid",
        customer: str | None = None,
        created: int | None = None,
        event_id: str | None = None,
    ) -> bytes:
        """``checkout.session.completed`` over an amount in minor units, as Stripe posts it."""
        by_subscription = mode == "subscription"
        session = self._object(
            "checkout.session",
            id=self._id("cs"),
            amount_subtotal=amount,
            amount_total=amount,
            currency=currency.lower(),
            metadata=dict(metadata),
            mode=mode,
            status="complete",
            payment_status=payment_status,
            customer=customer or self._id("cus"),
            payment_intent=None if by_subscription else self._id("pi"),
            invoice=self._id("in") if by_subscription else None,
            subscription=self._id("sub") if by_subscription else None,
            url=None,
        )
        if self._shape is ApiShape.CURRENT:
            session |= {"currency_conversion": None, "shipping_cost": None, "total_details": None}
        return payload_of(
            self.event("checkout.session.completed", session, created=created, event_id=event_id)
        )

    def payment_intent_succeeded(
        self,
        *,
        amount: int,
        currency: str,
        metadata: Mapping[str, str],
        customer: str | None = None,
        created: int | None = None,
        event_id: str | None = None,
    ) -> bytes:
        """``payment_intent.succeeded`` over an amount in minor units, as Stripe posts it."""
        intent_id = self._id("pi")
        intent = self._object(
            "payment_intent",
            id=intent_id,
            amount=amount,
            amount_received=amount,
            currency=currency.lower(),
            metadata=dict(metadata),
            status="succeeded",
            customer=customer or self._id("cus"),
            latest_charge=self._id("ch"),
            canceled_at=None,
            client_secret=f"{intent_id}_secret_sandbox",
            last_payment_error=None,
            next_action=None,
            processing=None,
        )
        return payload_of(
            self.event("payment_intent.succeeded", intent, created=created, event_id=event_id)
        )

    def _invoice(
        self, amount: int, currency: str, metadata: Mapping[str, str], customer: str | None
    ) -> StripeObject:
        now = self._now()
        invoice = self._object(
            "invoice",
            id=self._id("in"),
            amount_due=amount,
            amount_paid=amount,
            amount_remaining=0,
            subtotal=amount,
            subtotal_excluding_tax=amount,
            total=amount,
            total_excluding_tax=amount,
            attempt_count=1,
            attempted=True,
            currency=currency.lower(),
            customer=customer or self._id("cus"),
            due_date=None,
            from_invoice=None,
            last_finalization_error=None,
            metadata=dict(metadata),
            next_payment_attempt=None,
            shipping_cost=None,
            status="paid",
            status_transitions={
                "finalized_at": now,
                "marked_uncollectible_at": None,
                "paid_at": now,
                "voided_at": None,
            },
        )
        line = invoice["lines"]["data"][0]
        assign(line, amount=amount, currency=currency.lower(), invoice=invoice["id"])
        invoice["lines"]["url"] = f"/v1/invoices/{invoice['id']}/lines"
        if self._shape is ApiShape.LEGACY:
            assign(invoice, paid=True, payment_intent=self._id("pi"), charge=self._id("ch"))
            assign(line, amount_excluding_tax=amount, unit_amount_excluding_tax=str(amount))
        else:
            assign(invoice, parent=None, amount_overpaid=0)
            assign(line, subtotal=amount)
        return invoice

    def _of_subscription(
        self, invoice: StripeObject, subscription: str, metadata: Mapping[str, str]
    ) -> None:
        assign(invoice, billing_reason="subscription_update", metadata={})
        details = {"metadata": dict(metadata)}
        if self._shape is ApiShape.LEGACY:
            assign(invoice, subscription=subscription, subscription_details=details)
            return
        parent = {
            "quote_details": None,
            "subscription_details": details | {"subscription": subscription},
            "type": "subscription_details",
        }
        assign(invoice, parent=parent)

    def _object(self, kind: str, **fields: Any) -> StripeObject:
        made = example(self._shape, kind)
        assign(made, created=self._now(), livemode=self._livemode, **fields)
        return made

    def _now(self) -> int:
        return int(self._clock().timestamp())


def example(shape: ApiShape, kind: str) -> StripeObject:
    """A copy of Stripe's example of a kind of object, such as ``invoice``."""
    made: StripeObject = copy.deepcopy(_examples()[shape.value][kind])
    return made


def payload_of(event: StripeObject) -> bytes:
    """The body of the delivery of an event."""
    return json.dumps(event, indent=2).encode()


def assign(target: StripeObject, **fields: Any) -> None:
    """Set fields that the object has.

    Raises:
        UnknownStripeField: it does not have one of them.
    """
    unknown = fields.keys() - target.keys()
    if unknown:
        kind = target.get("object")
        raise UnknownStripeField(kind=kind, fields=", ".join(sorted(unknown)))
    target.update(fields)


@cache
def _examples() -> Any:
    text = files(__package__).joinpath("stripe_objects.json").read_text("utf-8")
    return json.loads(text)["shapes"]
