"""Plans by contact only, and products whose price the customer names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from bridge.store.quotes import QuoteRepository
from bridge.store.tables import ProductRecord
from tests.pages.stage import Stage, open_stage
from tests.web.customer import Customer, text_of

FREE, BASIC, PREMIUM, SUPPORT = 4, 5, 6, 3
MEMBER = 1


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Basic is of the same group and sold by contact; for support one pays what one wants."""
    with open_stage(tmp_path_factory.mktemp("prices")) as opened:
        with opened.planbridge.session() as session:
            place = opened.place().key
            basic = session.get(ProductRecord, (place, BASIC))
            support = session.get(ProductRecord, (place, SUPPORT))
            assert basic is not None
            assert support is not None
            basic.group, basic.pricing_type = "High End", "contact_us"
            basic.contact_us_label = "Ask <us>"
            basic.contact_us_link = "https://example.com/contact"
            support.pricing_type = "pay_what_you_want"
            support.pwyw_minimum, support.pwyw_suggested = 300, 1250
            support.pwyw_recurring_mode = "customer_choice"
            session.add_all([basic, support])
        yield opened


@pytest.fixture
def customer(stage: Stage) -> Customer:
    return Customer(stage, MEMBER)


def set_product(stage: Stage, product: int, **fields: object) -> None:
    with stage.planbridge.session() as session:
        row = session.get(ProductRecord, (stage.place().key, product))
        assert row is not None
        for name, value in fields.items():
            setattr(row, name, value)
        session.add(row)


class TestContactUs:
    def test_it_is_shown_with_its_link_and_cannot_be_chosen(self, customer: Customer) -> None:
        page = customer.get("change").text
        assert 'href="https://example.com/contact"' in page
        assert "Ask &lt;us&gt;" in page
        assert "Price on request" in text_of(page)
        assert 'id="plan-5"' not in page
        answer = customer.post("change", {"chosen": "1", "plan": str(BASIC)})
        assert "chosen=1&plan=4" in answer.headers["location"]

    def test_a_link_that_is_a_script_is_none(self, stage: Stage, customer: Customer) -> None:
        """What the network's editor may write is not what our pages run."""
        set_product(stage, BASIC, contact_us_link="javascript:alert(1)")
        page = customer.get("change").text
        set_product(stage, BASIC, contact_us_link="https://example.com/contact")
        assert "javascript:" not in page
        assert "Ask &lt;us&gt;" in page


class TestOwnPrice:
    def test_the_field_has_what_is_suggested(self, customer: Customer) -> None:
        page = customer.get("change").text
        assert 'name="amount_3" value="12.50"' in page
        assert "At least $3.00" in text_of(page)
        assert "Pay this each time" in text_of(page)

    @pytest.mark.parametrize("typed", ["7.50", "7,50", " 7.5 "])
    def test_the_amount_counts(self, customer: Customer, typed: str) -> None:
        assert "Due now $7.50" in customer.order(plan=FREE, addon=SUPPORT, amount_3=typed)

    def test_once_or_each_time(self, customer: Customer) -> None:
        once = customer.order(plan=FREE, addon=SUPPORT, amount_3="9")
        assert "Nothing is billed after that." in once
        each = customer.order(plan=FREE, addon=SUPPORT, amount_3="9", recurring_3="1")
        assert "Next bill: $9.00" in each

    def test_too_little_says_how_much(self, customer: Customer) -> None:
        said = customer.order(plan=FREE, addon=SUPPORT, amount_3="2.99")
        assert "The amount for Priority support must be at least $3.00." in said
        french = Customer(customer.stage, MEMBER, language="fr")
        told = french.order(plan=FREE, addon=SUPPORT, amount_3="2,99")
        assert "doit être d’au moins 3,00 $US" in told

    def test_too_much_says_so(self, customer: Customer) -> None:
        said = customer.order(plan=FREE, addon=SUPPORT, amount_3="50000.01")
        assert "must be at most $50,000.00" in said

    @pytest.mark.parametrize("typed", ["a lot", "1.2.3", "-5", "7.505", "NaN", "1e9999"])
    def test_what_is_no_amount_is_not_kept(self, customer: Customer, typed: str) -> None:
        fields = {"plan": FREE, "addon": SUPPORT, "amount_3": typed}
        assert "is no amount" in customer.order(**fields)
        answer = customer.post("change", {"chosen": "1", **fields})
        assert "/change?chosen=1" in answer.headers["location"]

    def test_the_quote_has_it(self, stage: Stage, customer: Customer) -> None:
        """And the way back to the form shows it again."""
        quote = customer.keep(plan=FREE, addon=SUPPORT, amount_3="7.50", recurring_3="1")
        with stage.planbridge.session() as session:
            given = QuoteRepository(session, stage.planbridge.quote_key).get(
                stage.place().key, quote
            )
        assert (given.quote.due_now, dict(given.request.pwyw_amounts)) == (750, {SUPPORT: 750})
        page = customer.get(f"confirm?quote={quote}").text
        assert "amount_3=7.50&amp;recurring_3=1" in page


def test_the_api_takes_it_too(stage: Stage) -> None:
    answer = requests.post(
        f"{stage.url}/v1/networks/main/memberships/{MEMBER}/quotes",
        json={"products": [SUPPORT], "amounts": {"3": 800}, "recurring": {"3": True}},
        headers={"Authorization": f"Bearer {stage.planbridge.settings.operator_token()}"},
        timeout=10,
    )
    assert answer.json()["due_now"] == 800
