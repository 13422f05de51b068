"""From a change to where it is paid: Stripe's page, the saved card, or nowhere at all."""

from __future__ import annotations

import structlog
from fastapi import Request

from bridge.errors import PlanbridgeError, QuoteExpired
from bridge.payments.faults import (
    BilledElsewhere,
    CustomerDiscounted,
    InvoiceOpen,
    StripeKeyMissing,
)
from bridge.store.tables import Change, ChangeState, Network
from bridge.upgrades.collecting import NothingToCollect
from bridge.web.pages.setup import PageSetup
from bridge.web.service import Service

_log = structlog.get_logger(__name__)

PAID, BACK, CARD = "paid", "back", "card"
"""What the address of the progress page says of how somebody came there."""

_TROUBLES: dict[type[PlanbridgeError], str] = {
    QuoteExpired: "expired",
    InvoiceOpen: "invoice",
    BilledElsewhere: "elsewhere",
    CustomerDiscounted: "elsewhere",
    StripeKeyMissing: "closed",
}


def lead_on(
    request: Request,
    setup: PageSetup,
    service: Service,
    network: Network,
    change: Change,
    progress: str,
    *,
    wants_card: bool = False,
) -> str:
    """Collect what a change costs; returns where to go: Stripe's payment page or ``progress``.

    Asked again, it charges nothing twice and leads to the same page. What stands in the way
    is told on the progress page, where one can try again. ``wants_card``: nothing is due yet,
    but a card is needed for what will be. Why the kept card was not charged is told on the
    progress page: Stripe's page of the invoice leads nowhere back.
    """
    if change.state is not ChangeState.AWAITING_PAYMENT and not wants_card:
        return progress
    try:
        collected = service.collecting.collect(
            network,
            change.id,
            success_url=setup.address(request, f"{progress}?from={PAID}"),
            cancel_url=setup.address(request, f"{progress}?from={BACK}"),
        )
    except PlanbridgeError as error:
        _log.warning("payment not begun", change=change.id, reason=str(error))
        over = isinstance(error, NothingToCollect) or change.amount_due == 0
        return progress if over else f"{progress}?trouble={_TROUBLES.get(type(error), 'later')}"
    service.wake_collecting()
    if collected.url and collected.why:
        return f"{progress}?trouble=card"
    if collected.url or change.amount_due == 0:
        return collected.url or progress
    return f"{progress}?from={PAID}" if collected.paid else f"{progress}?trouble=card"
