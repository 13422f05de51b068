"""Calls of a network's own plugin: answered at once, never believed, read again by REST."""

from __future__ import annotations

import json
import logging
import logging.config
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import structlog
from sqlmodel import select
from typer.testing import CliRunner
from uvicorn.config import LOGGING_CONFIG

from bridge.cli import network as network_commands
from bridge.cli.subscribe import subscribe
from bridge.errors import InvalidInput
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import SandboxNetwork
from bridge.settings import load_settings
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.seals import Seal
from bridge.store.tables import MembershipRecord
from bridge.web.server import BackgroundService
from bridge.wiring import App, configure_logging, open_app, web_app
from sync.hints import Hints
from sync.pace import Pace
from sync.passes import run
from webhooks.network_events import MAX_BODY, TAKEN_EVENTS, ids_told
from webhooks.network_tokens import NetworkTokens

RECORDED = Path(__file__).parents[2].parent / "shared" / "recordings" / "webhooks"
MEMBERSHIP = 1


@pytest.fixture
def network() -> Iterator[SandboxNetwork]:
    with SandboxNetwork() as running:
        yield running


@pytest.fixture
def planbridge(network: SandboxNetwork, tmp_path: Path) -> Iterator[App]:
    settings = load_settings({}, data_dir=tmp_path, api_token="t", log_level="error")
    schema.upgrade(make_engine(settings.store_url))
    opened = open_app(settings)
    with opened.session() as session:
        NetworkRepository(session, opened.seal).add(
            "main",
            network.url,
            Credentials(network.api_key, network.api_secret),
            now=opened.clock(),
        )
    place = opened.network("main")
    with opened.client(place) as client:
        assert run(opened.engine, place, client, clock=opened.clock).complete
    yield opened
    structlog.reset_defaults()  # it writes to what the command line's runner has closed


class Time:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Time:
    return Time()


@pytest.fixture
def hints(planbridge: App, seconds: Time) -> Hints:
    return planbridge.hints(monotonic=seconds, pace=Pace(0), delay=2.0)


def rename(network: SandboxNetwork, plan: int) -> None:
    """Change the membership on the network behind our back."""
    with network.state.changing():
        row = dict(network.state.row("membership", MEMBERSHIP) or {})
        network.state.save("membership", MEMBERSHIP, {**row, "plan_id": plan})


def mirrored(planbridge: App) -> MembershipRecord | None:
    with planbridge.session() as session:
        return session.exec(
            select(MembershipRecord).where(MembershipRecord.id == MEMBERSHIP)
        ).one_or_none()


def plan_of(planbridge: App) -> int:
    found = mirrored(planbridge)
    assert found is not None
    return found.plan_id


def reads(network: SandboxNetwork) -> list[str]:
    return [each.path.rpartition("/v2")[2] for each in network.journal if each.method == "GET"]


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TestRoute:
    @pytest.fixture
    def service(self, planbridge: App) -> Iterator[BackgroundService]:
        with BackgroundService(web_app(planbridge)) as running:
            yield running

    @pytest.fixture
    def address(self, service: BackgroundService, planbridge: App) -> str:
        return f"{service.url}/webhooks/network/main/{planbridge.network_tokens.of('main')}"

    def test_a_call_has_the_membership_read_again(
        self, address: str, planbridge: App, network: SandboxNetwork
    ) -> None:
        """What the payload says of it is not taken; what the network shows is."""
        rename(network, 6)
        body = {"membership_id": str(MEMBERSHIP), "membership_status": "expired"}
        answer = requests.post(f"{address}?event=membership_expired", json=body, timeout=5)
        assert (answer.status_code, answer.json()) == (202, {"rows": 1})
        until(lambda: plan_of(planbridge) == 6)
        record = mirrored(planbridge)
        assert record is not None
        assert record.status == network.state.row("membership", MEMBERSHIP)["status"] != "expired"

    def test_the_answer_does_not_wait_for_a_slow_network(
        self, address: str, network: SandboxNetwork
    ) -> None:
        """The call itself holds WordPress up: nothing is asked before it is answered."""
        network.faults = lambda _request: Fault(delay=3)
        network.journal.clear()
        started = time.monotonic()
        answer = requests.post(address, json={"membership_id": "1"}, timeout=5)
        assert answer.status_code == 202
        assert time.monotonic() - started < 1
        network.faults = lambda _request: None

    def test_a_wrong_token_and_an_unknown_network_are_the_same(
        self, address: str, service: BackgroundService, network: SandboxNetwork
    ) -> None:
        """Nobody learns which networks there are."""
        network.journal.clear()
        right = address.rpartition("/")[2]
        others = [
            f"{service.url}/webhooks/network/main/{right[:-1]}x",
            f"{service.url}/webhooks/network/other/{right}",
            f"{service.url}/webhooks/network/main/é",
        ]
        answers = [requests.post(each, json={"membership_id": 1}, timeout=5) for each in others]
        assert {each.status_code for each in answers} == {404}
        assert len({each.text for each in answers}) == 1
        assert list(network.journal) == []

    def test_large_bodies_and_other_methods_are_refused(self, address: str) -> None:
        """A hint is two kilobytes."""
        assert requests.post(address, data=b"x" * (MAX_BODY + 1), timeout=5).status_code == 413
        assert requests.get(address, timeout=5).status_code == 405

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b"[]",
            b'"x"',
            b"{",
            b'{"membership_id": -1}',
            b'{"membership_id": "' + b"9" * 5000 + b'"}',
            b"[" * 5000,
        ],
        ids=range(8),
    )
    def test_what_tells_nothing_is_answered_all_the_same(self, address: str, body: bytes) -> None:
        """The plugin does not try again, so there is nothing to say to it."""
        answer = requests.post(address, data=body, timeout=5)
        assert (answer.status_code, answer.json()) == (202, {"rows": 0})


class TestHints:
    def test_a_burst_is_one_read(
        self, hints: Hints, seconds: Time, network: SandboxNetwork
    ) -> None:
        """Several saves of one checkout: read once, after the last of them is likely stored."""
        network.journal.clear()
        for _ in range(5):
            hints.take("main", {"membership": MEMBERSHIP})
        assert hints.sweep() == 0
        seconds.now += 2
        assert hints.sweep() == 1
        assert reads(network) == ["/membership/1"]
        assert hints.sweep() == 0

    def test_a_hint_during_the_reading_is_not_lost(
        self, hints: Hints, seconds: Time, network: SandboxNetwork
    ) -> None:
        """It tells of a later change."""

        def told(_request: Any) -> None:
            network.faults = lambda _other: None
            hints.take("main", {"membership": MEMBERSHIP})

        network.faults = told
        hints.take("main", {"membership": MEMBERSHIP})
        seconds.now += 2
        hints.sweep()
        seconds.now += 2
        assert hints.sweep() == 1

    def test_a_row_that_is_gone_goes_from_the_mirror(
        self, hints: Hints, seconds: Time, planbridge: App, network: SandboxNetwork
    ) -> None:
        """And a made-up id of the plugin's samples does no harm."""
        with network.state.changing():
            network.state.remove("membership", MEMBERSHIP)
        hints.take("main", {"membership": MEMBERSHIP, "payment": 999_999})
        seconds.now += 2
        assert hints.sweep() == 2
        assert mirrored(planbridge) is None

    def test_a_network_that_is_away_is_asked_again_later(
        self, hints: Hints, seconds: Time, planbridge: App, network: SandboxNetwork
    ) -> None:
        """With growing patience, and in the end it is left to the next sync."""
        rename(network, 6)
        network.faults = lambda _request: Fault(status=503)
        hints.take("main", {"membership": MEMBERSHIP})
        seconds.now += 2
        hints.sweep()
        assert hints.sweep() == 0
        network.faults = lambda _request: None
        seconds.now += 5
        assert hints.sweep() == 1
        assert plan_of(planbridge) == 6

    def test_a_row_that_cannot_be_read_does_not_keep_others_from_it(
        self, hints: Hints, seconds: Time, planbridge: App, network: SandboxNetwork
    ) -> None:
        """One with an impossible value stays as it was; the next is read."""
        with network.state.changing():
            broken = dict(network.state.row("customer", 1) or {})
            network.state.save("customer", 1, {**broken, "user_id": "nobody"})
        rename(network, 6)
        hints.take("main", {"customer": 1})
        hints.take("main", {"membership": MEMBERSHIP})
        seconds.now += 2
        assert hints.sweep() == 2
        assert plan_of(planbridge) == 6

    def test_an_unknown_network_is_forgotten(self, hints: Hints, seconds: Time) -> None:
        """It was removed meanwhile."""
        hints.take("gone", {"membership": 1})
        seconds.now += 2
        assert hints.sweep() == 1
        assert hints.sweep() == 0

    def test_a_flood_is_bounded(self, planbridge: App, seconds: Time) -> None:
        """Whoever has the address can make us read, but not grow."""
        hints = planbridge.hints(monotonic=seconds, capacity=10)
        for number in range(1, 100):
            hints.take("main", {"membership": number})
        assert len(hints._waiting) == 10


class TestTokens:
    def test_tokens_differ_by_network_and_key_and_outlive_a_rotation(self) -> None:
        """The token of the old key counts until that key is dropped."""
        old, both = NetworkTokens([b"old"]), NetworkTokens([b"new", b"old"])
        assert old.of("main") != old.of("other")
        assert both.of("main") != old.of("main")
        assert both.fits("main", old.of("main"))
        assert not NetworkTokens([b"new"]).fits("main", old.of("main"))
        assert old.of("main") not in repr(old)

    def test_the_token_of_the_settings_is_not_the_key(self, tmp_path: Path) -> None:
        """Nothing of a sealing key leaves the house."""
        key = Seal.new_key()
        settings = load_settings({}, data_dir=tmp_path, secret_keys=key)
        assert key.encode() not in settings.call_keys()[0]

    def test_access_logs_do_not_carry_tokens(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Also after uvicorn has set its loggers up."""
        configure_logging("info")
        structlog.reset_defaults()
        logging.config.dictConfig(LOGGING_CONFIG)
        logger = logging.getLogger("uvicorn.access")
        path = "/webhooks/network/main/0123secret?event=x"
        logger.info('%s - "%s %s HTTP/%s" %d', "1.2.3.4:5", "POST", path, "1.1", 202)
        logger.handlers.clear()
        written = "".join(capsys.readouterr())
        assert "0123secret" not in written
        assert "/webhooks/network/main/…?event=x" in written


def test_recorded_calls_tell_their_ids() -> None:
    """What real networks sent."""
    found = {}
    for path in sorted(RECORDED.glob("0*.json")):
        exchange = json.loads(path.read_text())
        found[path.name[:3]] = ids_told(json.dumps(exchange["body"]).encode())
    assert found["001"] == {"customer": 51}
    assert found["003"].keys() == {"membership", "payment", "customer"}
    assert all(found.values())


class TestSubscribing:
    @pytest.fixture
    def command(
        self, planbridge: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., Any]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path))
        app = network_commands.app
        if not any(each.name == "subscribe" for each in app.registered_commands):
            app.command("subscribe")(subscribe)

        def call(*arguments: str) -> Any:
            result = CliRunner().invoke(app, ["subscribe", "main", *arguments, "--json"])
            if isinstance(result.exception, Exception):
                raise result.exception
            return json.loads(result.stdout)["subscriptions"]

        return call

    def urls(self, network: SandboxNetwork) -> list[str]:
        return [str(row["webhook_url"]) for row in network.state.rows("webhook")]

    def test_every_event_once_however_often(
        self, command: Callable[..., Any], network: SandboxNetwork, planbridge: App
    ) -> None:
        """The second time all are there; the address carries network, token and event."""
        before = self.urls(network)
        assert {each["outcome"] for each in command("--callback", "https://a.example")} == {
            "created"
        }
        made = [url for url in self.urls(network) if url not in before]
        token = planbridge.network_tokens.of("main")
        assert made == [
            f"https://a.example/webhooks/network/main/{token}?event={event}"
            for event in TAKEN_EVENTS
        ]
        assert {each["outcome"] for each in command("--callback", "https://a.example/")} == {
            "there"
        }
        assert len(self.urls(network)) == len(before) + len(TAKEN_EVENTS)

    def test_another_address_of_ours_moves_them(
        self, command: Callable[..., Any], network: SandboxNetwork
    ) -> None:
        """A dead address would hold WordPress up with every event."""
        command("--callback", "https://a.example")
        assert {each["outcome"] for each in command("--callback", "https://b.example")} == {"moved"}
        assert not any("a.example" in url for url in self.urls(network))

    def test_a_dry_run_writes_nothing(
        self, command: Callable[..., Any], network: SandboxNetwork
    ) -> None:
        """It says what it would do."""
        before = self.urls(network)
        done = command("--callback", "https://a.example", "--dry-run")
        assert {each["outcome"] for each in done} == {"created"}
        assert self.urls(network) == before

    def test_mistakes_are_told(self, command: Callable[..., Any]) -> None:
        """Events that never fire, addresses that cannot be called."""
        with pytest.raises(InvalidInput, match="never fires"):
            command("--callback", "https://a.example", "--event", "membership_updated")
        for nowhere in ("a.example", "http://[::1", "ftp://a.example"):
            with pytest.raises(InvalidInput, match="--callback"):
                command("--callback", nowhere)
