"""How each network is to be treated: how hard it is asked and when, how long debts may stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from pydantic import TypeAdapter, ValidationError
from sqlmodel import Session

from bridge.domain.ladder import Ladder
from bridge.domain.night import Night
from bridge.errors import InvalidInput
from bridge.store.networks import network_terms
from bridge.store.tables import Network

_MOST_AT_ONCE: Final = 32
_MOST_DAYS: Final = 3650


class InvalidOption(InvalidInput):
    """{name} cannot be {value}: {why}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What an operator set for one network; None leaves it to the installation.

    ``rate`` is requests a second at most and ``concurrency`` requests at the same time at
    most, by one process, 0 for no limit. In the ``night`` (``01:00-05:00``, in the network's
    time zone) everything may be read and compared; without one at any time. ``grace_days``
    and ``hold_days`` are the rungs of the ladder (`bridge.domain.ladder`).
    """

    rate: float | None = None
    concurrency: int | None = None
    night: str | None = None
    grace_days: int | None = None
    hold_days: int | None = None

    def __post_init__(self) -> None:
        _within("rate", self.rate, most=1000)
        _within("concurrency", self.concurrency, most=_MOST_AT_ONCE)
        _within("grace-days", self.grace_days, most=_MOST_DAYS)
        _within("hold-days", self.hold_days, most=_MOST_DAYS)
        if self.night is not None:
            Night.parse(self.night)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The options again; what is missing is left to the installation.

        Raises:
            InvalidOption: somebody wrote something else into the database.
        """
        try:
            return TypeAdapter(cls).validate_python(document)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(str(each) for each in first["loc"]) or "options"
            raise InvalidOption(name=name, value=first["input"], why=first["msg"]) from None

    def as_json(self) -> dict[str, Any]:
        """What was set, as plain JSON."""
        shown = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in shown.items() if value is not None}

    def with_changes(self, changes: Mapping[str, Any], *, without: frozenset[str]) -> Self:
        """With some set anew, and some left to the installation again.

        Raises:
            InvalidOption, InvalidNight: a value cannot be.
        """
        return replace(self, **{**dict.fromkeys(without), **changes})

    def ladder(self, default: Ladder) -> Ladder:
        """What follows an unpaid renewal."""
        return Ladder(
            default.grace_days if self.grace_days is None else self.grace_days,
            default.hold_days if self.hold_days is None else self.hold_days,
        )


def options_of(network: Network) -> NetworkOptions:
    """What was set for a network."""
    return NetworkOptions.from_json(network.options)


def night_of(network: Network) -> Night | None:
    """When a network may be worked hard; None for always."""
    hours = options_of(network).night
    return None if hours is None else Night.parse(hours, zone=network_terms(network).timezone)


def ladder_of(session: Session, network_id: int, *, default: Ladder) -> Ladder:
    """What follows an unpaid renewal on a network."""
    network = session.get(Network, network_id)
    return default if network is None else options_of(network).ladder(default)


def save_options(session: Session, network: Network, options: NetworkOptions) -> None:
    """Keep how a network is to be treated; needs no secrets."""
    network.options = options.as_json()
    session.add(network)
    session.flush()


def _within(name: str, value: float | None, *, most: int) -> None:
    if value is not None and not 0 <= value <= most:
        raise InvalidOption(name=name, value=value, why=f"it must be between 0 and {most}")
