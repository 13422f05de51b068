"""A disputed payment freezes its membership: no change of it is begun."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from bridge.store.sightings import Sighting, SightingRepository
from bridge.store.tables import ChangeState
from bridge.upgrades.intent import (
    MembershipFrozen,
    Verdict,
    accept_payment,
    request_change,
    retry_change,
)
from tests.upgrades.conftest import KEY, MEMBERSHIP, NOW, GiveQuote, notice_for
from tests.upgrades.scene import Scene, running


def dispute(session: Session, network_id: int, status: str, *, membership: int) -> None:
    """What was last seen of a dispute about one of the membership's payments."""
    seen = SightingRepository(session.connection(), "acct_1")
    rank = 0 if status == "needs_response" else 2
    sighting = Sighting(kind="dispute", id="dp_1", at=NOW, rank=rank, facts={"status": status})
    seen.keep(sighting, now=NOW)
    seen.give(sighting, (network_id, membership))
    session.commit()


@pytest.mark.parametrize("outcome", ["won", "lost", "warning_closed"])
def test_nothing_is_asked_for_until_it_is_decided(
    session: Session, network_id: int, give: GiveQuote, outcome: str
) -> None:
    """Whatever the decision is."""
    given = give()
    dispute(session, network_id, "needs_response", membership=MEMBERSHIP.id)
    with pytest.raises(MembershipFrozen, match="dp_1"):
        request_change(session, given, NOW)
    dispute(session, network_id, outcome, membership=MEMBERSHIP.id)
    assert request_change(session, given, NOW).state is ChangeState.AWAITING_PAYMENT


def test_another_membership_goes_on(session: Session, network_id: int, give: GiveQuote) -> None:
    """Only the disputed one is frozen."""
    dispute(session, network_id, "needs_response", membership=MEMBERSHIP.id + 1)
    assert request_change(session, give(), NOW)


def test_a_payment_is_kept_and_can_be_carried_out_later(
    session: Session, network_id: int, give: GiveQuote
) -> None:
    """The money is there, the change waits for the operator."""
    dispute(session, network_id, "needs_response", membership=MEMBERSHIP.id)
    outcome = accept_payment(session, notice_for(give()), now=NOW, quote_key=KEY)
    session.commit()
    assert outcome.verdict is Verdict.CONFLICT
    assert "frozen until dispute dp_1" in outcome.reason
    assert outcome.change_id is not None
    dispute(session, network_id, "won", membership=MEMBERSHIP.id)
    assert retry_change(session, outcome.change_id, NOW).state is ChangeState.ACCEPTED


def test_a_change_on_its_way_waits_before_it_writes(scene: Scene) -> None:
    """Accepted before the dispute: it stops at its first stage, and goes on afterwards."""
    change_id = scene.pay(scene.quote())
    with Session(scene.store) as session:
        dispute(session, scene.network_id, "needs_response", membership=1)
    with running(scene.engine()):
        scene.wait_for(change_id, ChangeState.ATTENTION, reason="frozen")
        assert list(scene.sandbox.journal.writes("/membership/1")) == []
        with Session(scene.store) as session:
            dispute(session, scene.network_id, "won", membership=1)
        scene.wait_for(change_id, ChangeState.PROVEN)
