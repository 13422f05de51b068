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
