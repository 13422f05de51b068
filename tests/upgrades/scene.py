"""A sandbox network, its mirror and an engine, put together for tests of whole changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.periods import Period
from bridge.domain.quotes import ChangeKind, Quote, QuoteRequest, TargetState
from bridge.network.client import Entity, NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.network.transport import Retries
from bridge.sandbox.example_limits import BASIC, EXTRA_DISK_SPACE, FREE, PREMIUM
from bridge.sandbox.examples import BASIC_ID, EXTRA_DISK_SPACE_ID, FREE_ID, PREMIUM_ID
from bridge.sandbox.server import SandboxNetwork
from bridge.store import schema
from bridge.store.changes import ChangeRepository
from bridge.store.engine import make_engine
from bridge.store.limits import OWN, LimitsOwner, save_limits
from bridge.store.mirror import write_rows
from bridge.store.quotes import GivenQuote, QuoteRepository, membership_basis
from bridge.store.readers import load_membership
from bridge.store.tables import Change, ChangeState, Network
from bridge.upgrades.engine import UpgradeEngine
from bridge.upgrades.intent import PaidNotice, accept_payment, request_change
from bridge.upgrades.outcomes import Backoff
from sync.records import shown

KEY = b"the key that signs quotes"
MONTH = Period(1, "month")
QUICK = Backoff(waits=(0.05, 0.05, 0.1, 0.1, 0.2), patience=3, stuck=0.2)
LIMITS = {
    FREE_ID: FREE,
    BASIC_ID: BASIC,
    PREMIUM_ID: PREMIUM,
    EXTRA_DISK_SPACE_ID: EXTRA_DISK_SPACE,
}
FREE_MEMBERSHIP = 1
"""Of the sandbox's example: on Free, two sites."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Scene:
    """Everything of one test: the network, the store, what is asked of the engine."""

    def __init__(self, network: SandboxNetwork, folder: Path, url: str = "") -> None:
        self.sandbox = network
        self.store: Engine = make_engine(url or f"sqlite:///{folder / 'store.sqlite'}")
        schema.upgrade(self.store)
        self.engine_url = url or f"sqlite:///{folder / 'engine.sqlite'}"
        with Session(self.store) as session:
            row = Network(name="main", url=network.url, sealed_credentials="", created_at=utc_now())
            session.add(row)
            session.commit()
            self.network_id = row.key
        self.mirror()
        self.know_limits(*LIMITS)

    def client(self, _network_id: int = 0) -> NetworkClient:
        return client_of(self.sandbox.url)

    def mirror(self) -> None:
        """Read products, memberships and sites into the store."""
        with self.client() as client, Session(self.store) as session:
            for entity in (Entity.PRODUCT, Entity.MEMBERSHIP, Entity.SITE):
                rows = [shown(row) for row in client.find(entity)]
                write_rows(
                    session.connection(),
                    self.network_id,
                    entity.value,
                    rows,
                    asked_at=utc_now(),
                )
            session.commit()

    def know_limits(self, *products: int) -> None:
        with Session(self.store) as session:
            rows = {LimitsOwner("product", one): LIMITS[one] for one in products}
            save_limits(session, self.network_id, rows, kind=OWN, source="file", now=utc_now())
            session.commit()

    def engine(self, **options: object) -> UpgradeEngine:
        settings = {"backoff": QUICK, "settle": 1.0, "poll": 0.02, "sweep": 0.1, **options}
        return UpgradeEngine(
            store=self.store,
            client_for=self.client,
            clock=utc_now,
            executor_id="test-1",
            system_database_url=self.engine_url,
            **settings,
        )

    def quote(
        self,
        *,
        membership: int = FREE_MEMBERSHIP,
        plan: int = PREMIUM_ID,
        addons: dict[int, int] | None = None,
        due: int = 4900,
        kind: ChangeKind = ChangeKind.UPGRADE,
        effective_at: datetime | None = None,
    ) -> GivenQuote:
        """Keep a quote for a plan with add-ons."""
        now = utc_now()
        with Session(self.store) as session:
            known = load_membership(session, self.network_id, membership)
            quote = Quote(
                kind=kind,
                currency="USD",
                lines=(),
                subtotal=due,
                credit=0,
                discount_total=0,
                tax_total=0,
                due_now=due,
                recurring_total=4900,
                next_billing_at=now + timedelta(days=30),
                next_billing_amount=4900,
                effective_at=effective_at or now,
                target=TargetState(
                    plan_id=plan,
                    addons=addons or {},
                    period=MONTH,
                    amount=4900,
                    initial_amount=due,
                    recurring=True,
                ),
                quoted_at=now,
            )
            given = QuoteRepository(session, KEY).add(
                self.network_id,
                quote,
                QuoteRequest(products=(plan,)),
                basis=membership_basis(known),
                membership_id=membership,
                now=now,
                expires_at=now + timedelta(hours=1),
            )
            session.commit()
            return given

    def pay(self, given: GivenQuote, key: str = "pi_1") -> str:
        """Pay exactly what the quote says, and return the id of the change."""
        now = utc_now()
        notice = PaidNotice(
            network_id=self.network_id,
            quote_id=given.id,
            membership_id=given.membership_id,
            payment_key=key,
            amount=given.quote.due_now,
            currency="USD",
            paid_at=now,
            source="test",
        )
        with Session(self.store) as session:
            outcome = accept_payment(session, notice, now=now, quote_key=KEY)
            session.commit()
        assert outcome.change_id is not None, outcome.reason
        return outcome.change_id

    def ask(self, given: GivenQuote) -> str:
        """Ask for a quote that costs nothing now, and return the id of the change."""
        with Session(self.store) as session:
            change = request_change(session, given, utc_now())
            session.commit()
            return change.id

    def raise_fence(self, membership: int) -> None:
        with Session(self.store) as session:
            ChangeRepository(session).next_generation(self.network_id, membership)
            session.commit()

    def change(self, change_id: str) -> Change:
        with Session(self.store, expire_on_commit=False) as session:
            return ChangeRepository(session).get(change_id)

    def steps(self, change_id: str) -> dict[tuple[str, str], dict[str, object]]:
        with Session(self.store) as session:
            return {
                (step.name, step.subject): {"state": step.state, **step.detail}
                for step in ChangeRepository(session).steps(change_id)
            }

    def wait_for(
        self, change_id: str, state: ChangeState, *, reason: str = "", seconds: float = 20
    ) -> Change:
        """The change as soon as it is in that state, its reason containing ``reason``."""
        deadline = time.monotonic() + seconds
        while True:
            change = self.change(change_id)
            if change.state is state and reason in change.reason:
                return change
            if time.monotonic() > deadline:
                raise AssertionError(f"{change.state}: {change.reason}")
            time.sleep(0.02)


def client_of(url: str) -> NetworkClient:
    """A client of a sandbox that does not itself wait for a network that is away."""
    return NetworkClient(
        Endpoint(url, "sandbox-key", "sandbox-secret"),
        name="main",
        retries=Retries(attempts=1),
    )


@contextmanager
def running(engine: UpgradeEngine) -> Iterator[UpgradeEngine]:
    """Start an engine for a block."""
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


MakeScene = Callable[..., Scene]
