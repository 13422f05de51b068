"""What Prometheus reads: figures of the database, counters of the process, who may ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, create_engine

from bridge.store.events import EventRepository, NewEvent
from bridge.store.tables import DriftFinding, DriftState, JobSchedule
from bridge.web.metrics import Standings
from tests.pages.stage import NETWORK, TOKEN, Stage, open_stage
from tests.webhooks.delivery import NOW, add_network
from webhooks.tally import Outcome, Tally

ALERTS = Path(__file__).parents[2] / "deploy" / "prometheus-alerts.yaml"
WATCHER = "token-of-the-watcher"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("metrics"), metrics_token=WATCHER) as opened:
        yield opened


def ask(stage: Stage, token: str | None = WATCHER, **headers: str) -> requests.Response:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return requests.get(f"{stage.url}/metrics", headers=headers, timeout=30)


def samples(stage: Stage) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(ask(stage).text)
        for sample in family.samples
    }


def value(stage: Stage, name: str, **labels: str) -> float:
    return samples(stage)[f"planbridge_{name}", frozenset(labels.items())]


@pytest.mark.parametrize(
    ("token", "status"),
    [(WATCHER, 200), (TOKEN, 200), ("another", 401), ("", 401), ("tökén", 401), (None, 401)],
)
def test_it_needs_a_token(stage: Stage, token: str | None, status: int) -> None:
    """Its own, or the operator's."""
    given = None if token is None else token.encode().decode("latin-1")
    assert ask(stage, given).status_code == status


def test_its_own_token_opens_nothing_else(stage: Stage) -> None:
    """Whoever watches cannot change plans."""
    answer = requests.get(
        f"{stage.url}/v1/networks", headers={"Authorization": f"Bearer {WATCHER}"}, timeout=30
    )
    assert answer.status_code == 401


def test_the_asker_chooses_the_format(stage: Stage) -> None:
    """Prometheus' own text, or OpenMetrics."""
    assert ask(stage).headers["content-type"].startswith("text/plain; version=")
    told = ask(stage, Accept="application/openmetrics-text; version=1.0.0")
    assert told.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert told.text.endswith("# EOF\n")


def test_a_change_that_is_paid_shows(stage: Stage) -> None:
    """Its events, its state, how long it took; what was forged is counted, too."""
    before = samples(stage)
    assert before["planbridge_changes", frozenset({("state", "proven")})] == 0
    stage.buy(1, "premium")
    requests.post(f"{stage.url}/webhooks/stripe/{NETWORK}", data=b"{}", timeout=30)
    requests.post(f"{stage.url}/webhooks/stripe/nobody", data=b"{}", timeout=30)
    assert value(stage, "changes", state="proven") == 1
    assert value(stage, "proven_last_day") == 1
    assert 0 <= value(stage, "proof_seconds", quantile="0.5") < 60
    assert value(stage, "stripe_events", state="applied") >= 1
    received = "stripe_events_received_total"
    assert value(stage, received, network=NETWORK, outcome="stored") >= 1
    assert value(stage, received, network=NETWORK, outcome="refused") == 1
    assert value(stage, received, network="", outcome="refused") == 1
    now = datetime.now(UTC).timestamp()
    assert now - 300 < value(stage, "stripe_last_event_timestamp_seconds", network=NETWORK) <= now
    assert value(stage, "mirror_synced_timestamp_seconds", network=NETWORK) <= now


def test_drift_and_jobs_show(stage: Stage) -> None:
    """By network; a network without drift says 0."""
    assert value(stage, "drifted_sites", network=NETWORK) == 0
    place, now = stage.place(), stage.planbridge.clock()
    with stage.planbridge.session() as session:
        session.add(
            DriftFinding(
                network_id=place.key,
                site_id=3,
                state=DriftState.OPEN,
                found_at=now,
                seen_at=now,
            )
        )
        session.add(
            JobSchedule(network_id=place.key, job="tested", due_at=now, failures=3, paused=True)
        )
    assert value(stage, "drifted_sites", network=NETWORK) == 1
    job = {"network": NETWORK, "job": "tested"}
    assert value(stage, "job_failures", **job) == 3
    assert value(stage, "job_paused", **job) == 1
    assert value(stage, "job_due_timestamp_seconds", **job) == pytest.approx(now.timestamp())
    assert value(stage, "alarm", concern="drift") == 1


def test_the_process_shows_itself(stage: Stage) -> None:
    """Its memory and processor time, and the release."""
    names = {name for name, _ in samples(stage)}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total"} <= names
    assert "planbridge_info" in names


def test_without_a_database_it_says_so() -> None:
    """What the process counts is told all the same."""
    tally = Tally()
    tally.note("main", Outcome.FAILED)
    away = create_engine("postgresql+psycopg://127.0.0.1:9/away?connect_timeout=1")
    found = Standings(away, clock=lambda: datetime.now(UTC), alarms={}, tally=tally).collect()
    told = {sample.name: sample.value for metric in found for sample in metric.samples}
    assert told["planbridge_database_up"] == 0
    assert told["planbridge_stripe_events_received_total"] == 1
    assert "planbridge_changes" not in told


def test_the_oldest_event_that_waits_has_an_age(engine: Engine) -> None:
    """So that a dispatcher that stands still is noticed; on both databases."""
    network_id = add_network(engine)
    standings = Standings(engine, clock=lambda: NOW, alarms={}, tally=Tally())

    def age() -> float:
        found = (sample for metric in standings.collect() for sample in metric.samples)
        name = "planbridge_stripe_events_oldest_waiting_seconds"
        return next(sample.value for sample in found if sample.name == name)

    assert age() == 0
    waiting = NewEvent(
        network_id=network_id,
        account="acct_1",
        event_id="evt_1",
        type="invoice.paid",
        api_version="",
        livemode=False,
        payload=b"{}",
        created=NOW,
        received_at=NOW - timedelta(minutes=7),
    )
    with engine.begin() as connection:
        EventRepository(connection).insert_new([waiting])
    assert age() == 420


def test_every_alert_watches_a_metric_that_is_told(stage: Stage) -> None:
    """The rules that come with planbridge name nothing else."""
    names = {name for name, _ in samples(stage)}
    rules = [
        rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    ]
    for rule in rules:
        words = set(rule["expr"].replace("(", " ").replace("{", " ").replace("[", " ").split())
        watched = {word for word in words if word.startswith("planbridge_")}
        assert watched, rule
        assert watched <= names, rule
        assert rule["annotations"]["summary"]
