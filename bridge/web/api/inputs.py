"""What the JSON API takes: ids, texts and amounts that can be looked up, stored and shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from bridge.store.tables import DeliveryState
from bridge.web.api.models import Model

Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""The number of a row; beyond 64 bits no database could look for it."""

Minor = Annotated[int, Field(ge=0, le=10**12)]
"""An amount in minor units; the bound is far above what anybody is charged."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        message = "it is not between the years 1 and 9999 in UTC"
        raise ValueError(message) from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its zone; UTC afterwards."""

_ADDRESS = Field(default="", pattern=r"^(https?://\S+)?$", max_length=2000)


class Input(Model):
    """The body of a request. No text in it may hold what no database and no answer can."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        waiting = [given]
        while waiting:  # not by recursion: a body may be nested deeper than the stack is
            value = waiting.pop()
            if isinstance(value, dict):
                waiting += [*value, *value.values()]
            elif isinstance(value, list):
                waiting += value
            elif isinstance(value, str) and not _is_plain(value):
                message = "a text holds a NUL character or half of a surrogate pair"
                raise ValueError(message)
        return given


class QuoteIn(Input):
    """A choice to be priced: products by id or slug, in the order chosen.

    ``dropped`` are add-ons to be removed; ``amounts`` (minor units) and ``recurring`` are the
    customer's own prices of products that are sold so, by product id.
    """

    products: list[int | str] = Field(min_length=1, max_length=50)
    period: str | None = Field(default=None, examples=["1-year"])
    discount_code: str | None = Field(default=None, max_length=200)
    country: str | None = Field(default=None, min_length=2, max_length=2)
    dropped: list[int | str] = Field(default_factory=list, max_length=50)
    amounts: dict[Id, Minor] = Field(default_factory=dict, max_length=50)
    recurring: dict[Id, bool] = Field(default_factory=dict, max_length=50)


class ChangeIn(Input):
    """A quote to be carried out.

    ``anyway`` is the operator's word that it is, though sites would be over their new limits.
    """

    quote: str
    anyway: bool = False


class CollectIn(Input):
    """Where a payment page sends the customer afterwards; the network's main site if not given."""

    success_url: str = _ADDRESS
    cancel_url: str = _ADDRESS


class HookIn(Input):
    """Where to send events; ``types`` such as ``change.*``, all without any.

    ``secret`` is whsec_ and 24 to 64 bytes in base64; one is made without.
    """

    url: str = Field(max_length=2000)
    types: list[str] = Field(default=[], max_length=50)
    secret: str = Field(default="", max_length=200)


class ReplayIn(Input):
    """Which events: by id, by when they happened, by the state of their delivery."""

    event_ids: list[str] = Field(default=[], max_length=1000)
    since: Moment | None = None
    until: Moment | None = None
    states: list[DeliveryState] = Field(default=[], max_length=4)


def _is_plain(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text)
