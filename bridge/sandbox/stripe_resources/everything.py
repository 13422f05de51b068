"""All resources together: which request goes where, and what happens by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bridge.sandbox.stripe_resources import (
    accounts,
    charges,
    checkout_sessions,
    collection,
    coupons,
    customers,
    disputes,
    events,
    invoice_items,
    invoices,
    payment_intents,
    payment_methods,
    portal_sessions,
    previews,
    prices,
    products,
    refunds,
    setup_intents,
    subscription_cycles,
    subscription_items,
    subscription_schedules,
    subscriptions,
    tax_rates,
    webhook_endpoints,
)
from bridge.sandbox.stripe_routes import Routes
from bridge.sandbox.stripe_state import DueRules

# Previews come before invoices, whose path /v1/invoices/{id} would take theirs.
ROUTES: Final = Routes(
    [
        *accounts.ROUTES,
        *charges.ROUTES,
        *checkout_sessions.ROUTES,
        *coupons.ROUTES,
        *customers.ROUTES,
        *disputes.ROUTES,
        *events.ROUTES,
        *invoice_items.ROUTES,
        *previews.ROUTES,
        *invoices.ROUTES,
        *payment_intents.ROUTES,
        *payment_methods.ROUTES,
        *portal_sessions.ROUTES,
        *prices.ROUTES,
        *products.ROUTES,
        *refunds.ROUTES,
        *setup_intents.ROUTES,
        *subscription_items.ROUTES,
        *subscription_schedules.ROUTES,
        *subscriptions.ROUTES,
        *tax_rates.ROUTES,
        *webhook_endpoints.ROUTES,
    ]
)

DUE: Final[Mapping[str, DueRules]] = {
    "subscription_schedule": DueRules(
        subscription_schedules.next_due, subscription_schedules.wake, rank=0
    ),
    "subscription": DueRules(subscription_cycles.next_due, subscription_cycles.wake, rank=1),
    "invoice": DueRules(collection.next_due, collection.wake, rank=2),
    "checkout.session": DueRules(checkout_sessions.next_due, checkout_sessions.wake, rank=3),
    "customer": DueRules(coupons.next_due, coupons.wake, rank=4),
}
"""What happens by itself, in this order at the same second."""
