"""A running sandbox with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from bridge.sandbox.releases import Release
from bridge.sandbox.server import SandboxNetwork
from tests.sandbox.stripe_scene import scene

__all__ = ["scene"]


class MovingClock:
    """Stands still until moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float = 1) -> None:
        self.now += timedelta(seconds=seconds)


class Caller:
    """Sends requests to a sandbox as its owner would."""

    def __init__(self, network: SandboxNetwork) -> None:
        self._base = f"{network.url}/wp-json/wu/v2/"
        self._session = requests.Session()
        self._session.auth = (network.api_key, network.api_secret)

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._session.request(method, self._base + path, timeout=5, **options)

    def get(self, path: str) -> Any:
        """The body of a GET that must work."""
        answer = self("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """The body of a PUT that must work."""
        answer = self("PUT", path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def network(clock: MovingClock) -> Iterator[SandboxNetwork]:
    with SandboxNetwork(clock=clock) as running:
        yield running


@pytest.fixture
def call(network: SandboxNetwork) -> Caller:
    return Caller(network)


@pytest.fixture(params=[Release.V2_4_12, Release.V2_4_7], ids=lambda release: release.value)
def older(request: pytest.FixtureRequest, clock: MovingClock) -> Iterator[SandboxNetwork]:
    """A sandbox like a release before the development head."""
    with SandboxNetwork(clock=clock, release=request.param, memberships=120) as running:
        yield running
