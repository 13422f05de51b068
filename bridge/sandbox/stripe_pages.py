"""The pages that a customer sees: paying for a session, answering his bank."""

from __future__ import annotations

import html
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qs

from bridge.sandbox.stripe_errors import ApiError, StripeObject
from bridge.sandbox.stripe_resources import (
    checkout_completion,
    collection,
    lines,
    payment_methods,
    portal_sessions,
)
from bridge.sandbox.stripe_resources.checkout_completion import Buyer
from bridge.sandbox.stripe_state import StripeState
from bridge.sandbox.wire import Answer, Request, html_answer

_CARDS: Final = {
    "pm_card_visa": "Card that works",
    "pm_card_chargeDeclined": "Card that is declined",
    "pm_card_chargeCustomerFail": "Card that can be saved but not charged",
    "pm_card_threeDSecure2Required": "Card whose bank asks the customer",
    "pm_sepaDebit": "Bank debit, settled later",
}
_JENNY: Final = Buyer()
_STYLE: Final = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 2rem auto; padding: 0 1rem }
.due { font-size: 1.75rem; font-weight: 700; margin: 0 0 1rem }
ul { padding: 0; list-style: none }
label { display: block; margin: 0 0 1rem; font-weight: 600 }
input, select { font: inherit; display: block; width: 100%; padding: .6rem; margin-top: .25rem;
  box-sizing: border-box }
button { font: inherit; font-weight: 600; width: 100%; padding: .7rem; margin: .25rem 0;
  border: 1px solid; border-radius: .5rem; cursor: pointer }
button:first-of-type { background: #3b34b8; color: #fff; border-color: #3b34b8 }
[role=status]:empty { display: none }
[role=status] { padding: .7rem 1rem; border: 1px solid; border-radius: .5rem }
"""
_PAGE: Final = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>
<body><main><h1>{title}</h1><p role="status">{notice}</p>{body}
<p><small>A stand-in for Stripe's page. No money moves here.</small></p></main></body></html>
"""


class Pages:
    """Answers requests to everything that is not the API."""

    def __init__(self, state: StripeState) -> None:
        self._state = state

    def answer(self, request: Request) -> Answer:
        """Show a page, or do what a button on it says."""
        parts = request.path.strip("/").split("/")
        form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
        act = form if request.method == "POST" else None
        with self._state.lock:
            try:
                if parts[:2] == ["c", "pay"] and len(parts) == 3:
                    return self._checkout(parts[2], act)
                if parts[:2] == ["p", "session"] and len(parts) == 3:
                    return self._portal(parts[2], act)
                if parts[:1] == ["i"] and len(parts) == 2:
                    return self._invoice(parts[1], act)
                if parts[:1] == ["3ds"] and len(parts) == 2:
                    return self._question(parts[1], act)
            except ApiError as refusal:
                return _page("Not possible", refusal.message, status=refusal.status)
        return _page("Not found", "There is no such page.", status=404)

    def _checkout(self, key: str, form: dict[str, str] | None) -> Answer:
        session = self._state.get("checkout.session", key)
        if session["status"] != "open":
            back = html.escape(session["cancel_url"] or "", quote=True)
            way = f'<p><a href="{back}">Go back</a></p>' if back else ""
            told = f"This session is {session['status']}."
            return _page("Checkout (sandbox)", told, body=way, status=410)
        if form is None:
            return self._show_checkout(session, "")
        if form.get("do") == "cancel" and session["cancel_url"]:
            return _redirect(session["cancel_url"], key)
        buyer = Buyer(
            card=form.get("card", _JENNY.card),
            email=form.get("email") or _JENNY.email,
            name=form.get("name") or _JENNY.name,
        )
        if buyer.card not in _CARDS:
            return self._show_checkout(session, "Choose one of the cards.", status=400)
        return self._pay(key, buyer)

    def _pay(self, key: str, buyer: Buyer) -> Answer:
        try:
            with self._state.transaction():
                session = self._state.get("checkout.session", key)
                checkout_completion.complete(self._state, session, buyer)
        except ApiError as refusal:
            session = self._state.get("checkout.session", key)
            return self._show_checkout(session, refusal.message, status=refusal.status)
        session = self._state.get("checkout.session", key)
        if session["status"] == "complete":
            return _redirect(session["success_url"], key)
        asked = session.get("_intent") or session["setup_intent"]
        return _redirect(f"{self._state.base_url()}/3ds/{asked}", key)

    def _show_checkout(self, session: StripeObject, notice: str, *, status: int = 200) -> Answer:
        total = session["amount_total"] or 0
        amount = lines.money_text(Decimal(total), session["currency"] or "usd")
        items = "".join(
            f"<li>{item['quantity']} × {html.escape(item['description'])}</li>"
            for item in session["_items"]
        )
        email = html.escape(session["customer_email"] or _JENNY.email, quote=True)
        cancel = (
            '<button name="do" value="cancel">Go back without paying</button>'
            if session["cancel_url"]
            else ""
        )
        body = (
            f'<p class="due">{amount}</p><ul>{items}</ul>'
            f'<form method="post"><label>E-mail <input name="email" value="{email}"></label>'
            f"{_card_choice('Pay with')}"
            '<button name="do" value="pay">Pay</button>'
            f"{cancel}</form>"
        )
        return _page("Checkout (sandbox)", notice, body=body, status=status)

    def _portal(self, key: str, form: dict[str, str] | None) -> Answer:
        """Where a customer gives another card for what is billed from now on."""
        visit = self._state.get("billing_portal.session", key)
        if form is None:
            return _page("Change card (sandbox)", "", body=_card_form("Save", "Go back"))
        if form.get("do") == "save":
            card = form.get("card", "")
            if card not in _CARDS:
                return _page("Change card (sandbox)", "Choose one of the cards.", status=400)
            with self._state.transaction():
                portal_sessions.change_card(self._state, visit, card)
        return _redirect(portal_sessions.way_back(visit), key)

    def _invoice(self, key: str, form: dict[str, str] | None) -> Answer:
        """An invoice, and where its customer pays it."""
        invoice = self._state.get("invoice", key)
        if invoice["status"] != "open":
            return _page("Invoice (sandbox)", f"This invoice is {invoice['status']}.")
        if form is not None and form.get("card") in _CARDS:
            with self._state.transaction():
                invoice = self._state.get("invoice", key)
                owner = self._state.get("customer", invoice["customer"])
                method = payment_methods.attach(self._state, form["card"], owner)
                collection.attempt(self._state, invoice, method=method["id"], present=True)
            return _page("Invoice (sandbox)", f"This invoice is {invoice['status']}.")
        due = lines.money_text(Decimal(invoice["amount_due"]), invoice["currency"])
        body = f"<p>Due: <strong>{due}</strong></p>{_card_form('Pay')}"
        return _page("Invoice (sandbox)", "", body=body)

    def _question(self, key: str, form: dict[str, str] | None) -> Answer:
        kind = "setup_intent" if key.startswith("seti_") else "payment_intent"
        self._state.get(kind, key)
        if form is None:
            body = (
                '<form method="post"><button name="do" value="confirm">Confirm</button>'
                '<button name="do" value="fail">Fail</button></form>'
            )
            return _page("Your bank asks: is it you? (sandbox)", "", body=body)
        with self._state.transaction():
            checkout_completion.answer_bank(self._state, key, succeeded=form.get("do") == "confirm")
        return self._after_question(self._state.get(kind, key))

    def _after_question(self, intent: StripeObject) -> Answer:
        key = intent["id"]
        for session in self._state.find(
            "checkout.session", lambda each: key in (each.get("_intent"), each["setup_intent"])
        ):
            complete = session["status"] == "complete"
            return _redirect(session["success_url" if complete else "url"], session["id"])
        if intent.get("_return_url"):
            return _redirect(intent["_return_url"], key)
        return _page("Thank you", f"The payment is {intent['status']}.")


def _card_choice(label: str) -> str:
    cards = "".join(f'<option value="{name}">{title}</option>' for name, title in _CARDS.items())
    return f'<label>{label} <select name="card">{cards}</select></label>'


def _card_form(save: str, back: str = "") -> str:
    away = f'<button name="do" value="back">{back}</button>' if back else ""
    return (
        f'<form method="post">{_card_choice("Card")}'
        f'<button name="do" value="save">{save}</button>{away}</form>'
    )


def _redirect(url: str, session: str) -> Answer:
    """303; Stripe fills the session's id into the address."""
    return Answer(303, b"", {"location": url.replace("{CHECKOUT_SESSION_ID}", session)})


def _page(title: str, notice: str, *, body: str = "", status: int = 200) -> Answer:
    page = _PAGE.format(
        title=html.escape(title), notice=html.escape(notice), body=body, style=_STYLE
    )
    return html_answer(page, status=status)
