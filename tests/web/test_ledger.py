"""Credit kept from an earlier change is used by the next one, once."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlmodel import Session

from bridge.store.ledger import balance, book
from bridge.store.tables import Change, ChangeState
from bridge.wiring import App
from tests.web.conftest import Caller, deliver, paid_intent
from tests.web.test_api import wait_for

MEMBER = 1
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def earlier_change(network_id: int, credit: int) -> Change:
    return Change(
        id="chg_earlier",
        network_id=network_id,
        membership_id=MEMBER,
        kind="upgrade",
        state=ChangeState.PROVEN,
        is_open=False,
        currency="USD",
        target={"ledger": credit},
        created_at=LONG_AGO,
        effective_at=LONG_AGO,
        updated_at=LONG_AGO,
    )


def test_kept_credit_pays_for_the_next_change_and_is_gone(call: Caller, planbridge: App) -> None:
    """1000 kept of an earlier change: Premium for 4900 costs 3900 now, and 0 is left."""
    network_id = planbridge.network("main").key
    with Session(planbridge.engine) as session:
        change = earlier_change(network_id, 1000)
        session.add(change)
        session.flush()
        book(session, change, now=LONG_AGO)
        book(session, change, now=LONG_AGO)
        session.commit()
        assert balance(session, network_id, MEMBER) == 1000
    quote = call.network("POST", f"/memberships/{MEMBER}/quotes", {"products": ["premium"]})
    assert quote["due_now"] == 3900
    assert {"type": "credit", "total": -1000}.items() <= quote["lines"][-1].items()
    reference = {
        "planbridge_network": "main",
        "planbridge_membership": str(MEMBER),
        "planbridge_quote": quote["id"],
    }
    assert deliver(call.url, paid_intent(3900, reference)).ok
    (paid,) = [one for one in changes(call) if one["quote_id"] == quote["id"]]
    assert wait_for(call, str(paid["id"]), "proven", "attention")["state"] == "proven"
    with Session(planbridge.engine) as session:
        assert balance(session, network_id, MEMBER) == 0


def changes(call: Caller) -> list[dict[str, object]]:
    """The membership's changes, once the event has been handled."""
    while True:
        items: list[dict[str, object]] = call.network("GET", f"/changes?membership_id={MEMBER}")[
            "items"
        ]
        if len(items) > 1:
            return items
