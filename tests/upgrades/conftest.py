"""A small network in the mirror and quotes for it, for the tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.memberships import Membership, MembershipStatus
from bridge.domain.periods import Period
from bridge.domain.quotes import ChangeKind, Quote, QuoteRequest, TargetState
from bridge.sandbox.server import SandboxNetwork
from bridge.store.mirror import Shown, write_rows
from bridge.store.quotes import GivenQuote, QuoteRepository, membership_basis
from bridge.store.tables import Network
from bridge.upgrades.intent import PaidNotice
from tests.memberships import membership_columns
from tests.upgrades.scene import Scene

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEY = b"the key that signs quotes"
MONTH = Period(1, "month")
FREE, PREMIUM = 8, 10

MEMBERSHIP = Membership(
    id=7,
    customer_id=3,
    plan_id=FREE,
    currency="USD",
    amount=0,
    period=MONTH,
    status=MembershipStatus.ACTIVE,
    recurring=False,
)

PREMIUM_QUOTE = Quote(
    kind=ChangeKind.UPGRADE,
    currency="USD",
    lines=(),
    subtotal=2999,
    credit=0,
    discount_total=0,
    tax_total=0,
    due_now=2999,
    recurring_total=2999,
    next_billing_at=datetime(2026, 12, 24, 12, 0, tzinfo=UTC),
    next_billing_amount=2999,
    effective_at=NOW,
    target=TargetState(
        plan_id=PREMIUM, addons={}, period=MONTH, amount=2999, initial_amount=2999, recurring=True
    ),
)


def mirror_membership(session: Session, network_id: int, membership: Membership) -> None:
    """Put a membership into the mirror as if just synced."""
    columns = membership_columns(membership)
    raw = {"id": membership.id, "plan_id": membership.plan_id, "amount": membership.amount}
    write_rows(
        session.connection(),
        network_id,
        "membership",
        [Shown(membership.id, raw, columns)],
        asked_at=NOW,
    )
    session.expire_all()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session on a migrated database, once of each kind."""
    with Session(engine, expire_on_commit=False) as opened:
        yield opened


@pytest.fixture
def network_id(session: Session) -> int:
    """A network with one membership on the Free plan."""
    network = Network(name="main", url="http://x", sealed_credentials="", created_at=NOW)
    session.add(network)
    session.commit()
    mirror_membership(session, network.key, MEMBERSHIP)
    session.commit()
    return network.key


GiveQuote = Callable[..., GivenQuote]


@pytest.fixture
def give(session: Session, network_id: int) -> GiveQuote:
    """Keep a quote for the membership; keyword arguments change the Premium one."""

    def give_quote(*, membership: Membership = MEMBERSHIP, **changed: object) -> GivenQuote:
        given = QuoteRepository(session, KEY).add(
            network_id,
            replace(PREMIUM_QUOTE, **changed),
            QuoteRequest(products=(PREMIUM,)),
            basis=membership_basis(membership),
            membership_id=membership.id,
            now=NOW,
            expires_at=NOW + timedelta(hours=1),
        )
        session.commit()
        return given

    return give_quote


def notice_for(given: GivenQuote, **changed: object) -> PaidNotice:
    """The payment of exactly what a quote says."""
    notice = PaidNotice(
        network_id=given.network_id,
        quote_id=given.id,
        membership_id=given.membership_id,
        payment_key="pi_1",
        amount=given.quote.due_now,
        currency=given.quote.currency,
        paid_at=NOW,
        source="payment_intent.succeeded evt_1",
    )
    return replace(notice, **changed)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A sandbox network that behaves like the plugin's head."""
    with SandboxNetwork() as network:
        made = Scene(network, tmp_path)
        yield made
        made.store.dispose()


@pytest.fixture
def old_scene(tmp_path: Path) -> Iterator[Scene]:
    """A sandbox network that behaves like release 2.4.12."""
    with SandboxNetwork(release="2.4.12") as network:
        made = Scene(network, tmp_path)
        yield made
        made.store.dispose()
