"""The sandbox answers as the recorded networks did, exchange by exchange.

Each release's recorded requests are sent in the order in which they were recorded to a
sandbox that holds the recorded network; a write sees what the writes before it left. The
clock follows the recordings, so that "nothing changed within this second" happens at the
same places. Nothing is skipped; what a comparison leaves out is listed in ``LOOSE``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
import requests

from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.releases import Release
from bridge.sandbox.server import SandboxNetwork
from tests.sandbox.recordings import KEY, SECRET, Recording, fill, in_order

HEADERS = ("content-type", "allow", "vary", "x-wp-total", "x-wp-totalpages", "x-wp-doingitwrong")
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
HOST = re.compile(r"127\.0\.0\.1:\d+")
A_MOMENT = timedelta(seconds=1)

LOOSE = {
    # Equal expiration dates leave the order to the database.
    "membership/26_filter_order_expiration": "expirations",
    # The recorded network also sent webhooks, which left rows of their own, and repeats
    # whole products in every row about a membership.
    "event/101_list_after": "first row",
    "event/102_create": "shape",
    # Sample payloads and the settings of the recorded network are its own.
    "auth/06_hooks": "keys",
    "auth/07_settings": "keys",
}


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Replayed:
    status: int
    headers: Any
    body: Any


@cache
def replayed(release: Release) -> dict[str, Replayed]:
    """All answers of a sandbox to the recorded requests of a release."""
    recordings = list(in_order(release))
    clock = Clock(recordings[0].answered_at)
    network = SandboxNetwork(
        example=fill, release=release, api_key=KEY, api_secret=SECRET, clock=clock
    )
    with network, requests.Session() as session:
        return {each.name: _replay(session, network.url, clock, each) for each in recordings}


def _replay(session: requests.Session, url: str, clock: Clock, recording: Recording) -> Replayed:
    clock.now = recording.answered_at
    answer = session.request(
        recording.request["method"],
        url + recording.path,
        headers=recording.headers,
        data=recording.content,
    )
    is_json = answer.headers["content-type"].startswith("application/json")
    return Replayed(answer.status_code, answer.headers, answer.json() if is_json else answer.text)


def cases() -> list[Any]:
    return [
        pytest.param(release, recording, id=f"{release.value}-{recording.name}")
        for release in Release
        for recording in in_order(release)
    ]


@pytest.mark.parametrize(("release", "recording"), cases())
def test_answers_as_recorded(release: Release, recording: Recording) -> None:
    """Status, headers and body equal the recording's, values and JSON types included."""
    got = replayed(release)[recording.name]
    expected = recording.response
    assert got.status == expected["status"], got.body
    left_out = {"x-wp-total", "x-wp-totalpages"} if "event/" in recording.name else set()
    for name in set(HEADERS) - left_out:
        assert got.headers.get(name) == expected["headers"].get(name), name
    wanted, shown = _comparable(recording, expected["body"]), _comparable(recording, got.body)
    assert _differences(wanted, shown) == []


def _comparable(recording: Recording, body: Any) -> Any:
    if isinstance(body, str):
        return "a page"
    if isinstance(body, dict) and body.get("code") == "internal_server_error":
        return {**body, "message": "a page"}
    if "options_schema" in recording.name:
        return [endpoint["methods"] for endpoint in body["endpoints"]] + [
            _undescribed(endpoint["args"]) for endpoint in body["endpoints"]
        ]
    match LOOSE.get(recording.name):
        case "expirations":
            return [each["date_expiration"] for each in body]
        case "shape":
            return _shape(body)
        case "first row":
            return _shape([{**each, "payload": None, "message": ""} for each in body[:1]])
        case "keys":
            return sorted(body)
    return body


def _undescribed(arguments: Any) -> Any:
    if not isinstance(arguments, dict):
        return arguments
    return {
        name: {key: value for key, value in rule.items() if key != "description"}
        for name, rule in arguments.items()
    }


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shape(each) for each in value]
    return "number" if type(value) in (int, float) else type(value).__name__


def _differences(wanted: Any, shown: Any, at: str = "") -> list[str]:
    if isinstance(wanted, dict) and isinstance(shown, dict):
        missing = [f"{at}.{key} is missing" for key in wanted.keys() - shown.keys()]
        extra = [f"{at}.{key} is not recorded" for key in shown.keys() - wanted.keys()]
        inner = [
            difference
            for key in wanted.keys() & shown.keys()
            for difference in _differences(wanted[key], shown[key], f"{at}.{key}")
        ]
        return missing + extra + inner
    if isinstance(wanted, list) and isinstance(shown, list):
        if len(wanted) != len(shown):
            return [f"{at} has {len(shown)} items, recorded {len(wanted)}"]
        return [
            difference
            for position, (one, other) in enumerate(zip(wanted, shown, strict=True))
            for difference in _differences(one, other, f"{at}[{position}]")
        ]
    return [] if _same(wanted, shown) else [f"{at} is {shown!r}, recorded {wanted!r}"]


def _same(wanted: Any, shown: Any) -> bool:
    """Equal in value and JSON type; times may be a second apart, hosts another port."""
    if isinstance(wanted, bool) or isinstance(shown, bool):
        return wanted is shown
    if isinstance(wanted, str) and isinstance(shown, str):
        if DATE.fullmatch(wanted) and DATE.fullmatch(shown) and wanted[0] != "0":
            return abs(datetime.fromisoformat(wanted) - datetime.fromisoformat(shown)) <= A_MOMENT
        return HOST.sub("host", wanted) == HOST.sub("host", shown)
    return bool(wanted == shown)


def test_the_recorded_network_is_whole(recorded_state: NetworkState) -> None:
    """The comparison stands on the recorded network, not on an empty one."""
    assert len(recorded_state.ids("membership")) == 60
    assert len(recorded_state.ids("site")) == 33
    assert len(recorded_state.ids("product")) == 16


@pytest.fixture
def recorded_state() -> NetworkState:
    first = next(in_order(Release.HEAD))
    state = NetworkState(clock=lambda: first.answered_at)
    fill(state)
    return state
