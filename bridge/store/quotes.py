"""Quotes as they were given: kept, signed, with an end.

A quote is stored as one JSON document with an HMAC over it. What was changed by hand in
the database, price, membership or end, is not believed any more.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from pydantic import TypeAdapter
from sqlmodel import Session

from bridge.domain.memberships import Membership
from bridge.domain.quotes import Quote, QuoteRequest, TargetState
from bridge.errors import Conflict, UnknownQuote
from bridge.store.tables import StoredQuote

JSON = dict[str, Any]


class QuoteTampered(Conflict):
    """Quote {quote} cannot be used: its stored text is not the one that was signed."""

    hint = "Ask for a new quote. If the signing key was changed, all older quotes are void."


@dataclass(frozen=True, slots=True)
class GivenQuote:
    """A quote, for whom it was given, and until when it holds.

    ``basis`` is what the membership looked like when the price was computed
    (`membership_basis`): by it one sees whether the price still fits.
    """

    id: str
    network_id: int
    membership_id: int
    quote: Quote
    request: QuoteRequest
    basis: JSON
    created_at: datetime
    expires_at: datetime

    def expired(self, now: datetime) -> bool:
        """True from ``expires_at`` on."""
        return now >= self.expires_at


_GIVEN = TypeAdapter(GivenQuote)
_TARGET = TypeAdapter(TargetState)


class QuoteRepository:
    """All queries on quotes. ``key`` signs them. The caller commits."""

    def __init__(self, session: Session, key: bytes) -> None:
        self._session = session
        self._key = key

    def add(
        self,
        network_id: int,
        quote: Quote,
        request: QuoteRequest,
        *,
        basis: Mapping[str, Any],
        membership_id: int,
        now: datetime,
        expires_at: datetime,
    ) -> GivenQuote:
        """Keep a quote under a new id; ``basis`` as `membership_basis` gives it."""
        given = GivenQuote(
            id=f"qt_{secrets.token_urlsafe(18)}",
            network_id=network_id,
            membership_id=membership_id,
            quote=quote,
            request=request,
            basis=dict(basis),
            created_at=now,
            expires_at=expires_at,
        )
        document = given_to_json(given)
        self._session.add(
            StoredQuote(
                id=given.id,
                network_id=network_id,
                membership_id=membership_id,
                kind=quote.kind.value,
                currency=quote.currency,
                due_now=quote.due_now,
                request=document["request"],
                document=document,
                signature=self._signature(document),
                created_at=now,
                expires_at=expires_at,
            )
        )
        self._session.flush()
        return given

    def get(self, network_id: int, quote_id: str) -> GivenQuote:
        """A quote of a network, whether it has expired or not.

        Raises:
            UnknownQuote: the network has none of that id.
            QuoteTampered: it is not what was signed.
        """
        stored = self._session.get(StoredQuote, quote_id)
        if stored is None or stored.network_id != network_id:
            raise UnknownQuote(quote=quote_id)
        if not hmac.compare_digest(self._signature(stored.document), stored.signature):
            raise QuoteTampered(quote=quote_id)
        given = given_from_json(stored.document)
        if (given.id, given.network_id, given.membership_id) != (
            stored.id,
            stored.network_id,
            stored.membership_id,
        ):
            raise QuoteTampered(quote=quote_id)
        return given

    def _signature(self, document: Mapping[str, Any]) -> str:
        return hmac.new(self._key, canonical(document), hashlib.sha256).hexdigest()


def canonical(document: Mapping[str, Any]) -> bytes:
    """The one text of a JSON document, whatever the order of its keys."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def membership_basis(membership: Membership) -> JSON:
    """What a price depends on in a membership, as plain JSON."""
    expiration = membership.date_expiration
    return {
        "plan_id": membership.plan_id,
        "addons": {str(product): count for product, count in sorted(membership.addons.items())},
        "currency": membership.currency,
        "amount": membership.amount,
        "initial_amount": membership.initial_amount,
        "period": membership.period.key,
        "recurring": membership.recurring,
        "status": membership.status.value,
        "date_expiration": expiration.isoformat() if expiration else None,
        "discount": membership.discount.code if membership.discount else None,
        "ledger": membership.ledger,
    }


def given_to_json(given: GivenQuote) -> JSON:
    """The whole of it as plain JSON; `given_from_json` reads it back."""
    # A copy of the quote has its explanation written, which may not have been read yet.
    written = replace(given, quote=replace(given.quote))
    document: JSON = _GIVEN.dump_python(written, mode="json")
    return document


def given_from_json(document: Mapping[str, Any]) -> GivenQuote:
    """Read what `given_to_json` made."""
    return _GIVEN.validate_python(document)


def target_to_json(target: TargetState) -> JSON:
    """The membership as it is to be, as plain JSON."""
    document: JSON = _TARGET.dump_python(target, mode="json")
    return document


def target_from_json(document: Mapping[str, Any]) -> TargetState:
    """Read what `target_to_json` made; keys of other things are passed over."""
    return _TARGET.validate_python(document)
