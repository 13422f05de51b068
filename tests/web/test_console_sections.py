"""What the console shows of customers' affairs, and does: memberships, changes, events."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.payments.metadata import reference_for
from bridge.store.changes import ChangeRepository
from bridge.store.tables import (
    ChangeState,
    CustomerRecord,
    MembershipRecord,
    SiteRecord,
)
from bridge.web.server import BackgroundService
from bridge.wiring import App
from tests.pages.stage import until
from tests.web.conftest import Caller, deliver, paid_intent
from tests.web.console_stage import Browser, audited


def quoted(call: Caller, membership: int, product: str) -> Any:
    path = f"/memberships/{membership}/quotes"
    return call.network("POST", path, {"products": [product]})


def pay(call: Caller, membership: int, quote: Any, amount: int) -> None:
    about = reference_for(network="main", membership_id=membership, quote_id=quote["id"])
    assert deliver(call.url, paid_intent(amount, about.to_metadata())).ok


def latest(planbridge: App, membership: int) -> Any:
    with planbridge.session() as session:
        found = ChangeRepository(session).list(membership_id=membership, limit=1)
    return found[0] if found else None


@pytest.fixture(scope="module")
def proven(planbridge: App, service: BackgroundService) -> str:
    """The id of a change that was paid and proven, of membership 1."""
    call = Caller(service.url)
    quote = quoted(call, 1, "premium")
    pay(call, 1, quote, quote["due_now"])
    until(lambda: (one := latest(planbridge, 1)) is not None and one.state is ChangeState.PROVEN)
    return str(latest(planbridge, 1).id)


@pytest.fixture(scope="module")
def held(planbridge: App, service: BackgroundService) -> str:
    """The id of a change that waits for the operator: a cent too little was paid."""
    call = Caller(service.url)
    quote = quoted(call, 5, "premium")
    pay(call, 5, quote, quote["due_now"] - 1)
    until(lambda: latest(planbridge, 5) is not None)
    return str(latest(planbridge, 5).id)


class TestOverview:
    def test_says_first_what_waits(self, owner: Browser, held: str) -> None:
        text = owner.get("/console").text
        assert "1 change waits for you" in text
        assert text.index("What needs you") < text.index("From payment to proof")

    def test_charts_are_drawn_and_told(self, owner: Browser, proven: str) -> None:
        """SVG without a script, and the same figures in a table."""
        text = owner.get("/console").text
        assert text.count('<svg class="chart"') == 2
        assert "p99" in text
        assert "As a table" in text
        assert "style=" not in text


class TestMemberships:
    @pytest.mark.parametrize("case", ["id", "e-mail", "site", "subscription", "payment"])
    def test_are_found_by_what_one_has(
        self, owner: Browser, planbridge: App, proven: str, case: str
    ) -> None:
        with planbridge.session() as session:
            member = session.get(MembershipRecord, (1, 1))
            person = session.get(CustomerRecord, (1, member.customer_id)) if member else None
            site = session.get(SiteRecord, (1, 3))
            assert member
            assert person
            assert site
            person.email = "customer1@example.test"
            member.gateway_subscription_id = "sub_found1"
        wanted = {
            "id": "1",
            "e-mail": "Customer1@example.te",
            "site": f"{site.domain}{site.path}",
            "subscription": "sub_found1",
            "payment": latest(planbridge, 1).payment_key,
        }[case]
        text = owner.get("/console/memberships", params={"q": wanted}).text
        assert "/console/networks/main/memberships/1" in text
        assert "/console/networks/main/memberships/2" not in text

    @pytest.mark.parametrize(
        "text", ["%", "_", "'; --", "cus_none", "a@b", "zzz.example", "9" * 30]
    )
    def test_nothing_is_found_by_what_fits_nothing(self, owner: Browser, text: str) -> None:
        answer = owner.get("/console/memberships", params={"q": text})
        assert answer.status_code == 200
        assert "Nothing was found." in answer.text

    def test_come_a_page_at_a_time(self, planbridge: App) -> None:
        from bridge.store.search import find_memberships

        with planbridge.session() as session:
            first = find_memberships(session, limit=5)
            rest = find_memberships(session, after=first[-1].id, limit=500)
        assert len(first) == 5
        assert not {one.id for one in first} & {one.id for one in rest}

    def test_the_timeline_has_everything(self, owner: Browser, proven: str) -> None:
        text = owner.get("/console/networks/main/memberships/1").text
        for part in (
            "Quote given: upgrade",
            "Change asked for: upgrade",
            "Paid: $49.00",
            "Event payment_intent.succeeded",
            "Step read back",
            "Proven on every site",
        ):
            assert part in text, part

    def test_one_of_another_network_is_not_there(self, owner: Browser) -> None:
        assert owner.get("/console/networks/main/memberships/9999").status_code == 404
        assert owner.get("/console/networks/none/memberships/1").status_code == 404


class TestOnBehalf:
    def test_price_explain_and_ask(self, owner: Browser, planbridge: App) -> None:
        """A downgrade asked for by the operator is scheduled, with the reason in the audit."""
        home = "/console/networks/main/memberships/3"
        assert "Free" in owner.get(f"{home}/change").text
        priced = owner.post(f"{home}/quotes", {"plan": "free"})
        assert priced.status_code == 303
        shown = owner.get(priced.headers["location"]).text
        assert "How it is computed" in shown
        assert "Due now" in shown
        path = f"{priced.headers['location']}/request"
        assert owner.post(path, {"why": ""}).status_code == 422
        asked = owner.post(path, {"why": "the customer wrote to us"})
        assert asked.status_code == 303
        assert latest(planbridge, 3).state is ChangeState.SCHEDULED
        entry = audited(planbridge, "change.request")[0]
        assert entry.detail["why"] == "the customer wrote to us"
        assert (entry.actor, entry.membership_id) == ("owner@example.com", 3)
        where = asked.headers["location"].split("?")[0]
        assert owner.post(f"{where}/revoke").status_code == 303
        assert latest(planbridge, 3).state is ChangeState.REVOKED

    def test_act_as_the_customer(self, owner: Browser, planbridge: App) -> None:
        """By a link of the account's own, which needs a reason and is written down."""
        path = "/console/networks/main/memberships/2/act"
        assert owner.post(path, {"why": " "}).status_code == 422
        answer = owner.post(path, {"why": "asked by telephone", "where": "change"})
        assert answer.status_code == 303
        target = answer.headers["location"]
        assert target.startswith("/account/main/enter?token=")
        link = planbridge.settings.pages().links.read(
            "main", target.split("token=")[1], now=planbridge.clock()
        )
        assert link.to == "memberships/2/change"
        entry = audited(planbridge, "customer.act")[0]
        assert entry.detail == {"why": "asked by telephone"}
        assert target.split("token=")[1] not in str(entry)

    def test_simulate(self, owner: Browser) -> None:
        answer = owner.post(
            "/console/networks/main/memberships/2/simulation", {"months": "2", "fail": ""}
        )
        assert answer.status_code == 200
        assert "What would happen" in answer.text
        assert "renewal paid" in answer.text


class TestChanges:
    def test_are_filtered_by_state(self, owner: Browser, proven: str, held: str) -> None:
        text = owner.get("/console/changes?state=attention").text
        assert held in text
        assert proven not in text

    def test_show_steps_and_payment(self, owner: Browser, proven: str) -> None:
        text = owner.get(f"/console/networks/main/changes/{proven}").text
        for part in ("read back", "$49.00", "payment_intent.succeeded", "How it is computed"):
            assert part in text

    def test_what_does_not_fit_is_not_retried(self, owner: Browser, held: str) -> None:
        """The sentence of the error is shown, and nothing is written down as done."""
        answer = owner.post(f"/console/networks/main/changes/{held}/retry")
        assert answer.status_code == 409
        assert "cannot be tried again" in answer.text

    def test_close_by_hand_needs_a_reason(self, owner: Browser, planbridge: App, held: str) -> None:
        path = f"/console/networks/main/changes/{held}/close"
        assert owner.post(path, {"as": "done", "why": ""}).status_code == 422
        assert owner.post(path, {"as": "gone", "why": "x"}).status_code == 422
        assert owner.post(path, {"as": "failed", "why": "money given back"}).status_code == 303
        change = latest(planbridge, 5)
        assert (change.state, change.is_open) == (ChangeState.FAILED, False)
        assert change.reason == "closed by hand: money given back"
        assert owner.post(path, {"as": "done", "why": "again"}).status_code == 409
        assert audited(planbridge, "change.close")[0].detail["as"] == "failed"

    def test_one_of_another_network_is_not_there(self, owner: Browser) -> None:
        assert owner.get("/console/networks/main/changes/chg_none").status_code == 404


class TestEvents:
    def test_filter_payload_and_replay(self, owner: Browser, planbridge: App, proven: str) -> None:
        text = owner.get("/console/events?type=payment_intent.succeeded&network=main").text
        row = text.split("/console/networks/main/events/")[1].split('"')[0]
        shown = owner.get(f"/console/networks/main/events/{row}").text
        assert "&#34;livemode&#34;: false" in shown
        assert owner.post(f"/console/networks/main/events/{row}/replay").status_code == 303
        assert audited(planbridge, "event.replay")[0].subject == row
        until(lambda: latest(planbridge, 1).state is ChangeState.PROVEN)

    def test_a_range_is_replayed_and_all_is_not(self, owner: Browser, planbridge: App) -> None:
        assert owner.post("/console/events/replay").status_code == 422
        answer = owner.post("/console/events/replay", {"type": "payment_intent.succeeded"})
        assert answer.status_code == 303
        assert audited(planbridge, "event.replay")[0].detail["count"] >= 1

    @pytest.mark.parametrize("query", ["since=never", "network=none"])
    def test_a_filter_that_is_none(self, owner: Browser, query: str) -> None:
        assert owner.get(f"/console/events?{query}").status_code in (404, 422)

    def test_a_payload_is_text_and_never_markup(
        self, owner: Browser, planbridge: App, service: BackgroundService
    ) -> None:
        """What a stranger wrote into an object at Stripe does not run here."""
        body = paid_intent(100, {"note": "<script>alert(1)</script>"})
        assert deliver(service.url, body).ok
        with planbridge.engine.connect() as connection:
            from bridge.store.events import EventRepository

            row = EventRepository(connection).list(limit=1)[0].id
        text = owner.get(f"/console/networks/main/events/{row}").text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text
