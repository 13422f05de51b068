"""Listings, filters and credentials, where the recordings leave a rule unshown."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from bridge.sandbox.php_query import parse_query
from bridge.sandbox.server import SandboxNetwork
from tests.sandbox.conftest import Caller, MovingClock


def test_walking_all_pages_gives_every_row_once(clock: MovingClock) -> None:
    """page and per_page on the head."""
    with SandboxNetwork(clock=clock, memberships=230) as network:
        call = Caller(network)
        seen: list[str] = []
        for page in (1, 2, 3, 4):
            answer = call("GET", f"membership?page={page}&per_page=100&orderby=id&order=ASC")
            assert answer.headers["X-WP-Total"] == "237"
            seen += [row["id"] for row in answer.json()]
    assert seen == [str(number) for number in range(1, 238)]


def test_older_releases_walk_by_number_and_offset(older: SandboxNetwork) -> None:
    """At most 100 rows whatever is asked for; no headers tell the total."""
    call = Caller(older)
    first = call("GET", "membership?number=500&orderby=id&order=ASC&page=7&per_page=5")
    assert len(first.json()) == 100
    assert "X-WP-Total" not in first.headers
    rest = call.get("membership?number=100&offset=100&orderby=id&order=ASC")
    assert [row["id"] for row in first.json() + rest] == [str(number) for number in range(1, 128)]


def test_older_releases_ignore_filters_of_sites(older: SandboxNetwork) -> None:
    """membership_id gives every site there; the meta query finds the right ones."""
    call = Caller(older)
    everything = call.get("site?membership_id=1")
    found = call.get("site?meta_query[0][key]=wu_membership_id&meta_query[0][value]=1")
    assert len(everything) == 100
    assert [row["blog_id"] for row in found] == ["4", "3"]
    assert {row["id"] for row in found} == {0}


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("membership?plan_id__in[]=5&plan_id__in[]=6", {"2", "3", "4", "6"}),
        ("membership?plan_id__not_in[]=4", {"2", "3", "4", "6"}),
        ("membership?plan_id[]=5&plan_id[]=6&status=active", {"2", "3", "4"}),
        ("membership?plan_id__in=5", {"1", "2", "3", "4", "5", "6", "7"}),
        ("membership?plna_id=5", {"1", "2", "3", "4", "5", "6", "7"}),
        ("product?search=disk", {"2"}),
        ("domain?stage=done", {"1"}),
    ],
)
def test_filters(call: Caller, query: str, ids: set[str]) -> None:
    """Lists work with and without ``__in``; misspelt and malformed filters are ignored."""
    assert {row["id"] for row in call.get(query)} == ids


def test_changed_rows_are_found_by_their_modification_time(
    call: Caller, clock: MovingClock
) -> None:
    """The modified-since filter excludes its own bound unless told otherwise."""
    for member in (2, 3):
        clock.advance()
        call.put(f"membership/{member}", {"times_billed": 4})
    changed = call.get("membership/2")["date_modified"]
    since = f"membership?date_query[0][column]=date_modified&date_query[0][after]={changed}"
    assert [row["id"] for row in call.get(since)] == ["3"]
    assert [row["id"] for row in call.get(f"{since}&date_query[0][inclusive]=1")] == ["3", "2"]


def test_query_strings_nest_as_in_php() -> None:
    """Empty and counted brackets make lists, names make maps, repeated names the last one."""
    parsed: Any = parse_query("a[]=1&a[]=2&b[0][key]=x&b[0][value]=y&c[k]=v&d=1&d=2&e=")
    assert parsed == {
        "a": ["1", "2"],
        "b": [{"key": "x", "value": "y"}],
        "c": {"k": "v"},
        "d": "2",
        "e": "",
    }


def test_basic_credentials_win_over_parameters(network: SandboxNetwork) -> None:
    """Right parameters beside wrong Basic credentials do not open the door."""
    url = f"{network.url}/wp-json/wu/v2/auth"
    pair = {"api_key": network.api_key, "api_secret": network.api_secret}
    assert requests.get(url, params=pair, timeout=5).status_code == 200
    assert requests.get(url, params=pair, auth=("a", "b"), timeout=5).status_code == 401
    assert requests.get(url, timeout=5).status_code == 401


def test_a_switched_off_api_has_no_routes(network: SandboxNetwork, call: Caller) -> None:
    """As when the operator turned the plugin's API off."""
    with network.state.changing():
        network.state.set_setting("enable_api", 0)
    answer = call("GET", "membership")
    assert (answer.status_code, answer.json()["code"]) == (404, "rest_no_route")


def test_other_addresses_answer_with_pages(network: SandboxNetwork) -> None:
    """A wrong address of the network gives HTML, not JSON."""
    answer = requests.get(f"{network.url}/blog/wp-json/wu/v2/auth", timeout=5)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_secret_settings_are_neither_shown_nor_taken(network: SandboxNetwork, call: Caller) -> None:
    """GET leaves them out, PUT refuses them, others are kept."""
    with network.state.changing():
        network.state.set_setting("stripe_api_sk_test", "sk_hidden")
    assert "sk_hidden" not in call("GET", "settings").text
    assert call("GET", "settings/stripe_api_sk_test").status_code == 404
    assert call("PUT", "settings/stripe_api_sk_test", json={"value": "x"}).status_code == 403
    assert call.put("settings/enable_taxes", {"value": 1})["value"] == 1
    assert call.get("settings/enable_taxes")["value"] == 1
