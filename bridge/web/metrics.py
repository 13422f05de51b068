"""``/metrics`` for Prometheus: how payments, changes, mirrors and limits stand.

Everything but the counters of received events is read from the database at the moment of
asking, so that every process of a service tells the same. Moments are given as seconds since
1970, as Prometheus wants them: their age is ``time() - metric``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

import bridge
from bridge.store import figures, schedules
from bridge.store.drift import unsolved
from bridge.store.events import EventRepository
from bridge.store.tables import ChangeState, EventState
from bridge.web.health import Check
from webhooks.tally import Tally

_LATELY = timedelta(days=1)


class Standings(Collector):
    """What planbridge knows of itself, asked anew for every scrape.

    Args:
        engine: The database.
        clock: Aware UTC time.
        alarms: What the operator has to look at, by concern.
        tally: What this process took and refused of Stripe.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Callable[[], datetime],
        alarms: Mapping[str, Check],
        tally: Tally,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._alarms = alarms
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """All metrics; with the database away only that, and what the process itself counts."""
        yield _gauge("info", "The running release.", ["version"], {(bridge.__version__,): 1})
        yield self._received()
        try:
            found = list(self._stored())
        except SQLAlchemyError:
            found = []
        yield _gauge("database_up", "Whether the database answers.", [], {(): bool(found)})
        yield from found

    def _received(self) -> Metric:
        family = CounterMetricFamily(
            "planbridge_stripe_events_received",
            "Stripe's requests to this process by network and outcome: stored, duplicate, refused.",
            labels=("network", "outcome"),
        )
        for (network, outcome), count in self._tally.counts().items():
            family.add_metric((network, outcome), count)
        return family

    def _stored(self) -> Iterator[Metric]:
        now = self._clock()
        with Session(self._engine) as session:
            yield from _events(session, now)
            yield from _changes(session, now)
            networks = figures.networks_at_a_glance(session)
            yield from _networks(session, networks)
            yield from _jobs(session, {one.id: one.name for one in networks})
            yield _gauge(
                "waiting_for_operator",
                "What only the operator can decide.",
                ["what"],
                _each(figures.waiting_for_operator(session)),
            )
        yield _gauge(
            "alarm",
            "1 where the operator has to look; /health/ready says why.",
            ["concern"],
            {(name,): bool(ask()) for name, ask in self._alarms.items()},
        )


def metrics_router(collector: Collector, *, guard: Callable[..., None]) -> APIRouter:
    """``GET /metrics`` in the format that the asker prefers; ``guard`` lets him in."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    ProcessCollector(registry=registry)
    router = APIRouter(tags=["health"])

    @router.get(
        "/metrics",
        dependencies=[Depends(guard)],
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}},
    )
    def metrics(accept: Annotated[str, Header()] = "") -> Response:
        """Everything that Prometheus can watch and alarm upon."""
        encode, content_type = choose_encoder(accept)
        return Response(encode(registry), headers={"Content-Type": content_type})

    return router


def _events(session: Session, now: datetime) -> Iterator[Metric]:
    repository = EventRepository(session.connection())
    counts = repository.counts()
    yield _gauge(
        "stripe_events",
        "Stripe's events in the inbox by what became of them.",
        ["state"],
        {(state.value,): counts.get(state, 0) for state in EventState},
    )
    oldest = repository.oldest_waiting()
    age = max((now - oldest).total_seconds(), 0.0) if oldest else 0.0
    yield _gauge(
        "stripe_events_oldest_waiting_seconds",
        "How long the oldest event waits that is not handled; 0 when none does.",
        [],
        {(): age},
    )


def _changes(session: Session, now: datetime) -> Iterator[Metric]:
    counts = figures.changes_by_state(session)
    yield _gauge(
        "changes",
        "Changes by state.",
        ["state"],
        {(state.value,): counts.get(state, 0) for state in ChangeState},
    )
    seconds = figures.proof_seconds(session, now - _LATELY)
    yield _gauge(
        "proven_last_day",
        "Paid changes that were proven within the last 24 hours.",
        [],
        {(): len(seconds)},
    )
    if seconds:
        yield _gauge(
            "proof_seconds",
            "From payment to proof, of the changes proven within the last 24 hours.",
            ["quantile"],
            {(f"{rank / 100:g}",): figures.percentile(seconds, rank) for rank in (50, 99)},
        )


def _networks(session: Session, networks: Sequence[figures.NetworkFigures]) -> Iterator[Metric]:
    moments: Mapping[str, tuple[str, Callable[[figures.NetworkFigures], datetime | None]]] = {
        "mirror_synced": ("When a network was last mirrored.", lambda one: one.synced_at),
        "stripe_last_event": ("When Stripe last sent an event.", lambda one: one.last_event_at),
        "stripe_compared": (
            "Until when Stripe's own list of events was compared.",
            lambda one: one.compared_to,
        ),
    }
    for name, (what, of) in moments.items():
        values: dict[tuple[str, ...], float] = {
            (one.name,): at.timestamp() for one in networks if (at := of(one))
        }
        yield _gauge(f"{name}_timestamp_seconds", what, ["network"], values)
    drifted = dict.fromkeys((one.name for one in networks), 0) | dict(unsolved(session))
    yield _gauge(
        "drifted_sites",
        "Sites that show other limits than were sold.",
        ["network"],
        _each(drifted),
    )


def _jobs(session: Session, names: Mapping[int, str]) -> Iterator[Metric]:
    found: defaultdict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
    for row in schedules.schedules(session):
        key = (names.get(row.network_id, ""), row.job)
        found["failures"][key] = row.failures
        found["paused"][key] = row.paused
        found["due_timestamp_seconds"][key] = row.due_at.timestamp()
        if row.succeeded_at:
            found["success_timestamp_seconds"][key] = row.succeeded_at.timestamp()
    told = {
        "failures": "Failures of a scheduled job in a row.",
        "paused": "Whether a scheduled job is held.",
        "due_timestamp_seconds": "When a scheduled job is due.",
        "success_timestamp_seconds": "When a scheduled job last succeeded.",
    }
    for name, what in told.items():
        yield _gauge(f"job_{name}", what, ["network", "job"], found[name])


def _each(counts: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    return {(name,): count for name, count in counts.items()}


def _gauge(
    name: str, what: str, labels: Sequence[str], samples: Mapping[tuple[str, ...], float]
) -> Metric:
    family = GaugeMetricFamily(f"planbridge_{name}", what, labels=labels)
    for key, value in samples.items():
        family.add_metric(key, float(value))
    return family
