"""From rows and rules to what the API shows."""

from __future__ import annotations

from dataclasses import asdict

from bridge.domain.catalogue import Product
from bridge.store.quotes import GivenQuote
from bridge.upgrades.fitting import Fit
from bridge.web.api.models import (
    ErrorView,
    ExcessView,
    ExplanationView,
    FitView,
    LineView,
    PriceView,
    ProductView,
    QuoteView,
    UncheckedView,
)


def product_view(product: Product, *, current: bool = False) -> ProductView:
    """A product with its base price first, then its variations."""
    base = PriceView(period=product.period.key, amount=product.amount)
    others = [PriceView(period=one.period.key, amount=one.amount) for one in product.variations]
    return ProductView(
        id=product.id,
        slug=product.slug,
        name=product.name,
        type=product.type.value,
        pricing_type=product.pricing_type.value,
        currency=product.currency,
        prices=[base, *others],
        setup_fee=product.setup_fee,
        limits=product.limits,
        current=current,
    )


def fit_view(fit: Fit) -> FitView:
    """Whether the sites fit."""
    return FitView(
        decision=fit.decision.value,
        known=fit.limits is not None,
        excesses=[ExcessView.model_validate(fit.shown(one)) for one in fit.excesses],
        unchecked=[UncheckedView.model_validate(one) for one in fit.unchecked],
    )


def quote_view(given: GivenQuote, fit: Fit | None = None) -> QuoteView:
    """A quote with the explanation of every cent."""
    quote = given.quote
    return QuoteView(
        id=given.id,
        membership_id=given.membership_id,
        kind=quote.kind.value,
        possible=quote.possible,
        policy=quote.policy,
        currency=quote.currency,
        lines=[LineView.model_validate(line) for line in quote.lines],
        subtotal=quote.subtotal,
        credit=quote.credit,
        discount_total=quote.discount_total,
        tax_total=quote.tax_total,
        due_now=quote.due_now,
        recurring_total=quote.recurring_total,
        next_billing_at=quote.next_billing_at,
        next_billing_amount=quote.next_billing_amount,
        effective_at=quote.effective_at,
        errors=[ErrorView.model_validate(error) for error in quote.errors],
        explanation=[ExplanationView(**asdict(step)) for step in quote.explanation],
        created_at=given.created_at,
        expires_at=given.expires_at,
        fit=fit_view(fit) if fit is not None else None,
    )
