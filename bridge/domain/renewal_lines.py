"""The lines of a renewal: what a membership has, at the prices of today.

As the plugin's own renewal invoice has them: the recurring products, and what the membership's
amount differs from them by is left to an adjustment (domain/billing-stripe.md §6).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bridge.domain.answer import line_item
from bridge.domain.catalogue import Catalogue
from bridge.domain.memberships import Customer, Membership
from bridge.domain.order import Order
from bridge.domain.quotes import LineItem, QuoteRequest
from bridge.domain.terms import NetworkTerms, TaxMode


def renewal_lines(
    membership: Membership,
    *,
    customer: Customer,
    catalogue: Catalogue,
    terms: NetworkTerms,
    total: int,
    now: datetime,
) -> tuple[LineItem, ...]:
    """The lines of a renewal that came to ``total`` minor units.

    With taxes where they then come to exactly that; else nobody knows how much of it is tax.
    Products that are gone, or not sold by the membership's period any more, are left out.
    """
    for one in (terms, replace(terms, taxes=TaxMode.NONE)):
        order = Order(
            QuoteRequest(products=(), period=membership.period),
            membership=membership,
            customer=customer,
            catalogue=catalogue,
            terms=one,
            now=now,
            fair=True,
        )
        order.add(membership.plan_id, fees=False)
        for addon, quantity in membership.addons.items():
            order.add(addon, quantity=quantity, fees=False)
        lines = tuple(line_item(line, order) for line in order.lines if line.recurring)
        if sum(line.total for line in lines) == total:
            break
    return lines
