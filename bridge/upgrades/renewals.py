"""Bringing a membership's billing to the network: renewals, the ladder, refunds.

The row of the billing is the message: an event only notes what it saw and makes it due.
One worker holds a membership at a time. Everything written is absolute and decided before
it is written, so that a worker may die at any point and the next one comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.ladder import DEFAULT_LADDER, Ladder
from bridge.domain.standing import Verdict, judge
from bridge.errors import PlanbridgeError
from bridge.network.client import NetworkClient
from bridge.network.faults import Fault
from bridge.payments.client import StripeAccount
from bridge.payments.faults import StripeFault
from bridge.store.billings import BillingRepository
from bridge.store.changes import ChangeRepository
from bridge.store.networks import network_terms
from bridge.store.options import ladder_of
from bridge.store.tables import Billing, Network
from bridge.upgrades.billed import Order, Seen, heeded, order_for
from bridge.upgrades.bookings import StillOnItsWay
from bridge.upgrades.lanes import WIDTH, Key, Lanes
from bridge.upgrades.outcomes import DEFAULT_BACKOFF, Again, Backoff
from bridge.upgrades.renewing import Work

_log = structlog.get_logger(__name__)

_CHANGE_PATIENCE: Final = timedelta(seconds=5)


class Renewals:
    """Works at the billing of memberships that is due.

    Args:
        store: The database.
        client_for: Opens the client of a network by its id.
        account_for: The Stripe account of a network by its id; None where it has no key.
        clock: Aware UTC time.
        ladder: What follows an unpaid renewal, where the network has nothing else set.
        backoff: How long failed tries wait.
        settle: Seconds in which a request of a dead process may still take effect on a
            network.
        lease: How long a membership is held: longer than working at one may take.
        width: Memberships of one network that are worked at side by side.
    """

    def __init__(
        self,
        store: Engine,
        *,
        client_for: Callable[[int], NetworkClient],
        account_for: Callable[[int], StripeAccount | None] = lambda _network: None,
        clock: Callable[[], datetime],
        ladder: Ladder = DEFAULT_LADDER,
        backoff: Backoff = DEFAULT_BACKOFF,
        settle: float = 90.0,
        lease: timedelta = timedelta(minutes=3),
        width: int = WIDTH,
    ) -> None:
        self._store = store
        self._client_for = client_for
        self._account_for = account_for
        self._clock = clock
        self._ladder = ladder
        self._backoff = backoff
        self._settle = settle
        self._lease = lease
        self._lanes = Lanes(self._claim_and_work, width=width)

    def sweep(self, network_id: int | None = None, *, without: Collection[int] = ()) -> int:
        """Work at what is due and wait for it; how many memberships that were.

        Of one network, or of all but those ``without``. Several memberships of a network are
        worked at side by side, never one by two.
        """
        return self._lanes.run(self._due(network_id, without))

    def begin(self, *, without: Collection[int] = ()) -> int:
        """Let what is due be worked at, without waiting; how much was due.

        So a network that answers slowly holds up its own memberships only.
        """
        due = self._due(None, without)
        self._lanes.begin(due)
        return len(due)

    def close(self) -> None:
        """Begin with nothing that waits, and wait for what is at work."""
        self._lanes.close()

    def _due(self, network_id: int | None, without: Collection[int]) -> list[Key]:
        now = self._clock()
        with self._session() as session:
            repository = BillingRepository(session)
            networks = (
                repository.networks_due(now, without=without)
                if network_id is None
                else [network_id]
            )
            return [key for one in networks for key in repository.due(now, network_id=one)]

    def _claim_and_work(self, key: Key) -> bool:
        now = self._clock()
        with self._session() as session:
            billing = BillingRepository(session).claim(*key, now=now, until=now + self._lease)
        if billing is not None:
            self._work_at(billing)
        return billing is not None

    def _work_at(self, billing: Billing) -> None:
        now = self._clock()
        try:
            ended = self._bring(billing, now)
        except StillOnItsWay as waits:
            self._release(billing, due_at=now + timedelta(seconds=waits.wait), reason=str(waits))
        except Fault as fault:
            again = Again(str(fault), stuck=not fault.transient, retry_after=fault.retry_after)
            self._failed(billing, again, now)
        except StripeFault as fault:
            self._failed(billing, Again(str(fault), stuck=not fault.transient), now)
        except PlanbridgeError as error:
            self._failed(billing, Again(str(error), stuck=True), now)
        except Exception as error:
            _log.exception("billing failed", membership=billing.membership_id)
            self._failed(billing, Again(f"unexpected {type(error).__name__}", stuck=True), now)
        else:
            self._release(billing, **ended)

    def _bring(self, billing: Billing, now: datetime) -> dict[str, Any]:
        """Bring it to the network; what is to be noted of the billing then."""
        key = billing.network_id, billing.membership_id
        with self._session() as session:
            repository = BillingRepository(session)
            change = repository.change_at_work(*key)
            rows = list(repository.objects(*key))
            term_set_at = repository.term_set_since(*key)
            disputes = repository.open_disputes(*key)
            has_open_change = ChangeRepository(session).open_of(*key) is not None
            terms = network_terms(session.get_one(Network, billing.network_id))
            ladder = ladder_of(session, billing.network_id, default=self._ladder)
        if change is not None:
            reason = f"waits for change {change.id}"
            return {"due_at": now + _CHANGE_PATIENCE, "reason": reason, "attempts": 0}
        seen = Seen.of(rows)
        verdict = judge(seen.subscriptions, seen.invoices, now=now, ladder=ladder)
        with self._client_for(billing.network_id) as client:
            work = Work(
                billing,
                client,
                self._store,
                self._clock,
                self._settle,
                partial(self._account_for, billing.network_id),
            )
            row = work.read()
            membership = row.to_domain()
            verdict = heeded(verdict, membership, has_open_change=has_open_change, now=now)
            order = order_for(
                seen,
                membership,
                verdict,
                now=now,
                term_set_at=term_set_at,
                noted=billing.noted,
                booked=work.booked(seen, row),
                timezone=terms.timezone,
            )
            work.carry_out(order, row, verdict)
            work.book(order.renewals, row, seen)
            work.refund(rows)
        return _ended(verdict, order, disputes)

    def _failed(self, billing: Billing, again: Again, now: datetime) -> None:
        failures = billing.attempts - 1
        wait = timedelta(seconds=self._backoff.wait(failures, again))
        told = self._backoff.told(failures, again)
        level = _log.warning if told else _log.info
        level("billing waits", membership=billing.membership_id, reason=again.reason)
        self._release(billing, due_at=now + wait, reason=again.reason, needs_operator=told)

    def _release(self, billing: Billing, *, due_at: datetime | None, **values: Any) -> None:
        with self._session() as session:
            BillingRepository(session).release(billing, due_at=due_at, now=self._clock(), **values)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """A session that commits; never held open over a request to a network."""
        with Session(self._store, expire_on_commit=False) as session:
            yield session
            session.commit()


def _ended(verdict: Verdict, order: Order, disputes: Sequence[str]) -> dict[str, Any]:
    reasons = [verdict.why, order.warning]
    if disputes:
        reasons.append(f"frozen by dispute {', '.join(disputes)}")
    times = [when for when in (verdict.look_at, order.waits_until) if when is not None]
    return {
        "due_at": min(times, default=None),
        "attempts": 0,
        "standing": verdict.standing.value,
        "reason": "; ".join(filter(None, reasons)),
        "needs_operator": bool(disputes or order.warning),
    }
