"""One run: the clock jumps to what falls due next, and the parts of the service do their work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session

from bridge.errors import Conflict, PaymentError, PlanbridgeError
from bridge.payments.client import StripeAccount
from bridge.payments.lookup import look_up
from bridge.payments.pace import Pace
from bridge.sandbox.stripe_clock import SandboxClock
from bridge.sandbox.stripe_server import SandboxStripe
from bridge.simulation.member import SimulatedMember
from bridge.simulation.script import Script, Wish
from bridge.simulation.subscription import GOOD_CARD, subscribe
from bridge.simulation.timeline import Timeline
from bridge.store.billings import BillingRepository
from bridge.store.changes import ChangeRepository
from bridge.store.events import EventRepository
from bridge.store.quotes import QuoteRepository
from bridge.store.tables import ChangeState, Network
from bridge.upgrades.collecting import Collecting
from bridge.upgrades.intent import request_change
from bridge.upgrades.outcomes import DEFAULT_BACKOFF
from bridge.upgrades.quoting import Choice, give_quote
from bridge.upgrades.steps import STAGES, Steps
from bridge.wiring import App
from webhooks.dispatch import Dispatcher
from webhooks.endpoints import EndpointInfo
from webhooks.envelope import new_event

BAD_CARD: Final = "pm_card_chargeCustomerFail"
_FASTER_THAN_REAL: Final = 10_000.0
_TRIES: Final = 20


class SimulationStuck(PlanbridgeError):
    """The simulation does not get on at {at}: the same things fall due again and again."""


class Run:
    """One run: where it stands, and the parts of the service that do the work."""

    def __init__(
        self,
        app: App,
        network: Network,
        member: SimulatedMember,
        *,
        account: SandboxStripe,
        clock: SandboxClock,
        script: Script,
    ) -> None:
        self._app, self._network = app, network
        self._taken, self._member = member, member.standing
        self._stripe, self._clock, self._script = account, clock, script
        self._account = StripeAccount(
            account.api_key,
            network=network.name,
            base_url=account.url,
            pace=Pace(_FASTER_THAN_REAL),
        )
        self._collecting = Collecting(
            app.engine,
            account_for=lambda _network: self._account,
            clock=clock,
            quote_key=app.quote_key,
        )
        self._dispatcher = Dispatcher(
            app.engine,
            clock=clock,
            wake=lambda _change: None,
            ask=lambda _networks, kind, key: look_up(self._account, kind, key),
            quote_key=app.quote_key,
        )
        self._renewals = app.renewals(settle=0.0)
        self._engine = app.upgrade_engine()
        self._steps = Steps(
            store=app.engine,
            client_for=app.client_for,
            account_for=lambda _network: self._account,
            clock=clock,
            backoff=DEFAULT_BACKOFF,
            settle=0.0,
        )
        self._wishes = sorted(script.wishes, key=lambda wish: wish.at)
        self._delivered = 0
        self._card = ""
        self._declined_in: set[int] = set()
        self.timeline = Timeline(app, network, member.standing.id, clock)

    def through(self) -> Timeline:
        """From the beginning of the script to its end."""
        with self._session() as session:
            subscribe(session, self._account, self._network, self._member, now=self._clock())
        self._settle()
        self.timeline.note("begins")
        self._schedule()
        self._settle()
        still = 0
        while (then := self._next()) <= self._script.ends:
            still = still + 1 if then == self._clock() else 0
            if still > _TRIES:
                raise SimulationStuck(at=f"{then:%Y-%m-%d %H:%M} UTC")
            self._set_card(then)
            self._move(then)
            while self._wishes and self._wishes[0].at <= self._clock():
                self._ask_for(self._wishes.pop(0))
            self._settle()
        self._move(self._script.ends)
        self.timeline.note_left_over()
        for month in sorted(self._script.fail_in - self._declined_in):
            self.timeline.note(f"nothing failed in month {month}: nothing was to be collected")
        self.timeline.note("ends")
        return self.timeline

    # -- time -------------------------------------------------------------------------

    def _next(self) -> datetime:
        """When the next thing falls due: at Stripe, here, or because the customer wishes it."""
        now, key = self._clock(), (self._network.key, self._member.id)
        times = [self._script.ends + timedelta(seconds=1)]
        times += [wish.at for wish in self._wishes[:1]]
        due = self._stripe.state.next_due()
        if due is not None:
            times.append(datetime.fromtimestamp(due, now.tzinfo))
        with self._session() as session:
            billing = BillingRepository(session).find(*key)
            # What waits for the operator would be tried until the end of time.
            if billing is not None and billing.due_at and not billing.needs_operator:
                times.append(billing.due_at)
            waiting = ChangeRepository(session).open_of(*key)
            if waiting is not None and waiting.state is ChangeState.SCHEDULED:
                times += [waiting.effective_at] if waiting.effective_at else []
        return max(min(times), now)

    def _move(self, then: datetime) -> None:
        self._stripe.advance(to=max(then, self._clock()))

    def _settle(self) -> None:
        """Let everything that follows from what has happened so far happen."""
        for _ in range(_TRIES):
            worked = self._deliver() + self._renewals.sweep() + self._engine.sweep()
            self._carry_out()
            worked += self._collecting.sweep()
            self.timeline.look()
            if not worked:
                return
        raise SimulationStuck(at=f"{self._clock():%Y-%m-%d %H:%M} UTC")

    # -- Stripe -----------------------------------------------------------------------

    def _deliver(self) -> int:
        """Bring Stripe's new events to planbridge, one after the other."""
        events = self._stripe.events()
        fresh, self._delivered = events[self._delivered :], len(events)
        endpoint = EndpointInfo(self._network.key, self._network.name, self._stripe.account)
        for event in fresh:
            with self._app.engine.begin() as connection:
                EventRepository(connection).insert_new(
                    [new_event(json.dumps(event).encode(), endpoint, now=self._clock())]
                )
            self._dispatcher.run_due()
            self._notice_failure(event)
        self._renewals.sweep()
        for event in fresh:
            self.timeline.tell(event)
        return len(fresh)

    def _notice_failure(self, event: Mapping[str, Any]) -> None:
        month = self._script.month_of(self._clock())
        if event["type"] == "invoice.payment_failed" and month in self._script.fail_in:
            self._declined_in.add(month)
            self._set_card(self._clock())

    def _set_card(self, then: datetime) -> None:
        """Let the customer's card do what the script says for that time."""
        month, unpaid = self._script.month_of(then), self._script.unpaid_from
        fails = unpaid is not None and month >= unpaid
        fails = fails or (month in self._script.fail_in and month not in self._declined_in)
        card = BAD_CARD if fails else GOOD_CARD
        if card == (self._card or GOOD_CARD):
            return
        method = self._collecting.orders.situation(self._network, self._member.id).payment_method
        if method is not None:
            self._stripe.change_card(method, card)
            self._card = card

    # -- planbridge -------------------------------------------------------------------

    def _ask_for(self, wish: Wish) -> None:
        """Quote it, ask for it, and pay what is due, as the customer does.

        What the service refuses is a line of the timeline, as it would be an answer there.
        """
        try:
            self._buy(wish)
        except (Conflict, PaymentError) as refusal:
            self.timeline.note(f"refused: {refusal}")

    def _buy(self, wish: Wish) -> None:
        with self._session() as session:
            given = give_quote(
                session,
                self._network,
                self._member.id,
                Choice(products=wish.products),
                now=self._clock(),
                key=self._app.quote_key,
                minutes=self._app.settings.quote_minutes,
            )
            session.commit()
            change = request_change(session, given, self._clock())
            session.commit()
        self.timeline.look()
        if change.amount_due > 0:
            asked = self._collecting.collect(self._network, change.id)
            if asked.url is not None and not asked.paid:
                page = asked.url.rsplit("/", 1)[1]
                self._stripe.complete_checkout(page, payment_method=GOOD_CARD)

    def _schedule(self) -> None:
        """What the membership waits for already, at the price that was given."""
        waiting, given = self._taken.open_change, self._taken.scheduled
        if waiting is None:
            return
        if given is None:
            self.timeline.note(f"left out: change {waiting.id} is {waiting.state.value}")
            return
        now = self._clock()
        with self._session() as session:
            again = QuoteRepository(session, self._app.quote_key).add(
                self._network.key,
                given.quote,
                given.request,
                basis=given.basis,
                membership_id=self._member.id,
                now=now,
                expires_at=now + timedelta(minutes=self._app.settings.quote_minutes),
            )
            request_change(session, again, now)
            session.commit()

    def _carry_out(self) -> None:
        """The stages of the engine, one after the other, as its workflow runs them.

        A change that waits for the operator stays there: nobody removes the cause.
        """
        with self._session() as session:
            ready = ChangeRepository(session).ready(self._clock())
        for change in ready:
            for stage in STAGES:
                if not self._stage(stage, change.id):
                    break

    def _stage(self, stage: str, change_id: str) -> bool:
        failures = 0
        while (result := self._steps.run(stage, change_id, failures))["verdict"] == "wait":
            with self._session() as session:
                change = ChangeRepository(session).get(change_id)
            if change.state is ChangeState.ATTENTION:
                return False
            failures += 1
            self._move(self._clock() + timedelta(seconds=result["seconds"]))
        return result["verdict"] == "go_on"

    def _session(self) -> Session:
        return Session(self._app.engine, expire_on_commit=False)
