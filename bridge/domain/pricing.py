"""What a change costs: the one question that the rest of planbridge asks the rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bridge.domain.answer import parity_quote
from bridge.domain.catalogue import Catalogue
from bridge.domain.discounts import DiscountCode
from bridge.domain.fair import decide as decide_fairly
from bridge.domain.fair_answer import fair_quote
from bridge.domain.memberships import Customer, Membership
from bridge.domain.offers import not_offered
from bridge.domain.order import Order
from bridge.domain.parity import decide as decide_like_plugin
from bridge.domain.preflight import SiteUsage
from bridge.domain.quotes import Quote, QuoteRequest
from bridge.domain.terms import NetworkTerms


def quote(
    request: QuoteRequest,
    *,
    membership: Membership,
    customer: Customer,
    catalogue: Catalogue,
    terms: NetworkTerms,
    now: datetime,
    discount: DiscountCode | None = None,
    usage: Sequence[SiteUsage] = (),
    enforce_offers: bool = True,
) -> Quote:
    """Quote a change of a membership by the network's policy (``terms.policy``).

    ``now`` is aware UTC. ``discount`` is the code that ``request.discount_code`` names,
    None where the network has none of that name. ``usage`` lets ``parity`` refuse a plan
    that is too small for the sites, as the plugin does; ``fair`` leaves that to
    `preflight`. ``enforce_offers`` refuses products that the member is not offered.

    A choice that cannot be had is an answer, not an exception: the quote then has errors
    and kind NONE or IMPOSSIBLE.
    """
    fair = terms.policy != "parity"
    order = Order(
        request,
        membership=membership,
        customer=customer,
        catalogue=catalogue,
        terms=terms,
        now=now if fair else wall_clock(now, terms.timezone),
        fair=fair,
    )
    refusal = not_offered(request, membership, catalogue) if enforce_offers else None
    if refusal is not None:
        order.errors.append(refusal)
    if fair:
        return fair_quote(order, decide_fairly(order, customer=customer, discount=discount))
    kind = decide_like_plugin(order, customer=customer, discount=discount, usage=usage)
    return parity_quote(order, kind, customer=customer)


def wall_clock(now: datetime, timezone: str) -> datetime:
    """The main site's clock with its digits taken for UTC, as the plugin mixes them (§5.1)."""
    if timezone == "UTC":
        return now
    return now.astimezone(ZoneInfo(timezone)).replace(tzinfo=UTC)
