"""How a network is to be treated: kept, changed, checked."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from bridge.domain.ladder import Ladder
from bridge.domain.night import InvalidNight, Night
from bridge.domain.terms import NetworkTerms
from bridge.store.networks import save_terms
from bridge.store.options import (
    InvalidOption,
    NetworkOptions,
    ladder_of,
    night_of,
    options_of,
    save_options,
)
from bridge.store.tables import Network

DEFAULT = Ladder(3, 14)


def test_what_was_not_set_is_the_installations(session: Session, network: Network) -> None:
    """A new network has no options of its own."""
    assert options_of(network) == NetworkOptions()
    assert night_of(network) is None
    assert ladder_of(session, network.key, default=DEFAULT) == DEFAULT
    assert ladder_of(session, network.key + 1, default=DEFAULT) == DEFAULT


def test_options_are_kept(session: Session, network: Network) -> None:
    """Zero is a value; what is not set takes no place."""
    save_terms(session, network, NetworkTerms(timezone="Europe/Paris"))
    options = NetworkOptions(rate=2.5, concurrency=0, night="01:00-05:00", hold_days=30)
    save_options(session, network, options)
    session.commit()
    session.refresh(network)
    assert options_of(network) == options
    assert "grace_days" not in network.options
    assert night_of(network) == Night.parse("01:00-05:00", zone="Europe/Paris")
    assert ladder_of(session, network.key, default=DEFAULT) == Ladder(3, 30)


def test_options_are_changed_one_by_one() -> None:
    """Others stay; what is taken back is the installation's again."""
    options = NetworkOptions(rate=2, grace_days=0)
    changed = options.with_changes({"concurrency": 2}, without=frozenset({"rate"}))
    assert changed == NetworkOptions(concurrency=2, grace_days=0)


@pytest.mark.parametrize(
    "wrong", [{"rate": -1}, {"rate": 1e9}, {"concurrency": 33}, {"grace_days": -1}]
)
def test_impossible_values_are_refused(wrong: dict[str, int]) -> None:
    """Whether given or found in the database."""
    with pytest.raises(InvalidOption, match="between 0 and"):
        NetworkOptions(**wrong)  # type: ignore[arg-type]  # numbers, each of them
    with pytest.raises(InvalidOption):
        NetworkOptions.from_json(wrong)


def test_what_is_no_night_is_refused() -> None:
    """And what is of another type altogether."""
    with pytest.raises(InvalidNight):
        NetworkOptions(night="1 to 5")
    with pytest.raises(InvalidOption, match="rate"):
        NetworkOptions.from_json({"rate": "fast"})
