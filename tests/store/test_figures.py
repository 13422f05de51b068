"""What the operator sees first, and the search, on both databases."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import Session

from bridge.store.events import EventRepository, EventResult, NewEvent
from bridge.store.figures import (
    changes_by_state,
    events_by_day,
    network_counts,
    networks_at_a_glance,
    percentile,
    proof_times,
    waiting_for_operator,
)
from bridge.store.search import find_memberships
from bridge.store.tables import (
    Change,
    ChangeState,
    CustomerRecord,
    DomainRecord,
    EventState,
    MembershipRecord,
    Network,
    PaymentRecord,
    SiteRecord,
    StripeCustomer,
    StripePaymentId,
    StripeSeen,
)
from tests.conftest import NOW


def change(number: int, network: Network, *, seconds: float | None = None, days: int = 0) -> Change:
    paid = NOW - timedelta(days=days)
    done = None if seconds is None else paid + timedelta(seconds=seconds)
    return Change(
        id=f"chg_{number}",
        network_id=network.key,
        membership_id=number,
        kind="upgrade",
        state=ChangeState.ATTENTION if done is None else ChangeState.PROVEN,
        is_open=done is None,
        currency="USD",
        payment_key=f"pi_{number}",
        created_at=paid,
        effective_at=paid,
        paid_at=paid,
        proven_at=done,
        updated_at=paid,
    )


def event(number: int, network: Network, *, days: float = 0) -> NewEvent:
    when = NOW - timedelta(days=days)
    return NewEvent(
        network.key, "acct", f"evt_{number}", "invoice.paid", "", False, b"{}", when, when
    )


class TestFigures:
    def test_percentiles_are_values_that_were_there(self) -> None:
        values = [float(number) for number in range(1, 101)]
        assert (percentile(values, 50), percentile(values, 99)) == (50, 99)
        assert percentile([7.0], 99) == 7
        assert percentile([1.0, 9.0], 99) == 9

    def test_times_to_proof_by_day(self, session: Session, network: Network) -> None:
        session.add_all([change(n, network, seconds=n, days=0) for n in range(1, 11)])
        session.add_all(
            [change(20, network, seconds=3, days=2), change(21, network, seconds=3, days=40)]
        )
        session.add(change(30, network))
        session.flush()
        found = proof_times(session, NOW - timedelta(days=14))
        assert [(one.day, one.count, one.p50, one.p99) for one in found] == [
            (date(2026, 11, 22), 1, 3.0, 3.0),
            (date(2026, 11, 24), 10, 5.0, 10.0),
        ]
        assert changes_by_state(session) == {ChangeState.PROVEN: 12, ChangeState.ATTENTION: 1}
        assert waiting_for_operator(session) == {"changes": 1, "events": 0, "billings": 0}

    def test_events_by_day_and_outcome(self, session: Session, network: Network) -> None:
        """Days are UTC days on both databases."""
        repository = EventRepository(session.connection())
        repository.insert_new(
            [event(1, network), event(2, network, days=0.49), event(3, network, days=0.51)]
        )
        claimed = repository.claim(now=NOW, lease_until=NOW + timedelta(minutes=1), limit=1)
        repository.finish(claimed[0], EventResult(EventState.FAILED), now=NOW)
        found = events_by_day(session, NOW - timedelta(days=14))
        assert {day: sum(counts.values()) for day, counts in found.items()} == {
            date(2026, 11, 23): 1,
            date(2026, 11, 24): 2,
        }
        assert waiting_for_operator(session)["events"] == 1

    def test_networks_at_a_glance(self, session: Session, network: Network) -> None:
        EventRepository(session.connection()).insert_new([event(1, network, days=1)])
        (one,) = networks_at_a_glance(session)
        assert (one.id, one.name, one.alarm, one.collects) == (network.key, "main", "", False)
        assert one.last_event_at == NOW - timedelta(days=1)
        assert network_counts(session, network.key) == {"memberships": 0, "sites": 0}


@pytest.fixture
def people(session: Session, network: Network) -> None:
    """Ten memberships; number 3 has one of everything that can be searched."""
    mirrored = {"network_id": network.key, "fingerprint": "", "synced_at": NOW}
    session.add_all(
        MembershipRecord(
            id=number,
            customer_id=100 + number,
            plan_id=1,
            status="active" if number % 2 else "expired",
            currency="USD",
            gateway_subscription_id=f"sub_{number}",
            gateway_customer_id=f"cus_{number}",
            **mirrored,
        )
        for number in range(1, 11)
    )
    session.add_all(
        CustomerRecord(
            id=100 + number,
            email=f"customer{number}@example.com",
            billing_email=f"Bills{number}@example.org",
            **mirrored,
        )
        for number in range(1, 11)
    )
    session.add_all(
        SiteRecord(
            id=200 + number,
            domain=f"site{number}.example.net",
            path="/",
            membership_id=number,
            **mirrored,
        )
        for number in range(1, 11)
    )
    session.add_all(
        [
            SiteRecord(
                id=300, domain="network.example.com", path="/blog/", membership_id=3, **mirrored
            ),
            DomainRecord(id=1, blog_id=203, domain="custom.example.com", **mirrored),
            PaymentRecord(id=1, membership_id=3, gateway_payment_id="ch_three", **mirrored),
            StripeCustomer(
                network_id=network.key, customer_id=103, stripe_id="cus_made", created_at=NOW
            ),
            StripePaymentId(account="acct", stripe_id="in_three", payment="p"),
            StripePaymentId(account="acct", stripe_id="pi_three", payment="p"),
            StripeSeen(
                account="acct",
                id="pi_three",
                kind="payment",
                network_id=network.key,
                membership_id=3,
                seen_at=NOW,
                updated_at=NOW,
            ),
            change(3, network),
        ]
    )
    session.flush()


@pytest.mark.usefixtures("people")
class TestSearch:
    @pytest.mark.parametrize(
        "text",
        [
            "3",
            " customer3@example.com ",
            "CUSTOMER3@example",
            "Bills3@example.org",
            "site3.example.net",
            "https://site3.example.net/wp-admin",
            "network.example.com/blog",
            "blog",
            "custom.example.com",
            "sub_3",
            "cus_3",
            "cus_made",
            "in_three",
            "pi_three",
            "pi_3",
            "ch_three",
        ],
    )
    def test_everything_leads_to_the_one(self, session: Session, text: str) -> None:
        assert [one.id for one in find_memberships(session, text=text)] == [3]

    @pytest.mark.parametrize(
        "text", ["%", "_", "11", "nobody@example.com", "sub_none", "x" * 200, "'", "\\", "ümlaut"]
    )
    def test_what_fits_nothing(self, session: Session, text: str) -> None:
        assert find_memberships(session, text=text) == []

    def test_a_beginning_finds_all_that_begin_so(self, session: Session) -> None:
        assert len(find_memberships(session, text="customer1@")) == 1
        assert len(find_memberships(session, text="site1")) == 2

    def test_by_status_and_page(self, session: Session, network: Network) -> None:
        first = find_memberships(session, status="active", limit=3)
        rest = find_memberships(session, status="active", after=first[-1].id)
        assert [one.id for one in (*first, *rest)] == [1, 3, 5, 7, 9]
        assert first[1].email == "customer3@example.com"
        assert first[1].sites == "site3.example.net, network.example.com/blog"
        assert find_memberships(session, network_id=network.key + 1) == []
