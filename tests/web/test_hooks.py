"""``/v1/networks/{network}/hooks``: endpoints of events over the JSON API."""

from __future__ import annotations

import pytest

from bridge.wiring import App
from tests.web.conftest import Caller, problem


def test_adding_showing_and_removing(call: Caller) -> None:
    """The secret is shown once."""
    made = call.network("POST", "/hooks", {"url": "https://a.example/hooks", "types": ["change.*"]})
    assert made["secret"].startswith("whsec_")
    shown = call.network("GET", f"/hooks/{made['id']}")
    assert shown == {name: made[name] for name in made if name != "secret"}
    assert shown in call.network("GET", "/hooks")["items"]
    assert call("DELETE", f"/v1/networks/main/hooks/{made['id']}").status_code == 204
    gone = call("GET", f"/v1/networks/main/hooks/{made['id']}")
    assert problem(gone)["title"] == "UnknownEndpoint"


def test_deliveries_are_shown_and_sent_again(call: Caller, planbridge: App) -> None:
    """What could not be delivered is there to be looked at."""
    from bridge.domain.outgoing import EventType
    from bridge.store.outgoing import Fact, tell

    made = call.network("POST", "/hooks", {"url": "https://nowhere.invalid/hooks"})
    place = planbridge.network("main")
    with planbridge.session() as session:
        fact = Fact(EventType.DRIFT_FOUND, "test", None, {"site": 3})
        tell(session.connection(), place.key, [fact], now=planbridge.clock())
    [sent] = call.network("GET", f"/hooks/{made['id']}/deliveries")["items"]
    assert (sent["type"], sent["data"], sent["state"]) == ("drift.found", {"site": 3}, "waiting")
    again = call.network("POST", f"/hooks/{made['id']}/replay", {"event_ids": [sent["event_id"]]})
    assert again == {"count": 1}
    none = call.network("POST", f"/hooks/{made['id']}/replay", {"states": ["failed"]})
    assert none == {"count": 0}
    assert call.network("POST", f"/hooks/{made['id']}/enable")["enabled"] is True
    call("DELETE", f"/v1/networks/main/hooks/{made['id']}")


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://a.example/"},
        {"url": "https://user:pa55word@a.example/"},
        {"url": "https://a.example/\u0000"},
        {"url": "https://a.example/", "types": ["change.done"]},
        {"url": "https://a.example/", "secret": "whsec_short"},
        {"url": "https://a.example/", "typo": 1},
        {},
    ],
)
def test_mistakes_are_refused(call: Caller, body: dict[str, object]) -> None:
    """With a problem document, without repeating a password."""
    answer = call("POST", "/v1/networks/main/hooks", body)
    assert answer.status_code == 422
    problem(answer)
    assert "pa55word" not in answer.text


def test_replaying_needs_a_time_with_a_zone(call: Caller) -> None:
    """Nobody knows what a naive one means."""
    made = call.network("POST", "/hooks", {"url": "https://a.example/"})
    path = f"/v1/networks/main/hooks/{made['id']}"
    assert call("POST", f"{path}/replay", {"since": "2026-11-24T12:00:00"}).status_code == 422
    assert call("POST", f"{path}/replay", {"since": "2026-11-24T12:00:00Z"}).ok
    call("DELETE", path)
