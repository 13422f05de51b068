"""Carrying a decision out at Stripe, and taking it back."""

from __future__ import annotations

from bridge.payments import checkout, invoices, schedules, subscriptions
from bridge.payments.amounts import check_chargeable
from bridge.payments.client import StripeAccount
from bridge.payments.collection import Collection, How
from bridge.payments.faults import PaidMeanwhile
from bridge.payments.order import Asked, Order
from bridge.payments.products import ensure_product
from bridge.payments.situation import is_of_change


def collect(account: StripeAccount, collection: Collection, order: Order) -> Asked:
    """Ask Stripe for what is due, or schedule what is to come.

    Where nothing is due, what is to become of the subscription is done at once; where
    something is, `settle` does it once that is paid. Repeating it with the same decision
    charges nothing twice.

    Raises:
        NotChargeable: Stripe charges no sum such as what is due; nothing was asked then.
        StripeFault: Stripe refused, or nobody knows; repeat it then.
    """
    check_chargeable(collection.due, collection.currency)
    for product in _products(collection):
        ensure_product(account, product, order.names.get(product, f"Product {product}"))
    match collection.how:
        case How.CHECKOUT_PAYMENT | How.CHECKOUT_SUBSCRIPTION:
            return checkout.open_page(account, collection, order)
        case How.INVOICE:
            title = order.names.get(collection.plan_id, "Change of plan")
            return invoices.charge(account, collection, order, title=title)
        case How.START:
            return subscriptions.start(account, collection, order)
        case How.RESTART:
            return subscriptions.restart(account, collection, order)
        case How.SCHEDULE:
            schedules.schedule(account, collection, order)
            return Asked(paid=False)
    subscriptions.arrange(account, collection, order)
    return Asked(paid=False)


def settle(
    account: StripeAccount, collection: Collection, order: Order, *, replaced: bool = False
) -> bool:
    """Once the sum is paid, or the day has come: do what is left; False when it is too early.

    ``replaced`` says that a newer change takes over, so that nothing need be waited for.

    Raises:
        StripeFault: Stripe refused, or nobody knows; repeat it then.
    """
    if collection.how is How.SCHEDULE:
        return schedules.conclude(account, order, replaced=replaced)
    if collection.how is How.CHECKOUT_SUBSCRIPTION and collection.due == 0:
        return _conclude_page(account, order, replaced=replaced)
    if collection.how not in (How.NOTHING, How.CHECKOUT_PAYMENT):
        invoices.mark_paid(account, order)
    if collection.how is How.RESTART:
        subscriptions.keep_going(account, order)
    elif collection.how is not How.NOTHING:
        subscriptions.arrange(account, collection, order)
    return True


def undo(account: StripeAccount, order: Order) -> None:
    """Take back everything that was asked of Stripe for a change that is not wanted any more.

    It is found at Stripe by its metadata, so that what an interrupted request made is
    found, too. Repeating it does nothing.

    Raises:
        PaidMeanwhile: the customer was faster; everything else was taken back.
        StripeFault: Stripe refused, or nobody knows; repeat it then.
    """
    paid = _close_pages(account, order)
    _close_subscriptions(account, order)
    paid = _close_invoices(account, order) or paid
    schedules.unschedule(account, order)
    if paid:
        raise PaidMeanwhile(change=order.change_id)


def _conclude_page(account: StripeAccount, order: Order, *, replaced: bool) -> bool:
    """Whether the page is over on which a card is given for later; until then it can be found
    again. Replaced, it is closed: nobody may begin a second subscription on it.
    """
    page = checkout.page_of(account, order.customer, order.change_id)
    is_open = page is not None and page["status"] == "open"
    if is_open and replaced:
        _close_pages(account, order)
    return replaced or not is_open


def _close_pages(account: StripeAccount, order: Order) -> bool:
    paid = False
    for page in account.every(account.api.checkout.sessions.list, customer=order.customer):
        if not is_of_change(page, order.change_id):
            continue
        if page["status"] == "open":
            account.ask(
                account.api.checkout.sessions.expire,
                page["id"],
                once=order.once(f"expire-{page['id']}"),
            )
        paid = paid or page["payment_status"] == "paid"
    return paid


def _close_subscriptions(account: StripeAccount, order: Order) -> None:
    """A subscription that waits for its first payment has not begun."""
    rows = account.every(account.api.subscriptions.list, customer=order.customer, status="all")
    for row in rows:
        if row["status"] == "incomplete" and is_of_change(row, order.change_id):
            account.ask(
                account.api.subscriptions.cancel,
                row["id"],
                once=order.once(f"cancel-{row['id']}"),
            )


def _close_invoices(account: StripeAccount, order: Order) -> bool:
    """Voiding the invoice of a pending update forgets the update, too."""
    paid = False
    for invoice in invoices.invoices_of(account, order):
        once = order.once(f"close-{invoice['id']}")
        if invoice["status"] == "draft":
            account.ask(account.api.invoices.delete, invoice["id"], once=once)
        elif invoice["status"] == "open":
            account.ask(account.api.invoices.void_invoice, invoice["id"], once=once)
        paid = paid or (invoice["status"] == "paid" and invoice["amount_paid"] > 0)
    return paid


def _products(collection: Collection) -> list[int]:
    recurring = list(collection.recurring.items) if collection.recurring else []
    return sorted({collection.plan_id, *recurring})
