"""Every error planbridge raises on purpose, as one tree.

    PlanbridgeError
    ├── InvalidInput            the caller's mistake: say what, what was expected, what to do
    │   ├── InvalidAmount
    │   ├── InvalidPeriod
    │   ├── UnknownNetwork / UnknownMembership / UnknownProduct / UnknownQuote / UnknownChange
    │   ├── InvalidCatalogue
    │   └── Conflict            e.g. a second open change for one membership
    ├── ConfigurationError      settings that cannot work, all of them listed at once
    ├── NetworkError            what a WordPress network did (bridge/network/faults.py)
    ├── PaymentError            what Stripe did
    └── StoreError              the database is behind, unreachable or locked

Each class' docstring is the sentence a person reads, with the fields in braces.
``hint`` says what to do next. ``status`` is the HTTP status of the problem JSON
(RFC 9457) and ``headers`` its extra headers, ``exit_code`` that of the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class PlanbridgeError(Exception):
    """Something went wrong in planbridge."""

    hint: ClassVar[str] = ""
    status: ClassVar[int] = 500
    headers: ClassVar[Mapping[str, str]] = {}
    exit_code: ClassVar[int] = 1

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(fields)

    @property
    def title(self) -> str:
        """The class' name, for the ``title`` of a problem document."""
        return type(self).__name__

    @property
    def members(self) -> Mapping[str, object]:
        """Further members of the problem document, as plain JSON; none unless it says so."""
        return {}

    def __str__(self) -> str:
        text = " ".join((type(self).__doc__ or "").split())
        sentence = text.format_map(_Fields(self.fields))
        hint = self.hint.format_map(_Fields(self.fields))
        return f"{sentence} {hint}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.fields))


class _Fields(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


def _rebuild(kind: type[PlanbridgeError], fields: dict[str, object]) -> PlanbridgeError:
    return kind(**fields)


class InvalidInput(PlanbridgeError):
    """{what} is not valid: {why}."""

    status = 422
    exit_code = 2


class InvalidAmount(InvalidInput):
    """{value!r} is not an amount of money."""

    hint = "Expected a number such as 29.99."


class InvalidPeriod(InvalidInput):
    """{value!r} is not a billing period."""

    hint = "Expected a count and one of day, week, month, year, such as 1-month."


class NotFound(InvalidInput):
    """There is no {what} {key!r}."""

    status = 404
    exit_code = 3


class UnknownNetwork(NotFound):
    """There is no network named {name!r}."""

    hint = "`planbridge network list` shows the known ones; `planbridge network add` adds one."


class UnknownMembership(NotFound):
    """Network {network!r} has no membership {membership}."""

    hint = "Run `planbridge sync {network}` if it is new."


class UnknownProduct(NotFound):
    """Network {network!r} has no product {product!r}."""

    hint = "Run `planbridge sync {network}` if it is new."


class UnknownQuote(NotFound):
    """There is no quote {quote!r}."""


class UnknownChange(NotFound):
    """There is no change {change!r}."""

    hint = "`planbridge changes list` shows the known ones."


class UnknownEvent(NotFound):
    """There is no event {event!r}."""


class InvalidCatalogue(InvalidInput):
    """The catalogue file cannot be used: {problems}."""

    hint = "Nothing was taken. Correct the file and import it again."


class Conflict(InvalidInput):
    """{what} cannot be done now: {why}."""

    status = 409
    exit_code = 4


class QuoteExpired(Conflict):
    """Quote {quote} expired at {expired_at}."""

    hint = "Ask for a new quote."


class ConfigurationError(PlanbridgeError):
    """planbridge cannot start: {problems}."""

    exit_code = 78


class NetworkError(PlanbridgeError):
    """The network {network} did not do as asked: {what}."""

    status = 502
    exit_code = 5


class PaymentError(PlanbridgeError):
    """Stripe did not do as asked: {what}."""

    status = 502
    exit_code = 6


class StoreError(PlanbridgeError):
    """The database cannot be used: {what}."""

    status = 503
    exit_code = 7
