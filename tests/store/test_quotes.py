"""Quotes come back as they were given, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.memberships import Membership, MembershipStatus
from bridge.domain.periods import Period
from bridge.domain.quotes import (
    ChangeKind,
    Explanation,
    LineItem,
    LineType,
    Quote,
    QuoteError,
    QuoteRequest,
    TargetState,
    explained_by,
)
from bridge.errors import UnknownQuote
from bridge.store.quotes import GivenQuote, QuoteRepository, QuoteTampered, membership_basis
from bridge.store.tables import Network, StoredQuote

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MONTH = Period(1, "month")
MEMBERSHIP = Membership(
    id=7,
    customer_id=3,
    plan_id=8,
    currency="USD",
    amount=0,
    period=MONTH,
    status=MembershipStatus.ACTIVE,
    addons={2: 1},
)
WHY = Explanation("proration.credit", "15 days are left", 1478, {"days": 15, "of": "30.4375"}, "§5")
QUOTE = Quote(
    kind=ChangeKind.UPGRADE,
    currency="USD",
    lines=(
        LineItem(
            LineType.PRODUCT, "Pro", 6000, 1, 6000, 0, 0, 6000, True, product_id=9, period=MONTH
        ),
    ),
    subtotal=6000,
    credit=1478,
    discount_total=0,
    tax_total=0,
    due_now=4522,
    recurring_total=6000,
    next_billing_at=NOW + timedelta(days=30),
    next_billing_amount=6000,
    effective_at=NOW,
    errors=(QuoteError("warning", "Mind the gap."),),
    target=TargetState(9, {2: 3}, MONTH, 6000, 4522, True),
    policy="fair",
    quoted_at=NOW,
    period=MONTH,
    billing_starts_at=NOW,
    excess_credit=12,
)
REQUEST = QuoteRequest(products=(9, 2), period=MONTH, pwyw_amounts={9: 500})


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as opened:
        opened.add(Network(id=1, name="main", url="x", sealed_credentials="", created_at=NOW))
        opened.add(Network(id=2, name="other", url="x", sealed_credentials="", created_at=NOW))
        opened.commit()
        yield opened


def give(session: Session, quote: Quote = QUOTE) -> GivenQuote:
    given = QuoteRepository(session, b"key").add(
        1,
        quote,
        REQUEST,
        basis=membership_basis(MEMBERSHIP),
        membership_id=7,
        now=NOW,
        expires_at=NOW + timedelta(hours=1),
    )
    session.commit()
    session.expire_all()
    return given


def test_every_field_comes_back(session: Session) -> None:
    given = give(session)
    read = QuoteRepository(session, b"key").get(1, given.id)
    assert read == given
    assert (read.quote, read.request) == (QUOTE, REQUEST)
    assert given.id.startswith("qt_")


def test_an_explanation_that_nobody_has_read_yet_is_kept_too(session: Session) -> None:
    given = give(session, explained_by(replace(QUOTE), lambda _: [WHY]))
    assert QuoteRepository(session, b"key").get(1, given.id).quote.explanation == (WHY,)


def test_it_expires_at_its_time(session: Session) -> None:
    given = give(session)
    assert not given.expired(NOW + timedelta(minutes=59))
    assert given.expired(NOW + timedelta(hours=1))


def test_another_networks_quote_is_unknown(session: Session) -> None:
    given = give(session)
    with pytest.raises(UnknownQuote):
        QuoteRepository(session, b"key").get(2, given.id)


@pytest.mark.parametrize(
    "path", [("quote", "due_now"), ("membership_id",), ("expires_at",), ("quote", "policy")]
)
def test_a_document_changed_by_hand_is_refused(session: Session, path: tuple[str, ...]) -> None:
    given = give(session)
    stored = session.get(StoredQuote, given.id)
    assert stored is not None
    document = {**stored.document}
    if len(path) == 1:
        document[path[0]] = 1
    else:
        document[path[0]] = {**document[path[0]], path[1]: 1}
    stored.document = document
    session.add(stored)
    session.commit()
    with pytest.raises(QuoteTampered):
        QuoteRepository(session, b"key").get(1, given.id)


def test_columns_changed_by_hand_do_not_move_a_quote(session: Session) -> None:
    """Another network's column on a signed document of this one."""
    given = give(session)
    stored = session.get(StoredQuote, given.id)
    assert stored is not None
    stored.network_id = 2
    session.add(stored)
    session.commit()
    with pytest.raises(QuoteTampered):
        QuoteRepository(session, b"key").get(2, given.id)


def test_another_key_believes_nothing(session: Session) -> None:
    given = give(session)
    with pytest.raises(QuoteTampered):
        QuoteRepository(session, b"another").get(1, given.id)
