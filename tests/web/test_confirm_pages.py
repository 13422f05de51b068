"""Confirm and pay: once, whatever is clicked, from one tab or two, in time or too late."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests

from bridge.domain.periods import Period
from bridge.store.changes import ChangeRepository
from bridge.store.tables import Change, ChangeState, StoredQuote
from bridge.upgrades.intent import revoke_change
from bridge.upgrades.quoting import Choice, give_quote
from tests.pages.stage import NETWORK, Stage, open_stage
from tests.web.customer import Customer, text_of, value_of

FREE, PREMIUM, SUPPORT = 4, 6, 3
FREE_MEMBER, PREMIUM_MEMBER, YEARLY_MEMBER, OTHER_FREE = 1, 3, 4, 5


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("confirm")) as opened:
        yield opened


@pytest.fixture
def free(stage: Stage) -> Iterator[Customer]:
    """A member of Free with no change open, before and after."""
    yield Customer(stage, OTHER_FREE)
    for change in changes(stage, OTHER_FREE):
        if change.is_open:
            with stage.planbridge.session() as session:
                revoke_change(session, change.id, now=stage.planbridge.clock())


def changes(stage: Stage, membership: int) -> list[Change]:
    with stage.planbridge.session() as session:
        return ChangeRepository(session).list(
            network_id=stage.place().key, membership_id=membership
        )


def put(stage: Stage, change_id: str, state: ChangeState) -> None:
    """Put a change into another state, as the engine would."""
    with stage.planbridge.session() as session:
        ChangeRepository(session).move(
            change_id, to=state, came_from=tuple(ChangeState), now=stage.planbridge.clock()
        )


def old_quote(stage: Stage, membership: int, *products: int, hours: int = 2) -> str:
    """A quote that was given hours ago."""
    place, now = stage.place(), stage.planbridge.clock() - timedelta(hours=hours)
    with stage.planbridge.session() as session:
        return give_quote(
            session,
            place,
            membership,
            Choice(products),
            now=now,
            key=stage.planbridge.quote_key,
            minutes=60,
        ).id


class TestPage:
    def test_it_shows_exactly_the_quote(self, free: Customer) -> None:
        quote = free.keep(plan=PREMIUM, addon=SUPPORT)
        said = text_of(free.get(f"confirm?quote={quote}").text)
        assert "Premium instead of Free" in said
        assert "Confirm and pay $69.00" in said
        assert "Posts 5 → becomes unlimited" in said
        assert "This offer holds until" in said

    def test_without_a_quote_it_leads_to_the_form(self, free: Customer) -> None:
        assert free.get("confirm").headers["location"].endswith("/change")

    def test_the_way_back_leads_to_the_same_choice(self, free: Customer) -> None:
        quote = free.keep(plan=PREMIUM, addon=SUPPORT, code="WELCOME20", period="1-month")
        page = free.get(f"confirm?quote={quote}").text
        choice = "chosen=1&plan=6&period=1-month&addon=3&code=WELCOME20"
        assert f"change?{choice}" in html.unescape(page)

    def test_a_quote_that_was_changed_by_hand_is_not_believed(
        self, stage: Stage, free: Customer
    ) -> None:
        quote = free.keep(plan=PREMIUM)
        with stage.planbridge.session() as session:
            row = session.get(StoredQuote, quote)
            assert row is not None
            document = {**row.document, "quote": {**row.document["quote"], "due_now": 1}}
            row.document = document
            session.add(row)
        assert free.get(f"confirm?quote={quote}").status_code == 409
        assert free.confirm(quote).status_code == 409
        assert not [one for one in changes(stage, OTHER_FREE) if one.quote_id == quote]


class TestOnce:
    def test_the_same_quote_gives_one_change(self, stage: Stage, free: Customer) -> None:
        """A second click, and a reload of the answer, lead to the same page of Stripe."""
        quote = free.keep(plan=PREMIUM)
        first, second = free.confirm(quote), free.confirm(quote)
        assert first.status_code == second.status_code == 303
        assert first.headers["location"] == second.headers["location"]
        assert "/c/pay/cs_" in first.headers["location"]
        assert len([one for one in changes(stage, OTHER_FREE) if one.quote_id == quote]) == 1

    def test_two_at_the_same_moment_give_one_change(self, stage: Stage, free: Customer) -> None:
        quote, token = free.keep(plan=PREMIUM), free.token
        clickers = [Customer(stage, OTHER_FREE) for _ in range(4)]
        tokens = [token, *(one.token for one in clickers[1:])]
        clickers[0].browser = free.browser
        with ThreadPoolExecutor(4) as pool:
            answers = list(
                pool.map(
                    lambda pair: pair[0].post("confirm", {"quote": quote}, token=pair[1]),
                    zip(clickers, tokens, strict=True),
                )
            )
        assert {answer.status_code for answer in answers} == {303}
        made = [one for one in changes(stage, OTHER_FREE) if one.quote_id == quote]
        assert len(made) == 1
        sessions = [
            event
            for event in stage.stripe.state.find("checkout.session")
            if event["metadata"].get("planbridge_change") == made[0].id
        ]
        assert len(sessions) == 1

    def test_back_after_confirming_shows_how_it_stands(self, free: Customer) -> None:
        quote = free.keep(plan=PREMIUM)
        free.confirm(quote)
        answer = free.get(f"confirm?quote={quote}")
        assert answer.status_code == 303
        assert "/changes/chg_" in answer.headers["location"]


class TestTwoTabs:
    def test_another_quote_is_told_of_the_open_change(self, stage: Stage, free: Customer) -> None:
        """Nothing is replaced before one has said so."""
        one, other = free.keep(plan=PREMIUM), free.keep(plan=PREMIUM, addon=SUPPORT)
        free.confirm(one)
        answer = free.confirm(other)
        assert answer.status_code == 409
        said = text_of(answer.text)
        assert "Another change is waiting" in said
        assert "it takes the place of the other" in said
        assert len([each for each in changes(stage, OTHER_FREE) if each.is_open]) == 1

        replaced = free.confirm(other, replace=value_of(answer.text, "replace"))
        assert replaced.status_code == 303
        first, second = (
            next(each for each in changes(stage, OTHER_FREE) if each.quote_id == quote)
            for quote in (one, other)
        )
        assert first.state is ChangeState.SUPERSEDED
        assert second.state is ChangeState.AWAITING_PAYMENT
        page = text_of(free.get(f"changes/{first.id}").text)
        assert "Replaced" in page
        assert "Look at the newer one" in page

    def test_only_the_change_that_was_named_is_replaced(self, stage: Stage, free: Customer) -> None:
        """The open change became another one while the page was looked at."""
        one, other = free.keep(plan=PREMIUM), free.keep(plan=PREMIUM, addon=SUPPORT)
        free.confirm(one)
        assert free.confirm(other, replace="chg_older").status_code == 409

    def test_a_change_at_work_is_not_replaced(self, stage: Stage, free: Customer) -> None:
        one, other = free.keep(plan=PREMIUM), free.keep(plan=PREMIUM, addon=SUPPORT)
        free.confirm(one)
        change = next(each for each in changes(stage, OTHER_FREE) if each.quote_id == one)
        put(stage, change.id, ChangeState.PROVING)
        answer = free.confirm(other, replace=change.id)
        put(stage, change.id, ChangeState.AWAITING_PAYMENT)
        assert answer.status_code == 409
        assert "being carried out right now" in text_of(answer.text)
        assert '<button class="primary">' not in answer.text

    def test_the_form_tells_of_it(self, free: Customer) -> None:
        free.confirm(free.keep(plan=PREMIUM))
        assert "Another change of this membership is not finished" in text_of(
            free.get("change").text
        )


class TestTooLate:
    def test_an_expired_quote_is_priced_again(self, stage: Stage, free: Customer) -> None:
        old = old_quote(stage, OTHER_FREE, PREMIUM)
        answer = free.get(f"confirm?quote={old}")
        assert answer.status_code == 303
        assert answer.headers["location"].endswith(f"&was={old}")
        said = text_of(free.get(answer.headers["location"]).text)
        assert "computed again. The price is the same." in said

    def test_also_when_it_expires_under_the_button(self, stage: Stage, free: Customer) -> None:
        """Nothing is bought for a price that was not seen."""
        old = old_quote(stage, OTHER_FREE, PREMIUM)
        answer = free.confirm(old)
        assert answer.status_code == 303
        assert f"&was={old}" in answer.headers["location"]
        assert not [one for one in changes(stage, OTHER_FREE) if one.quote_id == old]

    def test_another_price_is_told(self, stage: Stage) -> None:
        """Two days later less of the old plan is left to be credited."""
        customer = Customer(stage, PREMIUM_MEMBER)
        place, now = stage.place(), stage.planbridge.clock() - timedelta(days=2)
        with stage.planbridge.session() as session:
            old = give_quote(
                session, place, PREMIUM_MEMBER, Choice((PREMIUM,), Period(1, "year")),
                now=now, key=stage.planbridge.quote_key, minutes=60,
            ).id  # fmt: skip
        answer = customer.get(f"confirm?quote={old}")
        assert "Due now was $" in text_of(customer.get(answer.headers["location"]).text)


class TestStrangers:
    """What is another's does not exist."""

    def test_memberships(self, stage: Stage) -> None:
        stranger = Customer(stage, OTHER_FREE)
        other = stage.account(f"memberships/{FREE_MEMBER}")
        for path in ("change", "change/order", "confirm", "changes/chg_x", "changes/chg_x/status"):
            assert stranger.get(f"{other}/{path}").status_code == 404
        for path in ("change", "confirm", "changes/chg_x/pay"):
            assert stranger.post(f"{other}/{path}").status_code == 404

    def test_quotes(self, stage: Stage) -> None:
        quote = Customer(stage, FREE_MEMBER).keep(plan=PREMIUM)
        stranger = Customer(stage, OTHER_FREE)
        assert stranger.get(f"confirm?quote={quote}").status_code == 404
        assert stranger.confirm(quote).status_code == 404
        mine = stranger.keep(plan=PREMIUM)
        assert stranger.get(f"confirm?quote={mine}&was={quote}").status_code == 404

    def test_changes(self, stage: Stage) -> None:
        owner, stranger = Customer(stage, FREE_MEMBER), Customer(stage, OTHER_FREE)
        owner.confirm(owner.keep(plan=PREMIUM))
        change = changes(stage, FREE_MEMBER)[0]
        assert owner.get(f"changes/{change.id}").status_code == 200
        for path in (f"changes/{change.id}", f"changes/{change.id}/status"):
            assert stranger.get(path).status_code == 404
        assert stranger.post(f"changes/{change.id}/pay").status_code == 404
        with stage.planbridge.session() as session:
            revoke_change(session, change.id, now=stage.planbridge.clock())

    def test_somebody_who_is_not_signed_in_is_led_to_where_he_can(self, stage: Stage) -> None:
        answer = requests.get(
            stage.account("memberships/1/change"), allow_redirects=False, timeout=10
        )
        assert answer.status_code == 303
        assert f"/account/{NETWORK}/sign-in" in answer.headers["location"]

    def test_a_form_of_another_site_is_refused(self, stage: Stage, free: Customer) -> None:
        quote = free.keep(plan=PREMIUM)
        assert free.post("confirm", {"quote": quote}, token="forged").status_code == 403
        assert free.post("change", {"chosen": "1", "plan": "6"}, token="").status_code == 403
        forged = free.browser.post(
            free.url("confirm"),
            data={"quote": quote, "_token": free.token},
            headers={"Sec-Fetch-Site": "cross-site"},
            timeout=10,
        )
        assert forged.status_code == 403
        assert not [one for one in changes(stage, OTHER_FREE) if one.quote_id == quote]


class TestPaying:
    def test_the_story_ends_with_proven_limits(self, stage: Stage) -> None:
        """Confirm, pay on Stripe's page, follow, new limits on each site."""
        customer = Customer(stage, FREE_MEMBER)
        pay = customer.confirm(customer.keep(plan=PREMIUM)).headers["location"]
        assert "$49.00" in requests.get(pay, timeout=10).text
        paid = requests.post(
            pay, data={"do": "pay", "card": "pm_card_visa"}, allow_redirects=False, timeout=10
        )
        back = paid.headers["location"]
        assert back.endswith("?from=paid")
        page = customer.wait_for(back, "proven")
        said = text_of(page)
        assert "the new limits are in force" in said
        assert "Paid: $49.00" in said
        assert said.count("Posts 5 → becomes unlimited") == 2
        assert "hx-trigger" not in page

    def test_a_declined_card_changes_nothing(self, stage: Stage, free: Customer) -> None:
        pay = free.confirm(free.keep(plan=PREMIUM)).headers["location"]
        refused = requests.post(
            pay, data={"do": "pay", "card": "pm_card_chargeDeclined"}, timeout=10
        )
        assert "declined" in refused.text
        assert changes(stage, OTHER_FREE)[0].state is ChangeState.AWAITING_PAYMENT

    def test_who_returns_without_paying_may_pay_or_drop(self, stage: Stage, free: Customer) -> None:
        pay = free.confirm(free.keep(plan=PREMIUM)).headers["location"]
        left = requests.post(pay, data={"do": "cancel"}, allow_redirects=False, timeout=10)
        page = free.get(left.headers["location"]).text
        said = text_of(page)
        assert "Not paid yet" in said
        assert "Pay $49.00" in said
        change = changes(stage, OTHER_FREE)[0]
        again = free.post(f"changes/{change.id}/pay")
        assert again.headers["location"] == pay
        dropped = free.post(f"changes/{change.id}/revoke")
        assert dropped.status_code == 303
        assert "Taken back" in text_of(free.get(f"changes/{change.id}").text)
        late = free.post(f"changes/{change.id}/pay")
        assert late.headers["location"].endswith(f"/changes/{change.id}")

    def test_the_live_part_is_sent_only_when_it_differs(self, stage: Stage, free: Customer) -> None:
        free.confirm(free.keep(plan=PREMIUM))
        change = changes(stage, OTHER_FREE)[0]
        page = free.get(f"changes/{change.id}?from=paid").text
        assert '<meta http-equiv="refresh"' in page
        found = re.search(r'hx-get="[^"]*/status\?seen=([0-9a-f]+)&amp;from=paid"', page)
        assert found
        path = f"changes/{change.id}/status"
        same = free.get(path, params={"seen": found[1], "from": "paid"})
        assert same.status_code == 204
        other = free.get(path, params={"seen": "0", "from": "paid"})
        assert other.status_code == 200
        assert other.text.count("<html") == 0


class TestDowngrade:
    def test_it_is_planned_and_can_be_taken_back(self, stage: Stage) -> None:
        customer = Customer(stage, YEARLY_MEMBER)
        quote = customer.keep(plan=FREE)
        page = text_of(customer.get(f"confirm?quote={quote}").text)
        assert "Nothing is charged now." in page
        to = customer.confirm(quote).headers["location"]
        assert "/changes/chg_" in to
        page = customer.get(to).text
        assert "Planned for" in text_of(page)
        assert "hx-trigger" not in page
        change = changes(stage, YEARLY_MEMBER)[0]
        customer.post(f"changes/{change.id}/revoke")
        assert "Taken back" in text_of(customer.get(to).text)


class TestWords:
    """Every state has a page in plain words, none of the operator's."""

    @pytest.mark.parametrize(
        ("state", "words", "french"),
        [
            (ChangeState.ACCEPTED, "being carried out", "en cours"),
            (ChangeState.ATTENTION, "longer than usual", "plus de temps"),
            (ChangeState.APPLIED, "Your membership is changed", "modifiée"),
            (ChangeState.FAILED, "This did not work", "pas fonctionné"),
        ],
    )
    def test_states(
        self, stage: Stage, free: Customer, state: ChangeState, words: str, french: str
    ) -> None:
        free.confirm(free.keep(plan=PREMIUM))
        change = changes(stage, OTHER_FREE)[0]
        with stage.planbridge.session() as session:
            row = ChangeRepository(session).get(change.id)
            row.state, row.is_open, row.reason = state, False, "HTTP 500 of wu/v2"
            session.add(row)
        page = free.get(f"changes/{change.id}").text
        assert words in text_of(page)
        assert "HTTP 500" not in page
        other = Customer(stage, OTHER_FREE, language="fr").get(f"changes/{change.id}").text
        assert french in text_of(other)
