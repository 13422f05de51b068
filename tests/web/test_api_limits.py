"""The JSON API asks the same limits as the customer's pages before a change is begun."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bridge.store.readers import sites_of
from bridge.store.uses import save_use
from bridge.wiring import App
from tests.web.conftest import Caller, problem

FREE_MEMBER, YEARLY_MEMBER = 1, 4  # on Free, on Premium
PATH = "/v1/networks/main/changes"


@pytest.fixture(autouse=True)
def _full(planbridge: App) -> Iterator[None]:
    """The member's site has 8 posts; Free allows 5."""
    use(planbridge, 8)
    yield
    use(planbridge, 0)


def site_of(planbridge: App) -> int:
    with planbridge.session() as session:
        return sites_of(session, planbridge.network("main").key, YEARLY_MEMBER)[0].id


def use(planbridge: App, posts: int) -> None:
    """What the member's site said last."""
    with planbridge.session() as session:
        save_use(
            session,
            planbridge.network("main").key,
            site_of(planbridge),
            posts={"post": posts},
            users={},
            untold="",
            now=planbridge.clock(),
        )


def quoted(call: Caller, *products: str) -> dict[str, Any]:
    quote: dict[str, Any] = call.network(
        "POST", f"/memberships/{YEARLY_MEMBER}/quotes", {"products": list(products)}
    )
    return quote


def test_a_quote_says_what_would_be_over_on_which_site(call: Caller, planbridge: App) -> None:
    """Priced all the same: the customer may make room. It says so again when it is read."""
    quote = quoted(call, "free")
    assert quote["possible"]
    assert quote["fit"]["decision"] == "refuse"
    (excess,) = [one for one in quote["fit"]["excesses"] if one["policy"] == "refuse"]
    assert excess["site_id"] == site_of(planbridge)
    assert excess["site"].endswith(f"/site{excess['site_id']}")
    assert (excess["module"], excess["item"]) == ("post_types", "post")
    assert (excess["used"], excess["allowed"], excess["remove"]) == (8, 5, 3)
    assert excess["sentence"] == f"{excess['site']}: 8 posts, 5 allowed: remove 3 posts."
    assert call.network("GET", f"/quotes/{quote['id']}") == quote


def test_a_plan_that_is_too_small_is_refused(call: Caller, planbridge: App) -> None:
    """409, what is over on which site, what to do; and nothing is begun."""
    quote = quoted(call, "free")
    answer = call("POST", PATH, {"quote": quote["id"]})
    assert answer.status_code == 409
    told = problem(answer)
    assert told["title"] == "OverLimits"
    assert "8 posts, 5 allowed: remove 3 posts." in told["detail"]
    assert "anyway" in told["detail"]
    assert told["excesses"] == [
        one for one in quote["fit"]["excesses"] if one["policy"] == "refuse"
    ]
    assert call.network("GET", f"/memberships/{YEARLY_MEMBER}")["open_change"] is None


def test_what_is_used_counts_when_it_is_asked_for(call: Caller, planbridge: App) -> None:
    """Room was made after the quote; asked again, the change is there already and is given."""
    quote = quoted(call, "free")
    use(planbridge, 5)
    change = call.network("POST", "/changes", {"quote": quote["id"]})
    assert change["state"] == "scheduled"
    use(planbridge, 8)
    assert call.network("POST", "/changes", {"quote": quote["id"]})["id"] == change["id"]
    call.network("POST", f"/changes/{change['id']}/revoke")


def test_an_operator_may_go_on_anyway(call: Caller) -> None:
    """As in the console, where he says why."""
    quote = quoted(call, "free")
    change = call.network("POST", "/changes", {"quote": quote["id"], "anyway": True})
    assert change["state"] == "scheduled"
    call.network("POST", f"/changes/{change['id']}/revoke")


def test_a_plan_with_room_fits(call: Caller) -> None:
    """More of everything: nothing is asked of the sites."""
    quote = call.network("POST", f"/memberships/{FREE_MEMBER}/quotes", {"products": ["premium"]})
    assert quote["fit"] == {
        "decision": "allow",
        "known": True,
        "excesses": [],
        "unchecked": [],
    }


def test_what_cannot_be_had_has_no_fit(call: Caller) -> None:
    assert quoted(call, "premium")["fit"] is None


def test_the_refusal_is_documented(call: Caller) -> None:
    """In OpenAPI, with its form."""
    paths = call("GET", "/openapi.json").json()["paths"]
    refusal = paths["/v1/networks/{network}/changes"]["post"]["responses"]["409"]
    assert "application/problem+json" in refusal["content"]
    assert "limit" in refusal["description"]
