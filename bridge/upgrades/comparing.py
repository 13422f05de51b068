"""From a choice to the comparison of its sum with Stripe's own."""

from __future__ import annotations

from bridge.errors import Conflict
from bridge.payments.comparison import Comparison, compare
from bridge.store.tables import Network
from bridge.upgrades.orders import Orders
from bridge.upgrades.quoting import Choice


class NothingToCompare(Conflict):
    """The choice cannot be bought: {why}"""


def compare_choice(
    orders: Orders, network: Network, membership_id: int, choice: Choice
) -> Comparison:
    """Price a choice and ask Stripe what it would charge; nothing is charged or kept.

    Raises:
        NothingToCompare: the choice changes nothing or is not possible.
        StripeKeyMissing: the network has no key.
        StripeFault: Stripe refused.
    """
    rehearsal = orders.rehearse(network, membership_id, choice)
    if rehearsal.collection is None:
        why = "; ".join(error.message for error in rehearsal.quote.errors)
        raise NothingToCompare(why=why or "it changes nothing.")
    return compare(rehearsal.account, rehearsal.quote, rehearsal.collection, rehearsal.order)
