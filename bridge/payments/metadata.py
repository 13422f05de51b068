"""The metadata by which a payment at Stripe finds its way back to a quote.

Written on session, subscription, invoice and intent; read from whichever of them an
event carries. The network is named, so that several networks on one Stripe account
never take each other's payments (domain/billing-stripe.md §7 no. 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_PREFIX = "planbridge_"
_FIELDS = ("network", "membership", "quote", "change")


@dataclass(frozen=True, slots=True)
class PaymentReference:
    """What a payment is for. An empty field was not in the metadata.

    ``network`` is the network's name. All fields are text, as Stripe keeps them.
    """

    network: str
    membership: str
    quote: str
    change: str = ""

    def to_metadata(self) -> dict[str, str]:
        """The keys to send to Stripe: ``planbridge_network`` and so on."""
        values = {field: getattr(self, field) for field in _FIELDS}
        return {_PREFIX + field: value for field, value in values.items() if value}


def reference_for(
    *, network: str, membership_id: int, quote_id: str, change_id: str = ""
) -> PaymentReference:
    """The reference of a payment of ours."""
    return PaymentReference(
        network=network, membership=str(membership_id), quote=quote_id, change=change_id
    )


def read_reference(metadata: object) -> PaymentReference | None:
    """Find our reference in a Stripe ``metadata`` object, or None where there is none.

    The bare names (``network``, ``quote`` …) are accepted beside ours, unless one of ours
    is there. They count as a reference only with a ``network`` or a ``quote``: other software
    writes a ``membership`` too.
    """
    if not isinstance(metadata, Mapping):
        return None
    own = any(_PREFIX + field in metadata for field in _FIELDS)
    prefix = _PREFIX if own else ""
    values = {field: _text(metadata.get(prefix + field)) for field in _FIELDS}
    if not own and not (values["network"] or values["quote"]):
        return None
    return PaymentReference(**values)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)
