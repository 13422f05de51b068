"""The JSON API over a real socket."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from bridge.sandbox.server import SandboxNetwork
from tests.web.conftest import Caller, deliver, paid_intent, problem

FREE_MEMBER, BASIC_MEMBER = 1, 2


class TestAccess:
    def test_health_needs_no_token(self, call: Caller) -> None:
        anybody = replace(call, token=None)
        assert anybody("GET", "/health/live").json() == {"status": "live"}
        assert anybody("GET", "/health/ready").json()["checks"]["database"] == "ok"

    @pytest.mark.parametrize("token", [None, "", "wrong", "operator-token-of-the-test"])
    def test_without_the_right_token_nothing_is_told(self, call: Caller, token: str) -> None:
        """Networks that exist and networks that do not look the same."""
        stranger = replace(call, token=token)
        for path in ("/v1/networks", "/v1/networks/main", "/v1/networks/nope/events"):
            answer = stranger("GET", path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "planbridge token" in problem(answer)["detail"]

    def test_every_route_under_v1_needs_the_token(self, call: Caller) -> None:
        """So that a new route cannot be forgotten."""
        paths = call("GET", "/openapi.json").json()["paths"]
        guarded = [path for path in paths if path.startswith("/v1")]
        assert len(guarded) >= 12
        for path in guarded:
            for method in paths[path]:
                filled = path.replace("{network}", "main").replace("{row}", "1")
                for name in ("membership_id", "quote_id", "change_id"):
                    filled = filled.replace(f"{{{name}}}", "1")
                assert replace(call, token=None)(method, filled).status_code == 401


class TestMistakes:
    """The client's mistakes are told as problem documents, never as a 500."""

    @pytest.mark.parametrize(
        ("method", "path", "body", "status", "word"),
        [
            ("GET", "/v1/networks/nope", None, 404, "There is no network named 'nope'"),
            ("GET", "/v1/networks/main/memberships/9999", None, 404, "no membership 9999"),
            ("GET", "/v1/networks/main/memberships/x", None, 422, "membership_id"),
            ("GET", "/v1/networks/main/quotes/qt_none", None, 404, "no quote 'qt_none'"),
            ("GET", "/v1/networks/main/changes/ch_none", None, 404, "no change 'ch_none'"),
            ("GET", "/v1/networks/main/events/999", None, 404, "no event 999"),
            ("GET", "/v1/networks/main/changes?state=odd", None, 422, "state"),
            ("GET", "/v1/networks/main/events?limit=0", None, 422, "limit"),
            ("POST", "/v1/networks/main/memberships/1/quotes", {"products": []}, 422, "products"),
            (
                "POST",
                "/v1/networks/main/memberships/1/quotes",
                {"products": ["gold"]},
                404,
                "no product 'gold'",
            ),
            (
                "POST",
                "/v1/networks/main/memberships/1/quotes",
                {"products": ["premium"], "period": "soon"},
                422,
                "not a billing period",
            ),
            (
                "POST",
                "/v1/networks/main/memberships/1/quotes",
                {"products": ["premium"], "colour": "red"},
                422,
                "colour",
            ),
            ("POST", "/v1/networks/main/changes", {"quote": "qt_x"}, 404, "no quote"),
            ("DELETE", "/v1/networks", None, 405, "Method Not Allowed"),
            ("GET", "/nowhere", None, 404, "Not Found"),
        ],
    )
    def test_a_mistake_is_a_sentence(
        self, call: Caller, method: str, path: str, body: object, status: int, word: str
    ) -> None:
        answer = call(method, path, body)
        assert answer.status_code == status
        assert word in problem(answer)["detail"]


class TestReading:
    def test_networks_are_shown_without_secrets(self, call: Caller) -> None:
        answer = call("GET", "/v1/networks")
        (network,) = answer.json()["items"]
        assert network["name"] == "main"
        assert "secret" not in answer.text
        assert "sealed" not in answer.text

    def test_memberships_come_in_pages(self, call: Caller) -> None:
        """Following ``next`` gives every membership once."""
        seen: list[int] = []
        after: int | None = 0
        while after is not None:
            page = call.network("GET", f"/memberships?after={after}&limit=5")
            seen += [member["id"] for member in page["items"]]
            after = page["next"]
        assert seen == list(range(1, 20))

    def test_a_membership_shows_its_sites_with_their_limits(self, call: Caller) -> None:
        member = call.network("GET", f"/memberships/{BASIC_MEMBER}")
        assert member["plan_id"] == 5
        assert member["amount"] == 1999
        (site,) = member["sites"]
        assert site["effective_limits"]["visits"]["enabled"] is True

    def test_a_free_member_is_offered_premium_never_basic(self, call: Caller) -> None:
        """The document's example: Free and Premium share the group High End."""
        offers = call.network("GET", f"/memberships/{FREE_MEMBER}/offers")
        assert [plan["slug"] for plan in offers["plans"]] == ["free", "premium"]
        assert [plan["current"] for plan in offers["plans"]] == [True, False]
        assert {addon["slug"] for addon in offers["addons"]} == {
            "unlimited-visits",
            "extra-disk-space",
            "priority-support",
        }


class TestQuoting:
    def test_a_quote_is_kept_and_explained(self, call: Caller) -> None:
        quote = call.network(
            "POST", f"/memberships/{FREE_MEMBER}/quotes", {"products": ["premium"]}
        )
        assert (quote["kind"], quote["possible"], quote["due_now"]) == ("upgrade", True, 4900)
        assert sum(step["amount"] or 0 for step in quote["explanation"]) >= quote["due_now"]
        assert call.network("GET", f"/quotes/{quote['id']}") == quote

    def test_a_choice_that_changes_nothing_says_so(self, call: Caller) -> None:
        quote = call.network("POST", f"/memberships/{FREE_MEMBER}/quotes", {"products": ["free"]})
        assert not quote["possible"]
        assert quote["errors"][0]["message"] == (
            "This cart proposes no changes to the current membership."
        )

    def test_a_plan_of_another_group_is_refused_not_only_hidden(self, call: Caller) -> None:
        quote = call.network("POST", f"/memberships/{FREE_MEMBER}/quotes", {"products": ["basic"]})
        assert not quote["possible"]
        change = call("POST", "/v1/networks/main/changes", {"quote": quote["id"]})
        assert change.status_code == 409
        assert "not offered" in problem(change)["detail"]


class TestChanging:
    def test_a_change_that_costs_something_waits_for_its_payment(self, call: Caller) -> None:
        member = 8  # Free, made up
        quote = call.network("POST", f"/memberships/{member}/quotes", {"products": ["premium"]})
        change = call.network("POST", "/changes", {"quote": quote["id"]})
        assert change["state"] == "awaiting_payment"
        assert call.network("POST", "/changes", {"quote": quote["id"]})["id"] == change["id"]
        assert call.network("GET", f"/memberships/{member}")["open_change"] == change["id"]
        revoked = call.network("POST", f"/changes/{change['id']}/revoke")
        assert revoked["state"] == "revoked"
        again = call("POST", f"/v1/networks/main/changes/{change['id']}/revoke")
        assert again.status_code == 409

    def test_a_downgrade_waits_for_the_end_of_the_term(
        self, call: Caller, network: SandboxNetwork
    ) -> None:
        """Nothing is written before that day."""
        network.journal.clear()
        member = 4  # Premium by the year
        quote = call.network("POST", f"/memberships/{member}/quotes", {"products": ["free"]})
        assert (quote["kind"], quote["due_now"]) == ("downgrade", 0)
        change = call.network("POST", "/changes", {"quote": quote["id"]})
        assert change["state"] == "scheduled"
        assert change["effective_at"] == quote["effective_at"]
        assert not network.journal.writes()

    def test_a_paid_change_is_carried_out_and_proven(self, call: Caller) -> None:
        """Its steps, its event and the membership all tell the same story."""
        quote = call.network(
            "POST", f"/memberships/{FREE_MEMBER}/quotes", {"products": ["premium"]}
        )
        change = call.network("POST", "/changes", {"quote": quote["id"]})
        metadata = {
            "planbridge_network": "main",
            "planbridge_membership": str(FREE_MEMBER),
            "planbridge_quote": quote["id"],
        }
        answer = deliver(call.url, paid_intent(quote["due_now"], metadata))
        assert (answer.status_code, answer.json()["duplicate"]) == (200, False)
        done = wait_for(call, change["id"], "proven", "attention")
        assert done["state"] == "proven", done["reason"]
        assert done["amount_paid"] == done["amount_due"] == 4900
        steps = {(step["name"], step["subject"]): step["state"] for step in done["steps"]}
        assert set(steps.values()) == {"done"}
        assert {subject for name, subject in steps if name == "site"} == {"3", "4"}
        member = call.network("GET", f"/memberships/{FREE_MEMBER}")
        assert (member["plan_id"], member["amount"], member["open_change"]) == (6, 4900, None)
        (event,) = call.network("GET", "/events?type=payment_intent.succeeded")["items"]
        assert (event["state"], event["change_id"]) == ("applied", change["id"])
        shown = call.network("GET", f"/events/{event['id']}")
        assert shown["payload"]["data"]["object"]["metadata"] == metadata
        call.network("POST", f"/events/{event['id']}/replay")
        assert len(call.network("GET", f"/changes?membership_id={FREE_MEMBER}")["items"]) == 1


def wait_for(call: Caller, change_id: str, *states: str) -> dict[str, object]:
    """The change once it is in one of the states; fails after half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        change: dict[str, object] = call.network("GET", f"/changes/{change_id}")
        if change["state"] in states:
            return change
        time.sleep(0.05)
    raise AssertionError(change)
