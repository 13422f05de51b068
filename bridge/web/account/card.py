"""The card that a membership is billed to: which it is, and another one in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

import structlog

from bridge.errors import PlanbridgeError
from bridge.payments.cards import Card, method_of, read_card
from bridge.payments.faults import BilledElsewhere
from bridge.payments.portal import bill_new_card, card_page
from bridge.store.tables import Network
from bridge.upgrades.orders import Orders
from bridge.web.pages.languages import Language
from bridge.web.pages.sessions import Visitor
from bridge.web.service import Service

_log = structlog.get_logger(__name__)

_BRANDS: Mapping[str, str] = MappingProxyType(
    {
        "amex": "American Express",
        "cartes_bancaires": "Cartes Bancaires",
        "diners": "Diners Club",
        "discover": "Discover",
        "eftpos_au": "Eftpos Australia",
        "jcb": "JCB",
        "link": "Link",
        "mastercard": "Mastercard",
        "unionpay": "UnionPay",
        "visa": "Visa",
    }
)


def card_line(orders: Orders, network: Network, membership_id: int, language: Language) -> str:
    """The card in words, "Visa ending in 4242"; says so where nobody can tell, and never fails.

    Asks Stripe each time: a kept answer would show the old card to somebody who has just
    given another.
    """
    try:
        card = _billed_card(orders, network, membership_id)
    except PlanbridgeError as error:
        _log.warning("card not shown", membership=membership_id, reason=str(error))
        return language.gettext("Your card cannot be shown at the moment.")
    return card_words(language, card) if card else language.gettext("No card is on file.")


def card_words(language: Language, card: Card) -> str:
    """A card by its brand and last four digits; a brand that is new to us is just a card."""
    digits = card.last4
    brand = _BRANDS.get(card.brand)
    if brand is None:
        return language.gettext("Card ending in %(digits)s", digits=digits)
    return language.gettext("%(brand)s ending in %(digits)s", brand=brand, digits=digits)


def card_page_of(
    service: Service, visitor: Visitor, membership_id: int, *, return_url: str
) -> str | None:
    """Stripe's page on which the customer gives another card; None where Stripe has no customer.

    A second click within the minute gets the same page.

    Raises:
        StripeKeyMissing: the network has no key.
        StripeFault: Stripe refused; also where the account's portal is not set up.
    """
    orders, now = service.collecting.orders, service.clock()
    customer = orders.customer(visitor.network, membership_id)
    if customer is None:
        return None
    visit = f"{visitor.token}/{int(now.timestamp()) // 60}/{return_url}"
    digest = hashlib.sha256(visit.encode()).hexdigest()
    return card_page(
        orders.account(visitor.network),
        customer,
        return_url=return_url,
        once=f"planbridge/{visitor.network.name}/card/{membership_id}/{digest[:24]}",
    )


def take_new_card(orders: Orders, network: Network, membership_id: int) -> None:
    """Bill to the customer's new card what is billed from now on; never fails."""
    try:
        bill_new_card(orders.account(network), orders.situation(network, membership_id))
    except BilledElsewhere:
        pass  # the plugin's own subscription: it is billed to the default card
    except PlanbridgeError as error:
        _log.warning("new card not taken over", membership=membership_id, reason=str(error))


def _billed_card(orders: Orders, network: Network, membership_id: int) -> Card | None:
    account = orders.account(network)
    try:
        method = orders.situation(network, membership_id).payment_method
    except BilledElsewhere as elsewhere:
        # The plugin's own subscription; another gateway's is unknown at Stripe.
        customer = orders.customer(network, membership_id)
        named = str(elsewhere.fields["subscription"])
        method = method_of(account, named, customer=customer) if customer else None
    return read_card(account, method) if method else None
