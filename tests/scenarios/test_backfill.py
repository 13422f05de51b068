"""What Stripe never delivered is found in its own list, once, by a pass that may be cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from bridge.payments.client import StripeAccount
from bridge.payments.faults import StripeKeyMissing, StripeUnreachable
from bridge.store.event_passes import EventPassRepository
from bridge.store.tables import Network
from tests.scenarios.stage import DAY, Stage, staged
from webhooks import backfill as passes
from webhooks.backfill import Backfill
from webhooks.stripe_events import HANDLERS


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as made:
        yield made


def the_network(stage: Stage) -> Network:
    with Session(stage.store, expire_on_commit=False) as session:
        found = session.get_one(Network, stage.network_id)
        found.sealed_stripe_key = "sealed"
        session.add(found)
        session.commit()
        return found


def backfill(stage: Stage, *, key: bool = True) -> Backfill:
    account = StripeAccount(stage.stripe.api_key, network="main", base_url=stage.stripe.url)
    return Backfill(
        stage.store,
        account_for=lambda _network: account if key else None,
        networks=lambda: [the_network(stage)],
        clock=stage.clock,
    )


def of_types_that_matter(stage: Stage) -> int:
    """How many events Stripe has that have been handled."""
    return len([event for event in stage.stripe.events() if event["type"] in HANDLERS])


def endpoint(stage: Stage) -> str:
    """An endpoint that posts to nobody."""
    return stage.stripe.send_events_to("http://127.0.0.1:9/webhooks/stripe/main")


def test_what_never_arrived_is_fetched_and_takes_effect(stage: Stage) -> None:
    """A renewal of which no event came: the membership is extended all the same."""
    stage.subscribe()
    stage.stripe.advance(32 * DAY)
    found = backfill(stage).run(the_network(stage))
    assert found.missing == found.listed > 0
    stage.dispatcher.run_due()
    stage.work()
    assert stage.member.times_billed == 2
    assert "never arrived" in found.alarm


def test_a_second_pass_finds_nothing_and_ends_the_alarm(stage: Stage) -> None:
    """What was fetched is there."""
    endpoint(stage)
    stage.subscribe()
    stage.clock.advance(DAY)
    worker = backfill(stage)
    first = worker.run(the_network(stage))
    assert first.missing == of_types_that_matter(stage)
    stage.clock.advance(DAY)
    second = worker.run(the_network(stage))
    assert (second.missing, second.alarm) == (0, "")
    assert second.since > first.since
    with Session(stage.store) as session:
        assert EventPassRepository(session).alarms() == []


def test_what_arrived_is_not_missing(stage: Stage) -> None:
    """Each event was delivered: the pass fetches none."""
    stage.subscribe()
    stage.deliver()
    stage.clock.advance(DAY)
    found = backfill(stage).run(the_network(stage))
    assert (found.listed, found.missing) == (of_types_that_matter(stage), 0)


def test_a_pass_that_was_cut_off_goes_on_where_it_was(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages that were kept are not asked for again; in the end nothing lacks."""
    monkeypatch.setattr(passes, "_PAGE", 3)
    stage.subscribe()
    stage.clock.advance(DAY)
    worker = backfill(stage)
    pages = 0
    asks = worker._page

    def page(*arguments: object) -> object:
        nonlocal pages
        pages += 1
        if pages == 2:
            raise StripeUnreachable(network="main", why="gone", request="req")
        return asks(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(worker, "_page", page)
    with pytest.raises(StripeUnreachable):
        worker.run(the_network(stage))
    with Session(stage.store) as session:
        cut_off = EventPassRepository(session).get(stage.network_id)
        assert cut_off.cursor
        kept = cut_off.missing
    stage.clock.advance(DAY / 24)
    found = worker.run(the_network(stage))
    assert found.missing == of_types_that_matter(stage) > kept
    assert pages == -(-len(stage.stripe.events()) // 3) + 1


def test_a_switched_off_endpoint_raises_an_alarm(stage: Stage) -> None:
    """Stripe does so after days of failures; so does nobody having made one."""
    worker = backfill(stage)
    assert "no endpoint" in worker.run(the_network(stage)).alarm
    made = endpoint(stage)
    assert worker.run(the_network(stage)).alarm == ""
    stage.api.webhook_endpoints.update(made, {"disabled": True})
    assert made in worker.run(the_network(stage)).alarm


def test_an_account_that_cannot_be_asked_is_an_alarm(stage: Stage) -> None:
    """And a network without a key is not asked about."""
    endpoint(stage)
    worker = backfill(stage)
    network = the_network(stage)
    assert worker.look(network) is not None
    network.sealed_stripe_key = ""
    assert (
        Backfill(
            stage.store,
            account_for=lambda _network: None,
            networks=lambda: [network],
            clock=stage.clock,
        ).look(network)
        is None
    )
    stage.stripe.stop()
    with pytest.raises(StripeUnreachable):
        worker.look(network)
    with Session(stage.store) as session:
        ((name, alarm),) = EventPassRepository(session).alarms()
    assert name == "main"
    assert "cannot be read" in alarm


def test_without_a_key_nothing_can_be_compared(stage: Stage) -> None:
    """The command says what to do."""
    with pytest.raises(StripeKeyMissing):
        backfill(stage, key=False).run(the_network(stage))
