"""Events three times each, in any order, to a service that is killed again and again.

    python -m tests.chaos.events --events 10000
    python -m tests.chaos.events --flood 20000

In the end the state is that of each event brought once and in order: none lost, none
doubled. A flood of forged events leaves no row and makes no outbound call.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from stripe import WebhookSignature

from tests.chaos.event_world import PER_MEMBERSHIP, SECRET, World, story_of

SERVICE = Path(__file__).with_name("event_service.py")
DELIVERIES, THREADS = 3, 8
REFUSED = 401
PATIENCE = 300.0
START = 60.0


@dataclass
class Report:
    """What was done and found."""

    events: int
    deliveries: int
    kills: int
    seconds: float
    lost: int
    differences: list[str]

    def __str__(self) -> str:
        verdict = "equal" if not self.differences else f"DIFFERENT: {self.differences[:5]}"
        return (
            f"{self.events} events, {self.deliveries} deliveries, {self.kills} kills, "
            f"{self.seconds:.0f} s: {self.lost} lost, final state {verdict}"
        )


class Service:
    """The service, started again after each kill, always on the same port."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, str(SERVICE), str(folder), str(self.port)]
        self.kills = 0
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        _until(self._lives, START, "the service did not start")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.kills += 1

    def _lives(self) -> bool:
        try:
            return requests.get(f"{self.url}/health/live", timeout=1).ok
        except requests.RequestException:
            return False


def chaos(events: int, *, kill_every: float, folder: Path, seed: int = 20261124) -> Report:
    """Bring ``events`` events to both worlds and compare them."""
    now = datetime.now(UTC).replace(microsecond=0)
    memberships = -(-events // PER_MEMBERSHIP)
    calm, wild = (World(_made(folder / name), memberships, now=now) for name in ("calm", "wild"))
    begun = time.monotonic()
    try:
        told = story_of(wild, events)
        calm_events = story_of(calm, events)
        calm.bring_in_order(calm_events)
        with _mortal(wild.folder, kill_every) as service:
            deliveries = _deliver(told, service.url, seed)
            service.mortal = False
            _until(lambda: wild.waiting() == 0, PATIENCE, "it never came to rest")
            kills = service.kills
        lost = len(told) - sum(wild.counts().values())
        return Report(
            events=len(told),
            deliveries=deliveries,
            kills=kills,
            seconds=time.monotonic() - begun,
            lost=lost,
            differences=_differences(calm.state(), wild.state()),
        )
    finally:
        calm.close()
        wild.close()


def flood(forged: int, *, folder: Path) -> dict[str, Any]:
    """Forged events to a service; what is in its inbox, and what it asked of the network."""
    now = datetime.now(UTC).replace(microsecond=0)
    world = World(_made(folder / "flood"), 2, now=now)
    service = Service(world.folder)
    try:
        asked = sum(1 for _ in world.network.journal)
        event = story_of(world, 1)[0]
        body = json.dumps(event).encode()
        begun = time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            codes = list(
                pool.map(lambda number: _post(service.url, body, f"whsec_{number}"), range(forged))
            )
        seconds = time.monotonic() - begun
        rows = sum(world.counts().values())
        calls = sum(1 for _ in world.network.journal) - asked
        good = _post(service.url, body, SECRET)
        return {
            "forged": forged,
            "refused": codes.count(REFUSED),
            "per_second": round(forged / seconds),
            "rows": rows,
            "calls": calls,
            "good": good,
        }
    finally:
        service.kill()
        world.close()


class _Mortal(Service):
    mortal = True

    def dies_every(self, seconds: float) -> None:
        while self.mortal:
            time.sleep(seconds)
            if self.mortal:
                self.kill()
                self.start()


@contextmanager
def _mortal(folder: Path, kill_every: float) -> Iterator[_Mortal]:
    service = _Mortal(folder)
    fate = threading.Thread(target=service.dies_every, args=(kill_every,), daemon=True)
    fate.start()
    try:
        yield service
    finally:
        service.mortal = False
        fate.join(START + kill_every)
        service.kill()


def _deliver(events: list[dict[str, Any]], url: str, seed: int) -> int:
    """Every event three times, shuffled, in threads; again until it is accepted."""
    bodies = [json.dumps(event).encode() for event in events] * DELIVERIES
    random.Random(seed).shuffle(bodies)

    def deliver(body: bytes) -> None:
        deadline = time.monotonic() + PATIENCE
        while _post(url, body, SECRET) != 200:
            assert time.monotonic() < deadline, "it was never accepted"
            time.sleep(0.2)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(deliver, bodies))
    return len(bodies)


_sessions = threading.local()


def _post(url: str, body: bytes, secret: str) -> int:
    """The status of the answer; 0 when none came."""
    if not hasattr(_sessions, "session"):
        _sessions.session = requests.Session()
    header = WebhookSignature.generate_signature_header(
        body.decode(), secret, timestamp=int(time.time())
    )
    try:
        answer = _sessions.session.post(
            f"{url}/webhooks/stripe/main",
            data=body,
            headers={"Stripe-Signature": header, "Content-Type": "application/json"},
            timeout=10,
        )
    except requests.RequestException:
        return 0
    return int(answer.status_code)


def _differences(calm: dict[str, Any], wild: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for name, expected in calm.items():
        got = wild[name]
        if isinstance(expected, dict):
            found += [
                f"{name} {key}: {expected.get(key)} / {got.get(key)}"
                for key in expected.keys() | got.keys()
                if expected.get(key) != got.get(key)
            ]
        elif expected != got:
            found.append(f"{name}: {len(expected)} / {len(got)}: {set(expected) ^ set(got)}")
    return found


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _until(condition: Callable[[], bool], seconds: float, complaint: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.2)


def main() -> None:
    """Run it by hand."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=0)
    options.add_argument("--kill-every", type=float, default=2.0)
    options.add_argument("--flood", type=int, default=0)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if chosen.events:
            report = chaos(chosen.events, kill_every=chosen.kill_every, folder=Path(folder))
            print(report)
            if report.lost or report.differences:
                sys.exit(1)
        if chosen.flood:
            print(flood(chosen.flood, folder=Path(folder)))


if __name__ == "__main__":
    main()
