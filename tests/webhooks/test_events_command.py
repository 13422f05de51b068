"""``planbridge events``: what the operator sees, and handling once more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from sqlalchemy import Engine
from stripe import StripeClient
from typer.testing import CliRunner

from bridge.cli.events import ALARM, app
from bridge.errors import InvalidInput, UnknownEvent, UnknownNetwork
from bridge.payments.faults import StripeKeyMissing
from bridge.sandbox.stripe_server import SandboxStripe
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.events import EventRepository
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.tables import EventState
from bridge.wiring import open_app
from webhooks.dispatch import Dispatcher
from webhooks.endpoints import EndpointInfo
from webhooks.envelope import new_event
from webhooks.event_table import markdown
from webhooks.stripe_events import HANDLERS, TOLD_BY

from .delivery import NOW, QUOTE_KEY, add_network, event_of, stored


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The database of the command, with two handled events of network ``main``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PLANBRIDGE_DATABASE_URL", f"sqlite:///{tmp_path}/events.db")
    engine = make_engine(f"sqlite:///{tmp_path}/events.db")
    schema.upgrade(engine)
    endpoint = EndpointInfo(network_id=add_network(engine), name="main")
    with engine.begin() as connection:
        EventRepository(connection).insert_new(
            [
                new_event(orjson.dumps(event_of(name)), endpoint, now=NOW)
                for name in ("customer_updated", "payment_intent_succeeded__foreign")
            ]
        )
    Dispatcher(engine, clock=lambda: NOW, wake=lambda _: None, quote_key=QUOTE_KEY).run_due()
    yield engine
    # The command writes its log to the standard error of its runner, which is gone now.
    structlog.reset_defaults()


def printed(*arguments: str) -> str:
    """What the command prints; its own errors are raised."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def as_json(*arguments: str) -> Any:
    """What the command prints with ``--json``."""
    return json.loads(printed(*arguments, "--json"))


def test_events_are_listed_with_what_became_of_them(inbox: Engine) -> None:
    """Newest first, with the reason; never with the payload."""
    second, first = as_json("list")
    assert (first["state"], first["reason"]) == ("ignored", "no handler for customer.updated")
    assert second["reason"] == "no planbridge metadata"
    assert "payload" not in first


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--type", "customer.updated"], 1),
        (["--state", "ignored"], 2),
        (["--state", "failed", "--state", "attention"], 0),
        (["--network", "main", "--limit", "1"], 1),
        (["--since", "2026-11-24T12:00", "--until", "2026-11-24T12:01"], 2),
        (["--until", "2026-11-24T12:00"], 0),
    ],
)
def test_lists_are_narrowed_by_options(inbox: Engine, options: list[str], found: int) -> None:
    """All given options must fit."""
    assert len(as_json("list", *options)) == found


def test_an_event_is_shown_by_its_id_or_its_row(inbox: Engine) -> None:
    """With the payload as Stripe sent it."""
    shown = as_json("show", "evt_customer_updated")
    assert shown["payload"] == event_of("customer_updated")
    assert as_json("show", str(shown["id"])) == shown
    assert "no handler for customer.updated" in printed("show", "evt_customer_updated")


def test_a_replayed_event_waits_to_be_handled(inbox: Engine) -> None:
    """By id, by row or by options; a dry run only counts."""
    assert "Would handle 2 events" in printed("replay", "--state", "ignored", "--dry-run")
    assert {row.state for row in stored(inbox)} == {EventState.IGNORED}
    assert as_json("replay", "evt_customer_updated") == {"replayed": 1, "dry_run": False}
    assert [row.state for row in stored(inbox)] == [EventState.IGNORED, EventState.WAITING]
    assert "handles 1 event once more" in printed("replay", "--state", "ignored")
    assert {row.state for row in stored(inbox)} == {EventState.WAITING}


def test_the_table_lists_every_type(inbox: Engine) -> None:
    """For people, for scripts, and as the page."""
    rows = as_json("table")
    assert {row["type"] for row in rows} == set(HANDLERS) | set(TOLD_BY)
    assert "invoice.voided" in printed("table")
    assert printed("table", "--markdown") == markdown()


@pytest.fixture
def account(inbox: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxStripe]:
    """Network ``main`` on a stand-in's account, in which a customer's card was removed."""
    with SandboxStripe(account="acct_1", clock=lambda: ago) as stripe:
        monkeypatch.setenv("PLANBRIDGE_STRIPE_URL", stripe.url)
        planbridge = open_app()
        with planbridge.session() as session:
            NetworkRepository(session, planbridge.seal).rotate(
                "main", credentials=Credentials("key", "secret"), stripe_key=stripe.api_key
            )
        api = StripeClient(stripe.api_key, base_addresses={"api": stripe.url}).v1
        customer = api.customers.create({"payment_method": "pm_card_visa"})
        api.payment_methods.detach(api.customers.payment_methods.list(customer.id).data[0].id)
        yield stripe
        planbridge.engine.dispose()


ago = datetime.now(UTC) - timedelta(hours=1)


def test_what_never_arrived_is_fetched(inbox: Engine, account: SandboxStripe) -> None:
    """It waits for the service; the exit code tells a script that something was wrong.

    A dry run counts it, and keeps nothing.
    """
    before = stored(inbox)
    rehearsed = CliRunner().invoke(app, ["backfill", "main", "--dry-run", "--json"])
    assert json.loads(rehearsed.stdout)["missing"] == 1
    assert stored(inbox) == before
    first = CliRunner().invoke(app, ["backfill", "main", "--json"])
    assert first.exit_code == ALARM
    found = json.loads(first.stdout)
    assert (found["listed"], found["missing"]) == (1, 1)
    assert stored(inbox)[0].type == "payment_method.detached"
    account.send_events_to("https://planbridge.example.test/webhooks/stripe/main")
    assert "1 event since" in printed("backfill", "main", "--days", "2")


def test_a_network_without_a_key_cannot_be_compared(inbox: Engine) -> None:
    """It says so."""
    with pytest.raises(StripeKeyMissing):
        printed("backfill", "main")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["show", "evt_other"], UnknownEvent),
        (["replay", "evt_other"], UnknownEvent),
        (["replay"], InvalidInput),
        (["replay", "evt_customer_updated", "--state", "failed"], InvalidInput),
        (["list", "--network", "other"], UnknownNetwork),
        (["list", "--since", "yesterday"], InvalidInput),
    ],
)
def test_mistakes_are_named(inbox: Engine, arguments: list[str], error: type[Exception]) -> None:
    """Nothing is replayed by accident: all events at once must be asked for."""
    with pytest.raises(error):
        printed(*arguments)
    assert {row.state for row in stored(inbox)} == {EventState.IGNORED}
