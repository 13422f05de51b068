"""The timeline of a simulation: what happened when, for how much, and how things stood then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session

from bridge.payments.amounts import from_stripe
from bridge.store.billings import BillingRepository
from bridge.store.changes import ChangeRepository
from bridge.store.events import EventFilter, EventRepository
from bridge.store.readers import load_catalogue, load_membership
from bridge.store.tables import Change, ChangeState, EventState, Network
from bridge.upgrades.billed import Seen
from bridge.wiring import App

ASSUMED: Final = (
    "The membership is billed by planbridge with a card, whatever bills it now, from the end of "
    "its term as mirrored."
)
"""What a simulation takes for granted."""

_REASONS: Final[Mapping[str, str]] = {
    "subscription_cycle": "renewal",
    "subscription_create": "first payment",
    "subscription_update": "change",
}
_PASSING: Final = frozenset({ChangeState.ACCEPTED, ChangeState.APPLYING, ChangeState.PROVING})
"""States that a change leaves again before anybody could look."""
_EXPLAINED: Final = frozenset(
    {ChangeState.APPLIED, ChangeState.ATTENTION, ChangeState.FAILED, ChangeState.SUPERSEDED}
)
"""States whose reason is worth a look."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what happened, and how the membership stood right after it.

    ``amount`` is in minor units: what was collected, or what could not be (``paid`` False);
    None where no money was asked for. ``next_billing`` is when Stripe bills next, None when
    it will not.
    """

    at: datetime
    what: str
    amount: int | None
    paid: bool
    status: str
    expiration: datetime | None
    plan: str
    next_billing: datetime | None


class Timeline:
    """Everything that happened so far, oldest first, in ``entries``."""

    def __init__(
        self, app: App, network: Network, membership_id: int, clock: Callable[[], datetime]
    ) -> None:
        self.entries: list[Entry] = []
        self._told = ""
        self._app, self._network, self._membership_id = app, network, membership_id
        self._clock = clock
        with self._session() as session:
            past = ChangeRepository(session).list(network_id=network.key)
            products = load_catalogue(session, network.key).products
            self.currency = load_membership(session, network.key, membership_id).currency
        self._states = {change.id: change.state for change in past}
        self._names = {key: product.name for key, product in products.items()}

    @property
    def collected(self) -> int:
        """Everything that was paid, in minor units."""
        return sum(entry.amount or 0 for entry in self.entries if entry.paid)

    def as_json(self) -> dict[str, Any]:
        """The timeline for scripts; amounts in minor units."""
        return {
            "network": self._network.name,
            "membership": self._membership_id,
            "currency": self.currency,
            "collected": self.collected,
            "assumed": ASSUMED,
            "timeline": [asdict(entry) for entry in self.entries],
        }

    def note(self, what: str, amount: int | None = None, *, paid: bool = False) -> None:
        """Something happens now."""
        key = self._network.key, self._membership_id
        with self._session() as session:
            member = load_membership(session, *key)
            rows = BillingRepository(session).objects(*key)
        ending = {row.id for row in rows if row.facts.get("ends_at_period_end")}
        bills = [
            one.period_end
            for one in Seen.of(rows).subscriptions
            if not one.is_over and one.id not in ending
        ]
        self.entries.append(
            Entry(
                at=self._clock(),
                what=what,
                amount=amount,
                paid=paid,
                status=member.status.value,
                expiration=member.date_expiration,
                plan=self._plan(member.plan_id, member.addons),
                next_billing=max((end for end in bills if end is not None), default=None),
            )
        )

    def tell(self, event: Mapping[str, Any]) -> None:
        """Note an event of Stripe that is about money or the end of it."""
        thing = event["data"]["object"]
        match event["type"]:
            case "invoice.paid" if thing["amount_paid"]:
                name = _REASONS.get(thing["billing_reason"], "invoice")
                self.note(f"{name} paid", self._sum(thing, "amount_paid"), paid=True)
            case "invoice.payment_failed":
                name = _REASONS.get(thing["billing_reason"], "invoice")
                tries = thing["attempt_count"]
                self.note(f"{name} failed, attempt {tries}", self._sum(thing, "amount_due"))
            case "checkout.session.completed" if thing["mode"] == "payment":
                self.note("paid on the page", self._sum(thing, "amount_total"), paid=True)
            case "customer.subscription.deleted":
                self.note("subscription ended")

    def look(self) -> None:
        """Note what has become of changes, and of the membership's status, since the last time."""
        with self._session() as session:
            changes = ChangeRepository(session).list(
                network_id=self._network.key, membership_id=self._membership_id
            )
            member = load_membership(session, self._network.key, self._membership_id)
            billing = BillingRepository(session).find(self._network.key, self._membership_id)
        for change in reversed(changes):
            if self._states.get(change.id) is not change.state and change.state not in _PASSING:
                self._states[change.id] = change.state
                due = change.amount_due if change.state is ChangeState.AWAITING_PAYMENT else None
                self.note(self._words(change), due)
        if self.entries and self.entries[-1].status != member.status.value:
            why = f": {billing.reason}" if billing is not None and billing.reason else ""
            self.note(f"{self.entries[-1].status} becomes {member.status.value}{why}")
        if billing is not None and billing.needs_operator and billing.reason != self._told:
            self._told = billing.reason
            self.note(f"for the operator: {billing.reason}")

    def note_left_over(self) -> None:
        """Note the events that could not be handled: nothing is passed over in silence."""
        left = (EventState.WAITING, EventState.ATTENTION, EventState.FAILED)
        with self._app.engine.connect() as connection:
            for event in EventRepository(connection).list(EventFilter(states=left)):
                self.note(f"event {event.type} is {event.state.value}: {event.reason}")

    def _words(self, change: Change) -> str:
        target = change.target or {}
        to = f" to {self._plan(target['plan_id'], target['addons'])}" if target else ""
        state = change.state.value.replace("_", " ")
        if change.state is ChangeState.SCHEDULED:
            state = f"scheduled for {change.effective_at:%Y-%m-%d}"
        why = f" ({change.reason})" if change.state in _EXPLAINED and change.reason else ""
        return f"{change.kind}{to}: {state}{why}"

    def _plan(self, plan_id: int, addons: Mapping[Any, int]) -> str:
        extra = [
            f" + {count if count > 1 else ''}{'× ' if count > 1 else ''}{self._name(int(key))}"
            for key, count in sorted(addons.items(), key=lambda item: int(item[0]))
        ]
        return self._name(plan_id) + "".join(extra)

    def _name(self, product: int) -> str:
        return self._names.get(product, f"product {product}")

    def _sum(self, thing: Mapping[str, Any], field: str) -> int:
        return from_stripe(thing[field], thing["currency"])

    def _session(self) -> Session:
        return Session(self._app.engine, expire_on_commit=False)
