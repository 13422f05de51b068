"""Many rows at once: what counts, what stays, and how durable it is, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import StatementError
from sqlmodel import Session, select

from bridge.store.engine import hasty
from bridge.store.tables import MembershipRecord, Network
from bridge.store.upserts import CHUNK, upsert
from tests.conftest import NOW
from tests.store.shown import membership


def row(network: Network, row_id: int, **values: Any) -> dict[str, Any]:
    return {
        **membership(row_id).columns,
        "network_id": network.id,
        "id": row_id,
        "raw": {"b": [1, None, 'quote " and \\ back'], "a": "ünï\u2028code"},
        "fingerprint": "f",
        "seen_pass": 1,
        "synced_at": NOW,
        "addons": {"30": 1, "4": 2},
        "amount": 2**40,
        "recurring": False,
        "gateway": "it's {curly}, 100 %s",
        "date_expiration": NOW,
        "generation": 0,
        **values,
    }


def test_what_goes_in_comes_out(session: Session, network: Network) -> None:
    """Numbers beyond 32 bits, truth, nothing, text with every quote, JSON in its order, times."""
    elsewhere = datetime(2026, 11, 24, 1, 2, 3, 4, timezone(timedelta(hours=-5)))
    given = [row(network, 1), row(network, 2, recurring=True, date_created=elsewhere, amount=-1)]
    upsert(session.connection(), MembershipRecord, given)
    first, second = session.exec(select(MembershipRecord).order_by(text("id"))).all()
    for name, value in given[0].items():
        assert getattr(first, name) == value
    assert list(first.addons) == ["30", "4"]
    assert (second.recurring, second.amount, second.date_created) == (True, -1, elsewhere)
    assert second.date_created.tzinfo is UTC


def test_of_the_same_key_the_last_counts(session: Session, network: Network) -> None:
    """In one call and from call to call; columns to keep are set once."""
    upsert(
        session.connection(),
        MembershipRecord,
        [row(network, 1, status="active"), row(network, 1, status="expired", generation=3)],
    )
    again = [row(network, 1, status="cancelled", generation=0)]
    upsert(session.connection(), MembershipRecord, again, keep=frozenset({"generation"}))
    found = session.exec(select(MembershipRecord)).one()
    assert (found.status, found.generation) == ("cancelled", 3)


def test_more_rows_than_one_statement_takes(session: Session, network: Network) -> None:
    """Whatever the number."""
    rows = [row(network, each) for each in range(1, 2 * CHUNK + 2)]
    upsert(session.connection(), MembershipRecord, rows)
    assert len(session.exec(select(MembershipRecord.id)).all()) == 2 * CHUNK + 1


def test_a_time_that_says_no_zone_is_refused(session: Session, network: Network) -> None:
    """Nobody can say what it means."""
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="naive time"):
        upsert(session.connection(), MembershipRecord, [row(network, 1, date_created=naive)])
    with pytest.raises(StatementError, match="naive time"):
        session.exec(select(MembershipRecord).where(MembershipRecord.synced_at == naive)).all()


def test_only_the_hasty_do_not_wait_for_the_disk(engine: Engine) -> None:
    """A setting of a connection, not of the database."""
    sqlite = engine.dialect.name == "sqlite"
    asked = text("PRAGMA synchronous" if sqlite else "SHOW synchronous_commit")
    with hasty(engine) as second:
        for each, told in ((second, 1 if sqlite else "off"), (engine, 2 if sqlite else "on")):
            for _ in range(2):
                with each.connect() as connection:
                    assert connection.scalar(asked) == told
