"""Words of the console for what the program names: kinds and states of changes, kinds of mails."""

from __future__ import annotations

from bridge.web.pages.languages import Language


def kind_words(language: Language, kind: str) -> str:
    """A kind of change: "upgrade", "add-on"; an unknown one as it is written."""
    _ = language.gettext
    known = {
        "new": _("new membership"),
        "upgrade": _("upgrade"),
        "downgrade": _("downgrade"),
        "addon": _("add-on"),
        "removal": _("removal"),
        "none": _("no change"),
        "impossible": _("not possible"),
    }
    return known.get(kind, kind.replace("_", " "))


def change_state_words(language: Language, state: str) -> str:
    """Where a change stands; an unknown state as it is written."""
    _ = language.gettext
    known = {
        "awaiting_payment": _("waits for payment"),
        "scheduled": _("scheduled"),
        "accepted": _("accepted"),
        "applying": _("being written"),
        "proving": _("being proven"),
        "applied": _("written, not shown"),
        "proven": _("proven"),
        "attention": _("waits for you"),
        "revoked": _("taken back"),
        "superseded": _("replaced"),
        "failed": _("failed"),
    }
    return known.get(state, state.replace("_", " "))


def notice_words(language: Language, kind: str) -> str:
    """Why a customer gets a mail."""
    _ = language.gettext
    known = {
        "change_done": _("change done"),
        "payment_failed": _("payment failed"),
        "limit": _("limit nearly or fully used"),
        "renewal_ahead": _("renewal ahead"),
        "sign_in": _("sign-in link"),
    }
    return known.get(kind, kind.replace("_", " "))


def thing_words(language: Language, thing: str) -> str:
    """What is mirrored or seen, in the plural of a table: "memberships", "payments"."""
    _ = language.gettext
    known = {
        "product": _("products"),
        "customer": _("customers"),
        "membership": _("memberships"),
        "site": _("sites"),
        "discount_code": _("discount codes"),
        "payment": _("payments"),
        "domain": _("domains"),
    }
    return known.get(thing, thing.replace("_", " "))


def step_words(language: Language, name: str) -> str:
    """A step of a change."""
    _ = language.gettext
    known = {
        "check": _("look first"),
        "write": _("write the membership"),
        "payment": _("book the payment"),
        "sites": _("save the sites again"),
        "subscription": _("set the subscription at Stripe"),
        "proof": _("read back"),
    }
    return known.get(name, name.replace("_", " "))


def step_state_words(language: Language, state: str) -> str:
    """How a step stands."""
    _ = language.gettext
    known = {"done": _("done"), "retrying": _("is tried again"), "running": _("running")}
    return known.get(state, state.replace("_", " "))


def collecting_words(language: Language, code: str) -> str:
    """How money is collected, and how far that is."""
    _ = language.gettext
    known = {
        "planned": _("planned"),
        "waiting": _("waiting"),
        "done": _("done"),
        "undone": _("undone"),
        "nothing": _("nothing is collected"),
        "checkout_payment": _("payment page, once"),
        "checkout_subscription": _("payment page, with a subscription"),
        "invoice": _("invoice to the saved card"),
        "start": _("new subscription to the saved card"),
        "restart": _("subscription begun anew"),
        "schedule": _("planned at Stripe for later"),
    }
    return known.get(code, code.replace("_", " "))


def standing_words(language: Language, standing: str) -> str:
    """How a membership stands with what it owes."""
    _ = language.gettext
    known = {
        "unknown": _("not known"),
        "good": _("paid"),
        "grace": _("unpaid, nothing has changed yet"),
        "on-hold": _("unpaid, on hold"),
        "expired": _("unpaid, expired"),
        "paused": _("paused"),
        "ended": _("ended"),
    }
    return known.get(standing, standing.replace("_", " "))


def job_words(language: Language, job: str) -> str:
    """What a job does."""
    _ = language.gettext
    known = {
        "billing": _("renewals and unpaid bills"),
        "changes": _("sync of what changed"),
        "drift": _("search for drift"),
        "events": _("events that never arrived"),
        "mirror": _("sync of everything"),
        "notices": _("mails to customers"),
        "uses": _("what sites use"),
    }
    return known.get(job, job)


def source_words(language: Language, source: str) -> str:
    """Where the limits of a product are known from."""
    _ = language.gettext
    known = {
        "accepted": _("accepted"),
        "file": _("the catalogue file"),
        "learned": _("learned from sites"),
        "read": _("the network"),
    }
    return known.get(source, source)


def take_over_words(language: Language, step: str) -> str:
    """A step of taking a membership over from the plugin."""
    _ = language.gettext
    known = {
        "taking": _("begun"),
        "marking": _("marked at Stripe"),
        "writing": _("written to the network"),
        "proven": _("read back"),
        "unmarking": _("mark taken off at Stripe"),
        "adopted": _("taken over"),
        "reverting": _("being given back"),
        "reverted": _("given back"),
        "failed": _("failed"),
    }
    return known.get(step, step.replace("_", " "))


def thing_at_stripe_words(language: Language, kind: str) -> str:
    """What was seen at Stripe."""
    _ = language.gettext
    known = {
        "charge": _("charge to a card"),
        "checkout.session": _("payment page"),
        "customer": _("customer"),
        "dispute": _("dispute"),
        "invoice": _("invoice"),
        "invoice_payment": _("payment of an invoice"),
        "payment_intent": _("payment"),
        "refund": _("refund"),
        "subscription": _("subscription"),
    }
    return known.get(kind, kind.replace("_", " "))


def notice_state_words(language: Language, state: str) -> str:
    """How a mail stands."""
    _ = language.gettext
    known = {
        "sent": _("sent"),
        "attention": _("waits for you"),
        "waiting": _("waiting"),
        "dropped": _("dropped"),
    }
    return known.get(state, state)
