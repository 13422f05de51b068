"""Which jobs run by themselves for every network."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import Session

from bridge.domain.notices import NoticeKind
from bridge.notices.finding import find_limits, find_renewals
from bridge.store import schedules as store
from bridge.store.billings import BillingRepository
from bridge.store.drift import unsolved
from bridge.store.notices import NoticeRepository
from bridge.store.options import night_of
from bridge.store.outgoing import forget_old_events
from bridge.store.tables import Network
from bridge.upgrades.renewals import Renewals
from bridge.upgrades.rounds import Rounds
from sync import drift
from sync.passes import run
from sync.rhythms import Every, Nightly
from sync.schedules import Job, JobStopped, Schedules
from sync.uses import read_uses

if TYPE_CHECKING:
    from bridge.wiring import App

BILLING = "billing"
LATE = timedelta(minutes=15)
FAILURES = 3
GoOn = Callable[[], bool]


def _nobody() -> None:
    """Nobody waits for events."""


def schedules(planbridge: App, *, stored: Callable[[], None] = _nobody) -> Schedules:
    """The scheduled jobs of all networks, not yet started.

    ``stored`` is called when events of Stripe that never arrived were put into the inbox.
    """
    every = timedelta(minutes=planbridge.settings.backfill_minutes)
    return Schedules(
        planbridge.engine,
        (
            Job("changes", Every(timedelta(minutes=5)), _syncs(planbridge, incremental=True)),
            Job(BILLING, Every(timedelta(minutes=1)), _bills(planbridge)),
            Job("events", Every(every), _closes_the_gap(planbridge, stored)),
            Job("mirror", Nightly(time(1)), _syncs(planbridge, incremental=False), long=True),
            Job("drift", Nightly(time(3), 0.5), _looks_for_drift(planbridge), long=True),
            Job("uses", Nightly(time(4), 0.7), _asks_what_is_used(planbridge), long=True),
            Job("notices", Every(timedelta(hours=1)), _finds_what_to_tell(planbridge)),
        ),
        networks=planbridge.networks,
        executor_id=planbridge.settings.executor_id,
        clock=planbridge.clock,
    )


def _syncs(planbridge: App, *, incremental: bool) -> Callable[[Network, GoOn], str]:
    """Bring the mirror up to date: what changed, or everything with its ids."""

    def sync(network: Network, go_on: GoOn) -> str:
        def on_page(_done: Any) -> None:
            if not go_on():
                raise JobStopped

        night = night_of(network)
        with planbridge.client(network) as client:
            result = run(
                planbridge.engine,
                network,
                client,
                clock=planbridge.clock,
                incremental=incremental,
                put_off_whole=night is not None and not night.holds(planbridge.clock()),
                progress=on_page,
            )
        if result.faults:
            raise result.faults[0]
        rows = sum(each.rows for each in result.entities)
        told = f"{rows} rows seen, {result.differences} differed"
        left = sum(len(each.unreadable) for each in result.entities)
        told = f"{told}, {left} could not be read" if left else told
        return ". ".join([told, *result.notes])

    return sync


def billing_rounds(planbridge: App) -> Rounds:
    """Rounds over the billing of all networks where that job is not held.

    Events want it within seconds; the job of each network is what can be seen of it. A round
    does not wait for what it has begun: one slow network would hold up all others.
    """
    renewals = planbridge.renewals()
    return Rounds(sweep_billing(planbridge, renewals), name=BILLING, closing=renewals.close)


def sweep_billing(planbridge: App, renewals: Renewals) -> Callable[[], int]:
    """Begins with what is due on all networks where the job is not held; how much that is."""

    def sweep() -> int:
        with planbridge.session() as session:
            held = store.networks_paused(session, BILLING)
        return renewals.begin(without=held)

    return sweep


def _bills(planbridge: App) -> Callable[[Network, GoOn], str]:
    """Renewals, refunds, and the ladder of memberships that are not paid.

    One at a time, as the rounds work at the same network, too.
    """
    renewals = planbridge.renewals(width=1)

    def bill(network: Network, _go_on: GoOn) -> str:
        worked = renewals.sweep(network.key)
        with planbridge.session() as session:
            due, stuck = BillingRepository(session).waiting(network.key, planbridge.clock())
        return f"memberships worked at: {worked}, due still: {due}, for the operator: {stuck}"

    return bill


def _closes_the_gap(planbridge: App, stored: Callable[[], None]) -> Callable[[Network, GoOn], str]:
    """Compare Stripe's list of events with what arrived."""
    backfill = planbridge.backfill(stored)

    def look(network: Network, _go_on: GoOn) -> str:
        gap = backfill.look(network)
        if gap is None:
            return "nothing to ask Stripe for"
        return gap.alarm or f"{gap.listed} events listed, all had arrived"

    return look


def _looks_for_drift(planbridge: App) -> Callable[[Network, GoOn], str]:
    """Compare what is in force on every site with what was sold."""

    def look(network: Network, go_on: GoOn) -> str:
        with planbridge.client(network) as client:
            try:
                found = drift.scan(
                    planbridge.engine, network, client, clock=planbridge.clock, go_on=go_on
                )
            except drift.LimitsNotShown as hidden:
                return str(hidden)  # no failure: it will not pass by trying again
        if found.finished_at is None:
            raise JobStopped
        return (
            f"{found.sites} sites looked at, {found.drifted} differ, {found.repaired} repaired, "
            f"{found.gone} gone, {found.unproven} not judged"
        )

    return look


def _asks_what_is_used(planbridge: App) -> Callable[[Network, GoOn], str]:
    """Ask every customer's site what it uses, where somebody is to be told of full limits."""

    def ask(network: Network, go_on: GoOn) -> str:
        with planbridge.session() as session:
            if not NoticeRepository(session).is_on(network.key, NoticeKind.LIMIT):
                return "nobody is told of limits"
        asked = read_uses(
            planbridge.engine,
            network,
            open_site=planbridge.site_xmlrpc,
            clock=planbridge.clock,
            go_on=go_on,
        )
        if asked is None:
            return "no WordPress user is on record to ask the sites with"
        return f"{asked.told} sites told what they use, {asked.untold} did not"

    return ask


def _finds_what_to_tell(planbridge: App) -> Callable[[Network, GoOn], str]:
    """Renewals ahead and limits that fill up; what is too old to keep is forgotten."""

    def find(network: Network, _go_on: GoOn) -> str:
        now = planbridge.clock()
        with planbridge.session() as session:
            renewals = find_renewals(session, network.key, now=now)
            limits = find_limits(session, network.key, now=now)
            NoticeRepository(session).forget_old(now)
            forget_old_events(session.connection(), now=now)
        return f"{renewals} renewals ahead, {limits} customers with a limit filling up"

    return find


def schedule_alarms(session: Session, *, clock: Callable[[], datetime]) -> str:
    """Which jobs keep failing or are not taken up; "" when none."""
    late = store.in_trouble(session, overdue_since=clock() - LATE, failures=FAILURES)
    return "; ".join(
        f"{job} of {network} " + (f"failed {failures} times" if failures else "is overdue")
        for network, job, failures in late
    )


def drift_alarms(session: Session) -> str:
    """On which networks sites differ from what was sold; "" on none."""
    return "; ".join(
        f"sites of {network} that differ: {count} (planbridge drift show {network})"
        for network, count in unsolved(session)
    )
