"""An order while it is put together: products, lines, totals.

Sources: domain/plan-changes.md §3 (adding products), §5.2 (totals), §7 (taxes),
§8 (discounts). Amounts are ticks (see rounding.py) until the answer takes them out.
"""

from __future__ import annotations

from datetime import datetime

from bridge.domain.catalogue import Catalogue, PricingType, Product
from bridge.domain.currencies import rounding_quantum
from bridge.domain.discounts import DiscountCode
from bridge.domain.lines import Line
from bridge.domain.memberships import Customer, Membership
from bridge.domain.periods import Period
from bridge.domain.prices import Priced, ticks_per_minor
from bridge.domain.quotes import LineType, QuoteError, QuoteRequest
from bridge.domain.references import product_code
from bridge.domain.rounding import CENT, TICKS
from bridge.domain.sums import Sums
from bridge.domain.taxes import applicable_rate
from bridge.domain.terms import NetworkTerms, TaxMode, TaxRate

MISSING = QuoteError("missing-product", "The product you are trying to add does not exist.")
NO_VARIATION = QuoteError(
    "missing-price-variations",
    "The product you are trying to add does not exist for the selected duration.",
)
SECOND_PLAN = QuoteError("plan-already-added", "There's already a plan in this membership.")
_CREDIT_PERIOD = Period(1, "month")  # what a line without a product says of its period
_PWYW_MAXIMUM = 50_000 * TICKS


Note = tuple[str, int | None, dict[str, str | int]]


class Order(Sums):
    """Products at their periods, their lines, and what they add up to."""

    __slots__ = (
        "_tax_cache", "catalogue", "country", "discount", "errors", "membership", "notes",
        "now", "period", "plan", "products", "request", "share", "terms",
    )  # fmt: skip

    def __init__(
        self,
        request: QuoteRequest,
        *,
        membership: Membership,
        customer: Customer,
        catalogue: Catalogue,
        terms: NetworkTerms,
        now: datetime,
        fair: bool,
    ) -> None:
        self.request = request
        self.membership = membership
        self.catalogue = catalogue
        self.terms = terms
        self.now = now
        self.fair = fair
        self.factor = ticks_per_minor(membership.currency, terms.minor_digits)
        self.quantum = self.factor if fair else rounding_quantum(terms.currency)
        # Of three decimals Stripe takes two (docs.stripe.com/currencies): no part of a price
        # may end in another digit, whatever prices do.
        self.share = max(self.quantum, CENT)
        self.country = request.country or customer.country
        self.period = request.period
        self.plan: Product | None = None
        self.discount: DiscountCode | None = None
        self.products: list[Priced] = []
        self.lines = []
        self.errors: list[QuoteError] = []
        self.notes: list[Note] = []
        self._tax_cache: dict[str, tuple[TaxRate | None]] = {}

    # -- products -----------------------------------------------------------------

    def priced(self, product: Product) -> Priced:
        """The product at its own period."""
        if product.currency == self.membership.currency:
            return Priced(product, self.factor)
        # A product's own currency is ignored at run time: the number counts (§9).
        return Priced(product, ticks_per_minor(product.currency, self.terms.minor_digits))

    def add(self, product_id: int, *, quantity: int = 1, fees: bool = True) -> bool:
        """Add a product with its lines; False with an error when it cannot be had."""
        if any(priced.product.id == product_id for priced in self.products):
            return True
        product = self.catalogue.products.get(product_id)
        if product is None:
            self.errors.append(MISSING)
            return False
        priced = self.priced(product)
        problem = self._unavailable(priced)
        if problem is None and product.is_plan:
            problem = SECOND_PLAN if self.plan is not None else None
            self.plan = self.plan or product
        sold = self._sold_at(priced) if problem is None else None
        if sold is None:
            self.errors.append(problem or _no_listed_variation(product, self.period))
            return False
        self.products.append(priced)
        self._add_lines(priced, *sold, quantity=quantity, fees=fees)
        return True

    def _unavailable(self, priced: Priced) -> QuoteError | None:
        """Bring the product to the order's period and price, or say why that fails."""
        if priced.product.pricing_type is PricingType.PAY_WHAT_YOU_WANT:
            problem = self._choose(priced)
            if problem is not None:
                return problem
        chosen = priced.amount
        if priced.recurring and self.period is not None and not priced.switch(self.period):
            return NO_VARIATION
        if priced.product.pricing_type is PricingType.PAY_WHAT_YOU_WANT:
            # The customer's price stands whatever the period lists.
            priced.charge(chosen, recurring=priced.recurring)
        return None

    def _sold_at(self, priced: Priced) -> tuple[Period, int] | None:
        """Period and price of the product's line; None when there is no price for it."""
        if self.period is None or not (priced.recurring or self.fair):
            # A one-time product overwrites the order's period with its own (§3, quirk).
            self.period = priced.period
        own = priced.period == self.period or priced.free or not priced.recurring
        if own or (self.fair and priced.period.same_length(self.period)):
            return priced.period, priced.amount
        # 12 months asked of a yearly product: only a listed price will do (§3).
        return priced.variation(self.period)

    def _choose(self, priced: Priced) -> QuoteError | None:
        """Take the customer's price for a pay-what-you-want product (§3)."""
        product, request = priced.product, self.request
        chosen = request.pwyw_amounts.get(product.id, product.pwyw_suggested) * priced.factor
        minimum = product.pwyw_minimum * priced.factor
        if chosen < minimum:
            return _beyond(priced, "below-minimum", "at least", minimum)
        if chosen > _PWYW_MAXIMUM:
            return _beyond(priced, "above-maximum", "at most", _PWYW_MAXIMUM)
        mode = product.pwyw_recurring_mode
        if mode == "customer_choice":
            recurring = request.pwyw_recurring.get(product.id, False)
        else:
            recurring = mode == "force_recurring"
        priced.charge(chosen, recurring=recurring)
        return None

    # -- lines --------------------------------------------------------------------

    def _add_lines(
        self, priced: Priced, period: Period, amount: int, *, quantity: int, fees: bool
    ) -> None:
        product = priced.product
        key = product_code(product.id)
        step = self.quantum if self.fair else CENT
        line = Line(
            LineType.PRODUCT,
            product.name,
            amount,
            period=period,
            recurring=priced.recurring,
            product_id=product.id,
            quantity=quantity,
            cycles=product.billing_cycles,
            key=key,
            step=step,
            like_php=not self.fair,
        )
        self._price(line, product)
        self.lines.append(line)
        if not priced.setup_fee or not fees:
            return
        word = "Fee" if priced.setup_fee > 0 else "Credit"
        fee = Line(
            LineType.FEE,
            f"Signup {word} for {product.name}",
            priced.setup_fee,
            period=priced.period,
            product_id=product.id,
            quantity=quantity,
            cycles=product.billing_cycles,
            key=key,
            step=step,
            like_php=not self.fair,
        )
        self._price(fee, product)
        self.lines.append(fee)

    def _price(self, line: Line, product: Product) -> None:
        """Apply the order's discount and the product's tax to a line."""
        if self.discount is not None:
            _take_off(line, self.discount)
        if self.tax(line, product) or line.discount is not None:
            line.compute()

    def discount_again(self, code: DiscountCode) -> None:
        """Apply a code to the lines there are; lines it does not cover stay as they are."""
        if code.refusal(self.now) is not None:
            return
        self.discount = code
        for line in self.lines:
            _take_off(line, code)
            line.compute()

    def tax(self, line: Line, product: Product) -> bool:
        """Give a line its product's tax; False where nothing is taxed."""
        if self.terms.taxes is TaxMode.NONE or not product.taxable:
            return False
        rate = self._rate(product.tax_category)
        if rate is None:
            return False
        line.rate = rate.rate
        line.inclusive = self.terms.taxes is TaxMode.INCLUSIVE
        return True

    def _rate(self, category: str) -> TaxRate | None:
        cached = self._tax_cache.get(category)
        if cached is None:
            cached = self._tax_cache[category] = (
                applicable_rate(
                    self.terms,
                    category,
                    country=self.country,
                    state=self.request.state,
                    city=self.request.city,
                    fair=self.fair,
                ),
            )
        return cached[0]

    def add_credit(self, title: str, amount: int) -> None:
        """A line that takes ``amount`` ticks off what is due now: no tax, no discount."""
        self.lines.append(Line(LineType.CREDIT, title, -amount, period=_CREDIT_PERIOD))

    def note(self, rule: str, ticks: int | None = None, **inputs: str | int) -> None:
        """Remember a decision for the explanation (see explanation.py)."""
        self.notes.append((rule, ticks, inputs))

    def refuse(self, code: str, message: str, **inputs: str | int) -> None:
        """Record why the change is not possible, and drop what was chosen."""
        self.products, self.lines = [], []
        self.errors.append(QuoteError(code, message, inputs))


def _take_off(line: Line, code: DiscountCode) -> None:
    """Let a code discount a line it covers; setup fees have a value of their own (§8)."""
    if line.product_id is None or not code.covers(line.product_id, line.period):
        return
    if line.type is not LineType.FEE:
        line.discount = (code.type, code.value)
        line.renews_discount = code.apply_to_renewals
    elif code.setup_fee_value > 0:
        line.discount = (code.setup_fee_type, code.setup_fee_value)
        line.renews_discount = False
    else:
        return
    line.code = code.code


def _no_listed_variation(product: Product, period: Period | None) -> QuoteError:
    every = "" if period is None else f"{period.count} {period.unit}"
    return QuoteError(
        "missing-price-variations",
        f"{product.name} does not have a valid price variation for that billing period "
        f"(every {every}(s)) and was not added to the cart.",
        {"name": product.name} if period is None else {"name": product.name, "period": period.key},
    )


def _beyond(priced: Priced, which: str, words: str, bound: int) -> QuoteError:
    name = priced.product.name
    return QuoteError(
        f"pwyw-{which}",
        f"The amount for {name} must be {words} {bound / TICKS:.2f}.",
        {"name": name, "bound": bound // priced.factor},
    )
