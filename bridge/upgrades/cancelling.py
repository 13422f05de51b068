"""A customer's membership ends with what he has paid for, and goes on if he wishes so.

The row of the cancellation is the message, so repeating it is safe. Where planbridge's
subscription bills the membership, Stripe is told to end it with its period; when it has
ended, the billing tells the network as it does of every end. Where nobody bills by himself
(gateway manual), the network is told when the term is over: as with the plugin's own
cancellation, the sites stay reachable until then (domain/account-page.md no. 29).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.gateway_effects import WITHOUT_SUBSCRIPTIONS
from bridge.domain.memberships import MembershipStatus
from bridge.errors import Conflict, PlanbridgeError
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.rows import MembershipRow
from bridge.payments.endings import end_with_period, go_on
from bridge.payments.faults import StripeKeyMissing
from bridge.payments.situation import LiveSubscription
from bridge.store.billings import BillingRepository
from bridge.store.cancellations import CancellationRepository
from bridge.store.changes import ChangeRepository
from bridge.store.readers import membership_record
from bridge.store.tables import Cancellation, MembershipRecord, Network
from bridge.upgrades.mirrored import mirror_membership
from bridge.upgrades.orders import Orders
from bridge.upgrades.outcomes import DEFAULT_BACKOFF, Again, Backoff

_log = structlog.get_logger(__name__)

_RUNNING = (MembershipStatus.ACTIVE, MembershipStatus.TRIALING, MembershipStatus.ON_HOLD)
_PATIENCE = timedelta(minutes=1)


def why_not_cancellable(session: Session, member: MembershipRecord) -> str:
    """Why a customer cannot cancel a membership now, as a code; "" where he can.

    ``over``: it has ended. ``free``: nothing is billed and nothing ends. ``change``: a
    change has to be finished or taken back first.
    """
    if member.status not in _RUNNING:
        return "over"
    if member.date_expiration is None or not (member.recurring and member.amount > 0):
        return "free"
    if ChangeRepository(session).open_of(member.network_id, member.id) is not None:
        return "change"
    return ""


class Cancelling:
    """Carries cancellations out.

    Args:
        store: The database.
        orders: Knows what Stripe has for a membership.
        client_for: Opens the client of a network by its id.
        clock: Aware UTC time.
        backoff: How long failed tries wait.
    """

    def __init__(
        self,
        store: Engine,
        *,
        orders: Orders,
        client_for: Callable[[int], NetworkClient],
        clock: Callable[[], datetime],
        backoff: Backoff = DEFAULT_BACKOFF,
    ) -> None:
        self._store = store
        self._orders = orders
        self._client_for = client_for
        self._clock = clock
        self._backoff = backoff

    def check(self, network: Network, membership_id: int) -> None:
        """Whether planbridge may end what bills a membership.

        Raises:
            BilledElsewhere: somebody else's subscription bills it.
            StripeKeyMissing: nobody can tell who bills it.
            StripeFault: Stripe cannot be asked.
        """
        self._subscription(network, membership_id)

    def sweep(self) -> int:
        """Work at what is due; how many that were."""
        with self._session() as session:
            due = list(CancellationRepository(session).due(self._clock()))
        for network_id, membership_id in due:
            self.carry_out(network_id, membership_id)
        return len(due)

    def carry_out(self, network_id: int, membership_id: int) -> None:
        """Do what the customer wants now; what fails is tried again by `sweep`."""
        with self._session() as session:
            row = CancellationRepository(session).find(network_id, membership_id)
            network = session.get(Network, network_id)
        if row is None or row.due_at is None or network is None:
            return
        now = self._clock()
        try:
            noted = self._do(network, row, now)
        except PlanbridgeError as error:
            noted = self._failed(row, Again(str(error), stuck=isinstance(error, Conflict)), now)
        except Exception as error:
            _log.exception("cancellation failed", membership=membership_id)
            noted = self._failed(row, Again(f"unexpected {type(error).__name__}"), now)
        with self._session() as session:
            CancellationRepository(session).note(row, now=now, **noted)

    def _do(self, network: Network, row: Cancellation, now: datetime) -> dict[str, object]:
        done: dict[str, object] = {"due_at": None, "attempts": 0, "problem": ""}
        with self._session() as session:
            overtaken = CancellationRepository(session).overtaken(row)
        if overtaken and row.wanted:
            return {**done, "wanted": False}
        subscription = self._subscription(network, row.membership_id)
        if subscription is not None:
            self._tell_stripe(network, row, subscription)
            return {**done, "subscription": subscription.id}
        if not row.wanted:
            return done
        waits = self._end_on_network(network, row, now)
        return done if waits is None else {**done, "due_at": waits, "ends_at": waits}

    def _tell_stripe(
        self, network: Network, row: Cancellation, subscription: LiveSubscription
    ) -> None:
        account = self._orders.account(network)
        once = f"planbridge/{network.name}/cancellation/{row.membership_id}/{row.turn}"
        if row.wanted:
            end_with_period(
                account, subscription, once=once, feedback=row.reason, comment=row.comment
            )
        else:
            go_on(account, subscription, once=once)

    def _end_on_network(
        self, network: Network, row: Cancellation, now: datetime
    ) -> datetime | None:
        """Tell the network once the term is over; until when to wait, None when it is done."""
        with self._session() as session:
            at_work = BillingRepository(session).change_at_work(network.key, row.membership_id)
            known = membership_record(session, network.key, row.membership_id).date_expiration
        if at_work is not None:
            return now + _PATIENCE
        if known is not None and known > now:
            return known
        with self._client_for(network.key) as client:
            shown = client.get(Entity.MEMBERSHIP, row.membership_id)
            assert isinstance(shown, MembershipRow)
            member = shown.to_domain()
            if member.status is MembershipStatus.CANCELLED:
                return None
            if member.date_expiration is not None and member.date_expiration > now:
                return member.date_expiration
            asked_at = self._clock()
            fields = {"status": MembershipStatus.CANCELLED.value}
            stored = client.update(Entity.MEMBERSHIP, row.membership_id, fields)
        assert isinstance(stored, MembershipRow)
        with self._session() as session:
            mirror_membership(session, network.key, stored, asked_at=asked_at)
        _log.info("membership ended", membership=row.membership_id)
        return None

    def _subscription(self, network: Network, membership_id: int) -> LiveSubscription | None:
        try:
            return self._orders.situation(network, membership_id).subscription
        except StripeKeyMissing:
            with self._session() as session:
                member = membership_record(session, network.key, membership_id)
            if member.gateway in WITHOUT_SUBSCRIPTIONS:
                return None
            raise

    def _failed(self, row: Cancellation, again: Again, now: datetime) -> dict[str, object]:
        wait = timedelta(seconds=self._backoff.wait(row.attempts, again))
        _log.warning("cancellation waits", membership=row.membership_id, reason=again.reason)
        return {"due_at": now + wait, "attempts": row.attempts + 1, "problem": again.reason}

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """A session that commits; never held open over a request to Stripe or a network."""
        with Session(self._store, expire_on_commit=False) as session:
            yield session
            session.commit()
