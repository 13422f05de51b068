"""Closing the gap: Stripe's own list of events, compared with the inbox.

Stripe keeps events for 30 days. What was never delivered (the endpoint was away, switched
off, or does not subscribe to it) is fetched and put into the inbox like any other event;
the inbox drops what it has. A pass that was cut off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.payments.client import StripeAccount, StripeObject
from bridge.payments.faults import StripeFault, StripeKeyMissing, StripeKeyRefused
from bridge.store.event_passes import EventPassRepository
from bridge.store.events import EventRepository, NewEvent
from bridge.store.locks import exclusive
from bridge.store.tables import EventPass, Network
from webhooks.endpoints import EndpointInfo
from webhooks.envelope import new_event
from webhooks.stripe_events import HANDLERS

_log = structlog.get_logger(__name__)

LONGEST: Final = timedelta(days=30)
"""How far back Stripe's list goes."""

_ON_ITS_WAY: Final = timedelta(minutes=5)
_OVERLAP: Final = timedelta(hours=1)
_SAME_PASS: Final = timedelta(hours=6)
"""How late a pass that was cut off may be carried on, instead of a new one."""

_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Gap:
    """What a pass found: ``listed`` events of types that matter, ``missing`` of them fetched.

    ``alarm`` is what the operator has to know, empty when all is well.
    """

    network: str
    since: datetime
    until: datetime
    listed: int
    missing: int
    alarm: str


class Backfill:
    """Passes over Stripe's list of events, one account after the other.

    Args:
        store: The database.
        account_for: The Stripe account of a network; None where it has no key.
        networks: All networks.
        clock: Aware UTC time.
        stored: Told that something was put into the inbox.
    """

    def __init__(
        self,
        store: Engine,
        *,
        account_for: Callable[[Network], StripeAccount | None],
        networks: Callable[[], list[Network]],
        clock: Callable[[], datetime],
        stored: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._account_for = account_for
        self._networks = networks
        self._clock = clock
        self._stored = stored

    def look(self, network: Network) -> Gap | None:
        """A pass from where the last one ended; what keeps it from its end becomes an alarm.

        None where there is nothing to ask: the network has no key, or another one of the
        same account is asked.

        Raises:
            StripeFault: Stripe cannot be asked; the next pass goes on from here.
            Locked: a pass of this network is under way.
        """
        if network.key not in {chosen.key for chosen in self._one_per_account()}:
            return None
        try:
            return self.run(network)
        except StripeFault as fault:
            self._raise_alarm(network, f"Stripe's list of events cannot be read: {fault}")
            raise

    def run(self, network: Network, *, days: int | None = None) -> Gap:
        """Compare the last ``days``, or what came since the last pass, and fetch what lacks.

        Raises:
            StripeKeyMissing: the network has no key.
            StripeFault: Stripe cannot be asked; the next pass goes on from here.
            Locked: a pass of this network is under way.
        """
        account = self._account_for(network)
        if account is None:
            raise StripeKeyMissing(network=network.name)
        with exclusive(
            self._store, f"events-{network.key}", what=f"A pass over the events of {network.name}"
        ):
            passed = self._begun(network, days)
            while (page := self._page(account, passed))["data"]:
                passed = self._keep(network, passed, page["data"])
                if not page["has_more"]:
                    break
            return self._finish(network, passed, _endpoint_alarm(account, network))

    def rehearse(self, network: Network, *, days: int) -> Gap:
        """What a pass over the last ``days`` would find and fetch; nothing is kept of it.

        Raises:
            StripeKeyMissing: the network has no key.
            StripeFault: Stripe cannot be asked.
        """
        account = self._account_for(network)
        if account is None:
            raise StripeKeyMissing(network=network.name)
        now = self._clock()
        since, until = now - min(timedelta(days=days), LONGEST), now - _ON_ITS_WAY
        passed = EventPass(network_id=network.key, pass_from=since, pass_to=until, cursor="")
        listed = missing = 0
        while (page := self._page(account, passed))["data"]:
            rows = self._rows(network, page["data"])
            with self._store.connect() as connection:
                missing += len(EventRepository(connection).insert_new(rows))
                connection.rollback()
            listed += len(rows)
            passed.cursor = page["data"][-1]["id"]
            if not page["has_more"]:
                break
        return Gap(network.name, since, until, listed, missing, _endpoint_alarm(account, network))

    def _begun(self, network: Network, days: int | None) -> EventPass:
        """The pass that was cut off, or a new one."""
        now = self._clock()
        with self._session() as session:
            passes = EventPassRepository(session)
            last = passes.get(network.key)
            since = now - min(timedelta(days=days) if days else LONGEST, LONGEST)
            if days is None and last.compared_to is not None:
                since = max(since, last.compared_to - _OVERLAP)
            if last.cursor and last.pass_from and last.pass_to:
                still_fits = last.pass_to > now - _SAME_PASS
                if still_fits and last.pass_from <= since + _SAME_PASS:
                    return last
            return passes.begin(network.key, since=since, until=now - _ON_ITS_WAY)

    def _page(self, account: StripeAccount, passed: EventPass) -> StripeObject:
        assert passed.pass_from is not None
        assert passed.pass_to is not None
        params: dict[str, Any] = {
            "limit": _PAGE,
            "created": {
                "gte": int(passed.pass_from.timestamp()),
                "lte": int(passed.pass_to.timestamp()),
            },
        }
        if passed.cursor:
            params["starting_after"] = passed.cursor
        return account.read(account.api.events.list, **params)

    def _keep(self, network: Network, passed: EventPass, events: list[StripeObject]) -> EventPass:
        """A page into the inbox, and how far the pass came, in one commit."""
        rows = self._rows(network, events)
        with self._session() as session:
            fresh = EventRepository(session.connection()).insert_new(rows)
            passed = EventPassRepository(session).save(
                network.key,
                cursor=events[-1]["id"],
                listed=passed.listed + len(rows),
                missing=passed.missing + len(fresh),
            )
        if fresh:
            self._stored()
        return passed

    def _rows(self, network: Network, events: list[StripeObject]) -> list[NewEvent]:
        """The events of types that matter, as the inbox keeps them."""
        endpoint = EndpointInfo(network.key, network.name, network.stripe_account, network.livemode)
        now = self._clock()
        ours = {event["id"]: event for event in events if event["type"] in HANDLERS}
        return [new_event(_body(event), endpoint, now=now) for event in ours.values()]

    def _finish(self, network: Network, passed: EventPass, endpoint_alarm: str) -> Gap:
        alarms = [endpoint_alarm]
        if passed.missing:
            alarms.append(
                f"{passed.missing} of {passed.listed} events never arrived and were fetched: "
                "look at the endpoint's deliveries at Stripe"
            )
        alarm = "; ".join(filter(None, alarms))
        with self._session() as session:
            EventPassRepository(session).save(
                network.key,
                compared_to=passed.pass_to,
                cursor="",
                alarm=alarm,
                finished_at=self._clock(),
            )
        if alarm:
            _log.warning("stripe events", network=network.name, alarm=alarm)
        assert passed.pass_from is not None
        assert passed.pass_to is not None
        return Gap(
            network.name, passed.pass_from, passed.pass_to, passed.listed, passed.missing, alarm
        )

    def _raise_alarm(self, network: Network, alarm: str) -> None:
        _log.warning("stripe events", network=network.name, alarm=alarm)
        with self._session() as session:
            EventPassRepository(session).save(network.key, alarm=alarm, finished_at=self._clock())

    def _one_per_account(self) -> list[Network]:
        chosen: dict[tuple[str, bool], Network] = {}
        for network in self._networks():
            if network.sealed_stripe_key:
                own = network.stripe_account or f"network:{network.name}"
                chosen.setdefault((own, network.livemode), network)
        return list(chosen.values())

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with Session(self._store, expire_on_commit=False) as session:
            yield session
            session.commit()


def _body(event: StripeObject) -> bytes:
    """The event as Stripe would post it; the package has made numbers of its decimal texts."""
    return orjson.dumps(event, default=str)


def _endpoint_alarm(account: StripeAccount, network: Network) -> str:
    """What is wrong with the endpoint that posts here; "" when nothing is, or nobody may look."""
    path = f"/webhooks/stripe/{network.name}"
    try:
        rows = list(account.every(account.api.webhook_endpoints.list))
    except StripeKeyRefused:
        return ""
    ours = [row for row in rows if row["url"].rstrip("/").endswith(path)]
    if not ours:
        return f"no endpoint of the account posts to {path}"
    if any(row["status"] == "enabled" for row in ours):
        return ""
    return f"Stripe has switched off the endpoint {ours[0]['id']}: switch it on again"
