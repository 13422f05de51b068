"""Words by code and inputs: every rule and reason has them, what is unknown keeps its own."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.explanation import RULES, step
from bridge.domain.limit_modules import MODULES, Special
from bridge.domain.limit_use import LimitUse
from bridge.domain.periods import Period
from bridge.domain.preflight import Excess, Policy
from bridge.domain.quotes import ChangeKind, Explanation, LineItem, LineType, Quote, QuoteError
from bridge.web.pages.languages import LANGUAGES, language
from bridge.web.pages.wording import (
    allowed_words,
    counted_words,
    error_words,
    excess_words,
    limit_label,
    line_words,
    period_words,
    price_words,
    status_words,
    step_words,
    use_words,
)
from bridge.web.pages.wording.orders import _credits, _errors, _steps
from tests.conftest import NOW

DOMAIN = Path(__file__).parents[2] / "bridge" / "domain"
EN, FR = language("en"), language("fr")
NOWHERE: dict[int, str] = {}


def quote_of(*lines: LineItem) -> Quote:
    return Quote(
        kind=ChangeKind.UPGRADE, currency="USD", lines=lines, subtotal=0, credit=0,
        discount_total=0, tax_total=0, due_now=0, recurring_total=0, next_billing_at=None,
        next_billing_amount=0, effective_at=NOW,
    )  # fmt: skip


def line(type: LineType = LineType.PRODUCT, title: str = "Premium", **more: Any) -> LineItem:
    given = {"unit_price": 4900, "quantity": 1, "subtotal": 4900, "discount_total": 0}
    return LineItem(
        type=type, title=title, tax_total=0, total=4900, recurring=True, **{**given, **more}
    )


class TestEverythingHasWords:
    def test_rules_of_the_explanation(self) -> None:
        assert set(_steps(EN)) == set(RULES)

    @pytest.mark.parametrize("rule", RULES)
    def test_a_rule_takes_the_inputs_that_the_domain_gives(self, rule: str) -> None:
        """Its sentence names no input that the English sentence does not have."""
        sentence, _ = RULES[rule]
        given = set(re.findall(r"{(\w+)}", sentence)) | {"quantity", "title"}
        assert set(re.findall(r"%\((\w+)\)s", _steps(FR)[rule])) <= given

    def test_reasons(self) -> None:
        """Every code that the domain refuses with, by its source."""
        source = "".join(path.read_text() for path in DOMAIN.glob("*.py"))
        codes = set(re.findall(r'QuoteError\(\s*"([a-z_-]+)"', source))
        codes |= set(re.findall(r'\.refuse\(\s*"([a-z_-]+)"', source))
        assert {"no_changes", "not-offered", "discount_code", "path-not-allowed"} <= codes
        assert codes - {"overlimits"} <= set(_errors(EN, {}))

    def test_credits(self) -> None:
        source = "".join(path.read_text() for path in DOMAIN.glob("*.py"))
        titles = set(re.findall(r'add_credit\(\s*"([^"]+)"', source))
        assert titles == set(_credits(EN))


class TestUnknown:
    """Shown in English rather than not at all."""

    def test_reason(self) -> None:
        assert error_words(FR, QuoteError("new-code", "No such luck."), "USD") == "No such luck."

    def test_rule(self) -> None:
        step_ = Explanation("due.novelty", "Something new.", 5)
        assert step_words(FR, step_, quote_of(), NOWHERE) == "Something new."

    def test_credit(self) -> None:
        assert line_words(FR, line(LineType.CREDIT, "Bonus"), NOWHERE) == "Bonus"

    def test_module_and_status(self) -> None:
        use = LimitUse("ai_tokens", "", "ai_tokens", None, None, "limit: 5")
        assert limit_label(FR, use) == "ai_tokens"
        assert use_words(FR, use) == "limit: 5"
        assert status_words(FR, "frozen") == "frozen"

    def test_excess(self) -> None:
        odd = Excess(3, "ai_tokens", "", 9, 5, 4, "Site 3: 9 tokens.")
        assert excess_words(FR, odd, "blog.example") == "Site 3: 9 tokens."


class TestSentences:
    def test_prices(self) -> None:
        month, quarter = Period(1, "month"), Period(3, "month")
        assert price_words(EN, 3000, "USD", month, True) == "$30.00 / month"
        assert price_words(EN, 8000, "USD", quarter, True) == "$80.00 every 3 months"
        assert price_words(EN, 8000, "USD", month, False) == "$80.00, paid once"
        assert price_words(EN, 0, "USD", month, True) == "Free"
        assert price_words(FR, 3000, "EUR", month, True) == "30,00\u00a0€ / mois"
        assert price_words(FR, 8000, "JPY", quarter, True).endswith("tous les 3 mois")

    @pytest.mark.parametrize("code", LANGUAGES)
    def test_every_period_has_words_in_every_language(self, code: str) -> None:
        said = {
            period_words(language(code), Period(count, unit))
            for unit in ("day", "week", "month", "year")
            for count in (1, 2, 12)
        }
        assert len(said) == 12

    def test_a_reason_with_its_numbers(self) -> None:
        few = QuoteError("pwyw-below-minimum", "…", {"name": "Support", "bound": 300})
        assert error_words(EN, few, "USD") == "The amount for Support must be at least $3.00."
        over = QuoteError("overlimits_post", "…", {"item": "post", "used": 8, "allowed": 5})
        assert error_words(EN, over, "USD") == (
            "Posts: 8 used, 5 allowed by this plan. Delete 3 posts first."
        )
        bound = QuoteError("no_changes", "…", {"period": "1-year"})
        assert "billed every year" in error_words(EN, bound, "USD")

    def test_steps_name_lines_as_the_order_does(self) -> None:
        credit = line(LineType.CREDIT, "Credit for the unused time", product_id=None)
        told = step("due.credit", -100, title="Credit for the unused time")
        assert step_words(FR, told, quote_of(credit), NOWHERE) == "Crédit pour le temps non utilisé"
        fee = line(LineType.FEE, "Signup Fee for Premium", product_id=6)
        told = step("due.tax", 20, title="Signup Fee for Premium", rate="20.0")
        assert step_words(EN, told, quote_of(fee), {6: "Premium"}) == (
            "Tax of 20 % on Set-up fee for Premium."
        )

    def test_numbers_of_lines(self) -> None:
        two = line(product_id=2, quantity=2)
        assert line_words(EN, two, {2: "Disk"}) == "2 × Disk"
        told = step("due.product", 100, title="Premium", quantity=2)
        assert step_words(EN, told, quote_of(two), {2: "Disk"}) == "2 × Disk"
        back = replace(two, type=LineType.FEE, unit_price=-100)
        assert line_words(EN, back, {2: "Disk"}) == "Sign-up credit for Disk"

    def test_what_to_do_on_which_site(self) -> None:
        posts = Excess(3, "post_types", "post", 6, 5, 1, "…", Policy.REFUSE)
        assert excess_words(EN, posts, "blog.example") == (
            "Delete 1 post on blog.example: there are 6 posts, 5 posts are allowed."
        )
        assert excess_words(FR, posts, "blog.example").startswith("Supprimez 1 article sur")
        disk = Excess(3, "disk_space", "", 2048, 1024, 1024, "…")
        assert excess_words(EN, disk, "blog.example").startswith("Free 1 GB on blog.example")

    def test_allowances(self) -> None:
        assert allowed_words(EN, "visits", 10_000) == "10,000"
        assert allowed_words(EN, "disk_space", 10_240) == "10 GB"
        assert allowed_words(EN, "domain_mapping", 0) == "none"
        assert allowed_words(FR, "users", Special.UNLIMITED) == "illimité"

    @pytest.mark.parametrize("module", MODULES)
    def test_every_module_can_be_counted(self, module: str) -> None:
        """Also post types and roles that nobody has heard of."""
        for item in ("", "recipe"):
            for count in (0, 1, 2, 5000):
                assert counted_words(FR, module, count, item)
