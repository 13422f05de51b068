"""The change page: what is offered, what it costs at once, why not, and that nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlmodel import func, select

from bridge.store.readers import sites_of
from bridge.store.tables import StoredQuote
from bridge.store.uses import save_use
from tests.pages.stage import Stage, open_stage
from tests.web.customer import Customer, checked, text_of

FREE, BASIC, PREMIUM = 4, 5, 6
VISITS, DISK, SUPPORT = 1, 2, 3
FREE_MEMBER, BASIC_MEMBER, PREMIUM_MEMBER, YEARLY_MEMBER = 1, 2, 3, 4


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("change")) as opened:
        yield opened


@pytest.fixture
def free(stage: Stage) -> Customer:
    return Customer(stage, FREE_MEMBER)


def kept_quotes(stage: Stage) -> int:
    with stage.planbridge.session() as session:
        return session.exec(select(func.count()).select_from(StoredQuote)).one()


class TestOffer:
    def test_only_plans_of_the_same_group_are_shown(self, free: Customer) -> None:
        """The document's example: Free sees Premium, never Basic."""
        page = free.get("change").text
        assert "plan-4" in checked(page)
        said = text_of(page)
        assert "Premium" in said
        assert "Basic" not in said
        assert "Your plan" in said

    def test_a_plan_shows_its_features(self, free: Customer) -> None:
        """The list that the operator keeps at the product, in its order."""
        said = text_of(free.get("change").text)
        assert "Premium, first feature Premium, second feature" in said

    def test_packages_and_services_of_the_current_plan_are_shown(self, free: Customer) -> None:
        said = text_of(free.get("change").text)
        for name in ("Unlimited visits", "Extra disk space", "Priority support"):
            assert name in said

    def test_what_one_has_is_ticked(self, stage: Stage) -> None:
        page = Customer(stage, PREMIUM_MEMBER).get("change").text
        assert {"plan-6", "addon-2", "period-1-month"} <= checked(page)
        assert "2 × Extra disk space" in text_of(page)
        yearly = Customer(stage, YEARLY_MEMBER).get("change").text
        assert "period-1-year" in checked(yearly)

    def test_a_plan_shows_which_limits_it_changes(self, free: Customer) -> None:
        said = text_of(free.get("change").text)
        assert "Posts 5 → becomes unlimited" in said
        assert "Disk space 100 MB → becomes 10 GB" in said

    def test_prices_follow_the_period(self, free: Customer) -> None:
        assert "$49.00 / month" in text_of(free.get("change").text)
        answer = free.get("change/order", params={"chosen": "1", "plan": "6", "period": "1-year"})
        assert "$490.00 / year" in answer.text

    def test_an_address_shows_its_choice(self, free: Customer) -> None:
        """So that reload, back and forward, and no script at all show the same."""
        page = free.get("change", params={"chosen": "1", "plan": "6", "addon": "3"}).text
        assert {"plan-6", "addon-3"} <= checked(page)
        assert "Due now $69.00" in text_of(page)

    def test_what_is_not_offered_is_not_chosen(self, free: Customer) -> None:
        """Basic, a product that is none, a period that is none: as if nothing was touched."""
        for plan in (str(BASIC), "999", "x", ""):
            page = free.get("change", params={"chosen": "1", "plan": plan, "period": "soon"}).text
            assert "plan-4" in checked(page)


class TestOrder:
    def test_a_choice_shows_what_is_due_now_and_next(self, free: Customer) -> None:
        said = free.order(plan=PREMIUM, period="1-month")
        assert "Due now $49.00" in said
        assert "Next bill: $49.00 on" in said
        assert "How is this computed?" in said

    def test_the_address_is_kept_up(self, free: Customer) -> None:
        answer = free.get("change/order", params={"chosen": "1", "plan": "6", "addon": ["3", "1"]})
        assert answer.headers["HX-Replace-Url"].endswith(
            "/account/main/memberships/1/change?chosen=1&plan=6&period=1-month&addon=1&addon=3"
        )

    def test_credit_for_what_is_paid_is_shown_and_explained(self, stage: Stage) -> None:
        said = Customer(stage, PREMIUM_MEMBER).order(plan=PREMIUM, addon=DISK, period="1-year")
        assert "Credit for the unused time -$" in said
        assert "are paid for and not used" in said

    def test_only_packages_without_another_plan(self, free: Customer) -> None:
        said = free.order(plan=FREE, addon=SUPPORT)
        assert "Priority support $20.00" in said
        assert "Due now $20.00" in said

    def test_nothing_changed_says_so(self, free: Customer) -> None:
        assert "This changes nothing" in free.order(plan=FREE)
        french = Customer(free.stage, FREE_MEMBER, language="fr")
        assert "Cela ne change rien" in french.order(plan=FREE)

    def test_a_wrong_code_says_so(self, free: Customer) -> None:
        said = free.order(plan=PREMIUM, code="NOPE")
        assert "This discount code cannot be used" in said
        assert "Continue" not in said

    def test_a_code_takes_off(self, free: Customer) -> None:
        said = free.order(plan=PREMIUM, code="welcome20")
        assert "Discounts -$9.80" in said
        assert "Due now $39.20" in said

    def test_a_smaller_plan_begins_with_the_next_term(self, stage: Stage) -> None:
        said = Customer(stage, PREMIUM_MEMBER).order(plan=FREE, addon=DISK)
        assert "Due now $0.00" in said
        assert "Takes effect on" in said

    def test_unticking_removes_at_the_end_of_the_term(self, stage: Stage) -> None:
        said = Customer(stage, PREMIUM_MEMBER).order(plan=PREMIUM)
        assert "Due now $0.00" in said
        assert "Takes effect on" in said
        assert "Extra disk space ends, as you wish." in said
        assert "Next bill: $49.00" in said

    def test_nothing_is_kept_while_one_chooses(self, stage: Stage, free: Customer) -> None:
        before = kept_quotes(stage)
        free.order(plan=PREMIUM)
        free.get("change", params={"chosen": "1", "plan": "6"})
        assert kept_quotes(stage) == before
        free.keep(plan=PREMIUM)
        assert kept_quotes(stage) == before + 1

    def test_what_cannot_be_had_is_not_kept(self, stage: Stage, free: Customer) -> None:
        before = kept_quotes(stage)
        for fields in ({"plan": "4"}, {"plan": "6", "code": "NOPE"}, {"plan": "5"}):
            answer = free.post("change", {"chosen": "1", **fields})
            assert answer.status_code == 303
            assert "/change?chosen=1" in answer.headers["location"]
        assert kept_quotes(stage) == before

    def test_french_has_every_word(self, stage: Stage) -> None:
        """Money, dates, lines and reasons of a whole order."""
        said = Customer(stage, PREMIUM_MEMBER, language="fr").order(
            plan=PREMIUM, addon=DISK, period="1-year"
        )
        assert "À payer maintenant" in said
        assert "Crédit pour le temps non utilisé" in said
        assert "Prochaine facture" in said
        for english in ("Credit", "Due", "Next", "days", "billed", "unused"):
            assert english not in said


class TestTooMuchUsed:
    @pytest.fixture(autouse=True)
    def _full(self, stage: Stage) -> Iterator[None]:
        """The yearly member's site has 8 posts; Free allows 5."""
        self.use(stage, 8)
        yield
        self.use(stage, 0)

    def use(self, stage: Stage, posts: int) -> None:
        with stage.planbridge.session() as session:
            save_use(
                session,
                stage.place().key,
                self.site(stage),
                posts={"post": posts},
                users={},
                untold="",
                now=stage.planbridge.clock(),
            )

    def site(self, stage: Stage) -> int:
        with stage.planbridge.session() as session:
            return sites_of(session, stage.place().key, YEARLY_MEMBER)[0].id

    def test_it_says_what_to_do_on_which_site(self, stage: Stage) -> None:
        customer = Customer(stage, YEARLY_MEMBER)
        said = customer.order(plan=FREE)
        address = f"{stage.network.url.removeprefix('http://')}/site{self.site(stage)}"
        assert f"Delete 3 posts on {address}: there are 8 posts, 5 posts are allowed." in said
        assert "Continue" not in said
        french = Customer(stage, YEARLY_MEMBER, language="fr").order(plan=FREE)
        assert f"Supprimez 3 articles sur {address}" in french

    def test_the_server_refuses_too(self, stage: Stage) -> None:
        """Not only the button is missing."""
        customer = Customer(stage, YEARLY_MEMBER)
        answer = customer.post("change", {"chosen": "1", "plan": str(FREE)})
        assert "/change?chosen=1" in answer.headers["location"]

    def test_a_quote_from_before_is_refused_too(self, stage: Stage) -> None:
        """Three posts were written between looking and confirming."""
        customer = Customer(stage, YEARLY_MEMBER)
        self.use(stage, 1)
        quote = customer.keep(plan=FREE)
        self.use(stage, 8)
        answer = customer.confirm(quote)
        assert answer.status_code == 303
        assert "/change?chosen=1&plan=4" in answer.headers["location"]
        assert "Delete 3 posts" in text_of(customer.get(answer.headers["location"]).text)

    def test_a_bigger_plan_is_not_held_up(self, stage: Stage) -> None:
        assert "Delete" not in Customer(stage, YEARLY_MEMBER).order(plan=PREMIUM, addon=SUPPORT)
