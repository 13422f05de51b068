"""A stand-in of one Stripe account on a real socket.

    with SandboxStripe(account="acct_1", secret="whsec_1", clock=clock) as stripe:
        client = StripeClient(stripe.api_key, base_addresses={"api": stripe.url})

The API is that of `bridge.sandbox.stripe_resources`; what customers, banks and time do is
done by the methods here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from bridge.errors import Conflict, NotFound
from bridge.sandbox.stripe_api import StripeApi
from bridge.sandbox.stripe_clock import SandboxClock
from bridge.sandbox.stripe_deliveries import Deliveries
from bridge.sandbox.stripe_errors import ApiError, StripeObject
from bridge.sandbox.stripe_faults import Faults
from bridge.sandbox.stripe_journal import StripeJournal
from bridge.sandbox.stripe_pages import Pages
from bridge.sandbox.stripe_resources import (
    checkout_completion,
    coupons,
    disputes,
    payment_intents,
    refunds,
    webhook_endpoints,
)
from bridge.sandbox.stripe_resources.cards import CARDS
from bridge.sandbox.stripe_resources.checkout_completion import Buyer
from bridge.sandbox.stripe_resources.disputes import Outcome
from bridge.sandbox.stripe_resources.everything import DUE, ROUTES
from bridge.sandbox.stripe_settings import Settings
from bridge.sandbox.stripe_socket import StripeSocket
from bridge.sandbox.stripe_state import StripeState
from bridge.sandbox.wire import Answer, Request

DEFAULT_VERSION = "2026-07-29.dahlia"
"""The account's API version if none is given; the newest that Stripe's examples are of."""


_JENNY = Buyer()


class NotPossible(Conflict):
    """{what} cannot be done now: {why}."""


class CardDeclined(Conflict):
    """{what} was declined: {why}."""

    hint = "Try another of Stripe's test cards, such as pm_card_visa."


def _system_clock() -> datetime:
    return datetime.now(UTC)


class SandboxStripe:
    """One account. Usable as a context manager; ``start`` and ``stop`` otherwise.

    Args:
        account: The account's id.
        secret: Signing secret of the endpoint ``webhook_url``.
        clock: The account's time. A `SandboxClock` can be moved by `advance`.
        webhook_url: Where events go; further endpoints by the API or `send_events_to`.
        api_version: The account's version: the shape of events, and of answers to requests
            that name no version.
        api_key: The only key that is accepted. A test key.
        tick: Seconds between looks at the clock, for a clock that runs by itself; without
            it `run_due` or `advance` must be called.
    """

    def __init__(
        self,
        *,
        account: str = "acct_sandbox",
        secret: str = "whsec_sandbox",  # noqa: S107
        clock: Callable[[], datetime] = _system_clock,
        webhook_url: str | None = None,
        api_version: str = DEFAULT_VERSION,
        api_key: str | None = None,
        tick: float | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.account = account
        self.secret = secret
        self.api_key = api_key or f"sk_test_{account.removeprefix('acct_')}"
        self.clock = clock
        self.state = StripeState(
            account=account,
            clock=clock,
            api_version=api_version,
            base_url=lambda: self.url,
            due=DUE,
        )
        self.faults = Faults(self.state.now)
        self.requests = StripeJournal()
        self.deliveries = Deliveries(self.state, clock=clock)
        self.state.on_events = self.deliveries.offer
        self._api = StripeApi(
            self.state, ROUTES, api_key=self.api_key, faults=self.faults, journal=self.requests
        )
        self._pages = Pages(self.state)
        self._running_due = threading.RLock()
        self._tick = tick
        self._stopping = threading.Event()
        self._server = StripeSocket((host, port), self.handle)
        self._threads: list[threading.Thread] = []
        if webhook_url:
            self.send_events_to(webhook_url)

    @property
    def url(self) -> str:
        """The address of the API, without a slash at the end."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def settings(self) -> Settings:
        """The account's settings, such as what happens after failed renewals."""
        return self.state.settings

    def start(self) -> Self:
        """Serve and deliver until ``stop``."""
        self.deliveries.start()
        self._run(lambda: self._server.serve_forever(poll_interval=0.05))
        if self._tick:
            self._run(self._keep_time)
        return self

    def stop(self) -> None:
        """Stop, and cut all connections."""
        self._stopping.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self.deliveries.stop()
        self._server.cut_connections()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    def send_events_to(
        self,
        url: str,
        *,
        secret: str | None = None,
        events: tuple[str, ...] = ("*",),
        api_version: str | None = None,
    ) -> str:
        """Add a webhook endpoint, with the account's secret or its own; its id."""
        with self.state.transaction():
            endpoint = webhook_endpoints.make(
                self.state,
                url,
                secret=secret or self.secret,
                events=events,
                api_version=api_version,
            )
            return str(endpoint["id"])

    def complete_checkout(
        self,
        session_id: str,
        *,
        payment_method: str = _JENNY.card,
        email: str = _JENNY.email,
        name: str = _JENNY.name,
    ) -> StripeObject:
        """The customer pays with one of Stripe's test cards; the session afterwards.

        With a bank debit (``pm_sepaDebit``) it is complete but unpaid until `settle_payment`;
        with a card that asks, it stays open until `authenticate`.

        Raises:
            CardDeclined: he may try again.
            NotPossible: it is not open.
        """
        with self._doing("The checkout"):
            session = self.state.get("checkout.session", session_id)
            buyer = Buyer(card=_known_card(payment_method), email=email, name=name)
            checkout_completion.complete(self.state, session, buyer)
            return self.state.show(session)

    def authenticate(self, intent_id: str, *, succeeded: bool = True) -> StripeObject:
        """The customer answers his bank about a payment or setup intent; the intent.

        Raises:
            NotPossible: nobody asked him.
        """
        with self._doing("The bank's question"):
            intent = checkout_completion.answer_bank(self.state, intent_id, succeeded=succeeded)
            return self.state.show(intent)

    def settle_payment(self, intent_id: str, *, succeeded: bool = True) -> StripeObject:
        """The bank settles a debit that is in processing, or cannot; the intent.

        Raises:
            NotPossible: it is not in processing.
        """
        with self._doing("The debit"):
            intent = self.state.get("payment_intent", intent_id)
            payment_intents.settle(self.state, intent, succeeded=succeeded)
            checkout_completion.follow(self.state, intent)
            return self.state.show(intent)

    def settle_refund(self, refund_id: str, *, succeeded: bool = True) -> StripeObject:
        """The bank books a pending refund, or sends a booked one back; the refund."""
        with self._doing("The refund"):
            refund = self.state.get("refund", refund_id)
            refunds.settle(self.state, refund, succeeded=succeeded)
            return self.state.show(refund)

    def open_dispute(
        self,
        charge_id: str,
        *,
        amount: int | None = None,
        reason: str = "fraudulent",
        inquiry: bool = False,
    ) -> StripeObject:
        """The customer's bank disputes a charge (minor units; all of it if left out)."""
        with self._doing("The dispute"):
            charge = self.state.get("charge", charge_id)
            dispute = disputes.open_dispute(
                self.state,
                charge,
                amount=charge["amount"] if amount is None else amount,
                reason=reason,
                inquiry=inquiry,
            )
            return self.state.show(dispute)

    def close_dispute(self, dispute_id: str, *, outcome: Outcome) -> StripeObject:
        """The bank decides a dispute.

        Raises:
            NotPossible: it is decided already.
        """
        with self._doing("Closing the dispute"):
            dispute = self.state.get("dispute", dispute_id)
            disputes.close_dispute(self.state, dispute, outcome)
            return self.state.show(dispute)

    def discount_customer(self, customer_id: str, coupon: str) -> None:
        """Give a customer a coupon for all his invoices, as one does it on Stripe's dashboard.

        Raises:
            NotPossible: the coupon is missing, used up or too old.
        """
        with self._doing("The discount"):
            coupons.give(self.state, self.state.get("customer", customer_id), coupon)

    def change_card(self, payment_method_id: str, card: str) -> None:
        """Let a saved payment method behave like another test card from now on.

        A card that fails from some day on: ``pm_card_chargeCustomerFail``; that works again:
        ``pm_card_visa``.
        """
        with self._doing("Changing the card"):
            method = self.state.get("payment_method", payment_method_id)
            method["_card"] = _known_card(card)

    def run_due(self) -> None:
        """Let everything happen that is due by now: renewals, retries, trial ends, expiries.

        Each thing happens at its own time, in order; deliveries are waited for.
        """
        self._run_until(self.clock(), move=lambda at: None)

    def advance(self, by: timedelta | None = None, *, to: datetime | None = None) -> None:
        """Move the clock forward, stopping at everything that falls due on the way.

        Events are delivered at their own times, before the clock moves on.

        Raises:
            NotPossible: the clock is not a `SandboxClock`.
        """
        clock = self.clock
        if not isinstance(clock, SandboxClock):
            raise NotPossible(what="Moving the clock", why="it is not a SandboxClock")
        then = to or clock() + (by or timedelta(0))
        self._run_until(then, move=lambda at: clock.move_to(max(at, clock())))
        clock.move_to(then)
        self.deliveries.run_due()
        self.settle()

    def settle(self, seconds: float = 30.0) -> None:
        """Wait until all events that are to be delivered now have been tried.

        Raises:
            NotSettled: it takes longer.
        """
        self.deliveries.settle(seconds)

    def events(self, *types: str) -> list[StripeObject]:
        """All events so far, oldest first; of these types, if any are named."""
        with self.state.lock:
            found = self.state.find("event", lambda each: not types or each["type"] in types)
            return [self.state.show(event) for event in found]

    def handle(self, request: Request) -> Answer | None:
        """Answer one request; None to drop the connection."""
        if request.path.startswith("/v1/"):
            return self._api.answer(request)
        return self._pages.answer(request)

    def _run_until(self, then: datetime, *, move: Callable[[datetime], None]) -> None:
        with self._running_due:
            self.settle()
            while True:
                own = self.state.next_due()
                times = [datetime.fromtimestamp(own, UTC)] if own is not None else []
                later = self.deliveries.next_due()
                times += [later] if later else []
                due = min(times, default=None)
                if due is None or due > then:
                    break
                move(due)
                if own is not None and datetime.fromtimestamp(own, UTC) == due:
                    self.state.wake_next()
                else:
                    self.deliveries.run_due()
                self.settle()

    @contextmanager
    def _doing(self, what: str) -> Iterator[None]:
        """In a transaction; refusals become errors of ours; deliveries are waited for."""
        try:
            with self.state.transaction():
                yield
        except ApiError as refusal:
            if refusal.status == 404:
                raise NotFound(what="Stripe object", key=refusal.message) from None
            if refusal.status == 402:
                raise CardDeclined(what=what, why=refusal.message) from None
            raise NotPossible(what=what, why=refusal.message) from None
        finally:
            self.settle()

    def _keep_time(self) -> None:
        while not self._stopping.wait(self._tick):
            self.run_due()

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self._threads.append(thread)


def _known_card(name: str) -> str:
    if name not in CARDS:
        raise NotFound(what="test card", key=name)
    return name
