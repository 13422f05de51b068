"""A change that is not over yet, as the account page tells of it."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain.catalogue import Catalogue
from bridge.store.quotes import target_from_json
from bridge.store.tables import Change, ChangeState
from bridge.web.pages.languages import Language
from bridge.web.pages.wording import price_words


@dataclass(frozen=True, slots=True)
class Pending:
    """An open change. ``kind``: ``scheduled``, ``payment``, ``working`` or ``attention``.

    ``description`` names what the membership will have, ``price`` what it will cost, "" for
    nothing.
    """

    id: str
    kind: str
    date: str
    description: str
    price: str
    due: str
    revocable: bool


def pending_of(language: Language, change: Change, catalogue: Catalogue) -> Pending:
    """An open change in words."""
    description = price = ""
    if change.target:
        target = target_from_json(change.target)
        names = [
            _named(language, catalogue, product, count)
            for product, count in ((target.plan_id, 1), *target.addons.items())
        ]
        description = language.listed(names)
        if target.amount:
            price = price_words(
                language, target.amount, change.currency, target.period, target.recurring
            )
    return Pending(
        id=change.id,
        kind=_KINDS.get(change.state, "working"),
        date=language.date(change.effective_at),
        description=description,
        price=price,
        due=language.money(change.amount_due, change.currency),
        revocable=is_revocable(change),
    )


def is_revocable(change: Change) -> bool:
    """Whether its customer may take it back: it only waits, and nothing was paid for it."""
    waits = (ChangeState.SCHEDULED, ChangeState.AWAITING_PAYMENT)
    return change.state in waits and not change.amount_paid


_KINDS = {
    ChangeState.SCHEDULED: "scheduled",
    ChangeState.AWAITING_PAYMENT: "payment",
    ChangeState.ATTENTION: "attention",
}


def product_name(language: Language, catalogue: Catalogue, product: int) -> str:
    """A product's name, in words where it is gone."""
    known = catalogue.get(product)
    return known.name if known is not None else language.gettext("a product that is gone")


def _named(language: Language, catalogue: Catalogue, product: int, count: int) -> str:
    name = product_name(language, catalogue, product)
    return name if count == 1 else f"{language.number(count)} × {name}"
