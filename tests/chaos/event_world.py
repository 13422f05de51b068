"""What is delivered in the chaos of events, and the state that must come of it.

A world is a network with memberships and a store of its own. The same events are brought
to two worlds: to one in order, each once; to the other by a service that is killed.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, select

from bridge.domain.periods import Period
from bridge.domain.quotes import ChangeKind, Quote, QuoteRequest, TargetState
from bridge.network.client import Entity, NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.sandbox.examples import PREMIUM_ID, member, seed
from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.server import SandboxNetwork
from bridge.settings import Settings
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.events import EventFilter, EventRepository
from bridge.store.mirror import write_rows
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.quotes import QuoteRepository, membership_basis
from bridge.store.readers import load_membership
from bridge.store.seals import Seal
from bridge.store.tables import Billing, Change, EventState, MembershipRecord, StripeSeen
from bridge.upgrades.renewals import Renewals
from bridge.wiring import App
from sync.records import shown
from webhooks.dispatch import Dispatcher
from webhooks.endpoints import EndpointInfo
from webhooks.envelope import new_event

FIXTURES = Path(__file__).parents[1] / "fixtures" / "stripe" / "2026-07"
SECRET = "whsec_chaos"
ACCOUNT = "acct_chaos"
TERM = 30 * 86_400
PER_MEMBERSHIP = 50
"""Events of the life of one membership: a year of renewals, a refund, a dispute."""


@dataclass(frozen=True, slots=True)
class Life:
    """The memberships that live through everything, and the quotes that others pay."""

    renewing: tuple[int, ...]
    buying: tuple[int, ...]


class World:
    """A network with ``count`` renewing memberships and a tenth as many that buy."""

    def __init__(self, folder: Path, count: int, *, now: datetime) -> None:
        self.now = now
        self.folder = folder
        buyers = max(count // 10, 2)

        def example(state: NetworkState) -> None:
            seed(state)
            for number in range(count + buyers):
                member(state, plan=PREMIUM_ID, days_left=number % 28 + 1, sites=0)

        self.network = SandboxNetwork(example=example, clock=lambda: now)
        self.network.start()
        self.url = f"sqlite:///{folder / 'planbridge.sqlite'}"
        self.engine: Engine = make_engine(self.url)
        schema.upgrade(self.engine)
        self.settings = Settings(data_dir=folder, log_level="error")
        self.app = App(self.settings, self.engine, Seal(self.settings.sealing_keys()))
        with Session(self.engine) as session:
            row = NetworkRepository(session, self.app.seal).add(
                "main",
                self.network.url,
                Credentials("sandbox-key", "sandbox-secret"),
                now=now,
                stripe_secrets=[SECRET],
                stripe_account=ACCOUNT,
            )
            session.commit()
            self.network_id = row.key
        ids = self._mirror()[-(count + buyers) :]
        self.life = Life(tuple(ids[:count]), tuple(ids[count:]))
        self.quotes = {membership: self._quote(membership) for membership in self.life.buying}

    def close(self) -> None:
        self.network.stop()
        self.engine.dispose()

    def client(self) -> NetworkClient:
        return NetworkClient(
            Endpoint(self.network.url, "sandbox-key", "sandbox-secret"), name="main"
        )

    def bring_in_order(self, events: list[dict[str, Any]]) -> None:
        """Each event once, oldest first, and what follows."""
        endpoint = EndpointInfo(self.network_id, "main", ACCOUNT)
        with self.engine.begin() as connection:
            rows = [new_event(json.dumps(e).encode(), endpoint, now=self.now) for e in events]
            for start in range(0, len(rows), 500):
                EventRepository(connection).insert_new(rows[start : start + 500])
        Dispatcher(
            self.engine,
            clock=self.app.clock,
            wake=lambda _: None,
            quote_key=self.app.quote_key,
        ).run_due()
        renewals = Renewals(
            self.engine, client_for=lambda _: self.client(), clock=self.app.clock, settle=0.0
        )
        while renewals.sweep():
            pass

    def state(self) -> dict[str, Any]:
        """Everything that must be equal in the end."""
        with self.client() as client:
            members = {
                row.id: row
                for row in client.find(Entity.MEMBERSHIP)
                if row.id in self.life.renewing
            }
            payments = client.find(Entity.PAYMENT, gateway="stripe")
        with Session(self.engine) as session:
            seen = session.exec(select(StripeSeen)).all()
            changes = session.exec(select(Change)).all()
            return {
                "members": {
                    key: (row.status, row.date_expiration, row.times_billed)
                    for key, row in members.items()
                },
                "payments": sorted(
                    (row.membership_id, row.gateway_payment_id, row.status, row.refund_total)
                    for row in payments
                    if row.membership_id in self.life.renewing
                ),
                "objects": {
                    row.id: (row.membership_id, row.rank, json.dumps(row.facts, sort_keys=True))
                    for row in seen
                },
                "changes": sorted((row.membership_id, row.amount_paid) for row in changes),
            }

    def counts(self) -> dict[EventState, int]:
        with self.engine.connect() as connection:
            return EventRepository(connection).counts(EventFilter())

    def waiting(self) -> int:
        """How much is still to be done."""
        with Session(self.engine) as session:
            due = session.exec(
                select(Billing).where(Billing.due_at <= datetime.now(UTC))  # type: ignore[operator]
            ).all()
        return self.counts().get(EventState.WAITING, 0) + len(due)

    def _mirror(self) -> list[int]:
        with self.client() as client, Session(self.engine) as session:
            for entity in (Entity.PRODUCT, Entity.MEMBERSHIP):
                rows = [shown(row) for row in client.find(entity)]
                write_rows(
                    session.connection(), self.network_id, entity.value, rows, asked_at=self.now
                )
            session.commit()
            return sorted(session.exec(select(MembershipRecord.id)).all())

    def _quote(self, membership: int) -> str:
        month = Period(1, "month")
        with Session(self.engine) as session:
            known = load_membership(session, self.network_id, membership)
            quote = Quote(
                kind=ChangeKind.UPGRADE,
                currency="USD",
                lines=(),
                subtotal=4522,
                credit=0,
                discount_total=0,
                tax_total=0,
                due_now=4522,
                recurring_total=4900,
                next_billing_at=self.now + timedelta(days=30),
                next_billing_amount=4900,
                effective_at=self.now,
                target=TargetState(
                    plan_id=PREMIUM_ID,
                    addons={},
                    period=month,
                    amount=4900,
                    initial_amount=4522,
                    recurring=True,
                ),
            )
            given = QuoteRepository(session, self.app.quote_key).add(
                self.network_id,
                quote,
                QuoteRequest(products=(PREMIUM_ID,), period=month),
                basis=membership_basis(known),
                membership_id=membership,
                now=self.now,
                expires_at=self.now + timedelta(days=1),
            )
            session.commit()
            return given.id


class Story:
    """Makes events: each with an id of its own, one second after the last of its object."""

    def __init__(self, now: datetime) -> None:
        self._now = int(now.timestamp())
        self._templates: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []

    def tell(self, kind: str, at: int, **facts: Any) -> None:
        event = copy.deepcopy(self._template(kind))
        event |= {"id": f"evt_{len(self.events)}", "created": at}
        event["data"]["object"] |= facts
        self.events.append(event)

    def life(self, membership: int, *, number: int) -> None:
        """A year: begun, renewed twelve times; some refunded, disputed, unpaid at the end."""
        about = {
            "planbridge_network": "main",
            "planbridge_membership": str(membership),
        }
        sub = f"sub_{membership}"
        begin = self._now - 86_400
        self.tell("customer.subscription.created", begin, **_subscription(sub, about, begin, 0))
        for cycle in range(1, 13):
            at = begin + cycle * 60
            invoice, intent = f"in_{membership}_{cycle}", f"pi_{membership}_{cycle}"
            fails = cycle == 12 and number % 3 == 0
            if fails:
                self.tell(
                    "invoice.payment_failed",
                    at,
                    **_invoice(invoice, sub, about, at, cycle, paid=False),
                )
                owing = _subscription(sub, about, begin, cycle, status="past_due")
                self.tell("customer.subscription.updated", at + 1, **owing)
                continue
            self.tell("invoice.paid", at, **_invoice(invoice, sub, about, at, cycle, paid=True))
            self.tell(
                "invoice_payment.paid",
                at,
                id=f"inpay_{membership}_{cycle}",
                invoice=invoice,
                payment={"type": "payment_intent", "payment_intent": intent},
                status="paid",
            )
            self.tell("payment_intent.succeeded", at, id=intent, metadata={}, latest_charge=None)
            self.tell(
                "customer.subscription.updated", at + 1, **_subscription(sub, about, begin, cycle)
            )
        if number % 2 == 0:
            charge = {"charge": f"ch_{membership}", "payment_intent": f"pi_{membership}_1"}
            for part in (1, 2):
                self.tell(
                    "refund.created",
                    begin + 1000 + part,
                    id=f"re_{membership}_{part}",
                    amount=500 * part,
                    status="succeeded",
                    **charge,
                )
        if number % 5 == 0:
            dispute = {
                "id": f"dp_{membership}",
                "charge": f"ch_{membership}_2",
                "payment_intent": f"pi_{membership}_2",
            }
            self.tell("charge.dispute.created", begin + 1000, status="needs_response", **dispute)
            self.tell("charge.dispute.closed", begin + 2000, status="won", **dispute)

    def purchase(self, membership: int, quote: str) -> None:
        """One payment for a quote, told three times."""
        about = {
            "planbridge_network": "main",
            "planbridge_membership": str(membership),
            "planbridge_quote": quote,
        }
        paid = {"invoice": f"in_b{membership}", "payment_intent": f"pi_b{membership}"}
        at = self._now - 60
        self.tell(
            "payment_intent.succeeded",
            at,
            id=paid["payment_intent"],
            metadata=about,
            amount=4522,
            amount_received=4522,
            latest_charge=None,
        )
        self.tell(
            "invoice.paid",
            at,
            id=paid["invoice"],
            metadata=about,
            amount_paid=4522,
            billing_reason="manual",
        )
        self.tell(
            "invoice_payment.paid",
            at,
            id=f"inpay_b{membership}",
            invoice=paid["invoice"],
            payment={"type": "payment_intent", "payment_intent": paid["payment_intent"]},
            status="paid",
        )

    def _template(self, kind: str) -> dict[str, Any]:
        if kind not in self._templates:
            name = f"{kind.replace('.', '_')}.json"
            self._templates[kind] = json.loads((FIXTURES / name).read_text())
        return self._templates[kind]


def story_of(world: World, count: int) -> list[dict[str, Any]]:
    """``count`` events or a few more, oldest first."""
    story = Story(world.now)
    for membership, quote in world.quotes.items():
        story.purchase(membership, quote)
    for number, membership in enumerate(world.life.renewing):
        if len(story.events) >= count:
            break
        story.life(membership, number=number)
    return sorted(story.events, key=lambda event: event["created"])


def _subscription(
    sub: str, about: dict[str, str], begin: int, cycle: int, *, status: str = "active"
) -> dict[str, Any]:
    start = begin + cycle * TERM
    item = {"id": f"si_{sub}", "current_period_start": start, "current_period_end": start + TERM}
    return {
        "id": sub,
        "status": status,
        "metadata": about,
        "items": {"object": "list", "data": [item]},
    }


def _invoice(
    invoice: str, sub: str, about: dict[str, str], at: int, cycle: int, *, paid: bool
) -> dict[str, Any]:
    end = at + (cycle + 1) * TERM
    return {
        "id": invoice,
        "metadata": {},
        "billing_reason": "subscription_cycle",
        "status": "paid" if paid else "open",
        "attempt_count": 1,
        "amount_due": 4900,
        "amount_paid": 4900 if paid else 0,
        "currency": "usd",
        "created": at,
        "status_transitions": {"finalized_at": at, "paid_at": at if paid else None},
        "parent": {
            "type": "subscription_details",
            "subscription_details": {"subscription": sub, "metadata": about},
        },
        "lines": {
            "data": [
                {
                    "period": {"start": at + cycle * TERM, "end": end},
                    "parent": {
                        "type": "subscription_item_details",
                        "subscription_item_details": {"proration": False},
                    },
                }
            ]
        },
    }
