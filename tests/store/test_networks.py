"""Networks: names, sealed secrets, terms."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlmodel import Session

from bridge.domain.terms import NetworkTerms, TaxMode, TaxRate
from bridge.errors import UnknownNetwork
from bridge.store.hooks import HookRepository
from bridge.store.networks import (
    Credentials,
    InvalidNetworkName,
    NetworkExists,
    NetworkRepository,
    network_terms,
)
from bridge.store.seals import Seal, SealBroken
from bridge.store.tables import Network
from tests.conftest import NOW

TERMS = NetworkTerms(
    currency="EUR",
    taxes=TaxMode.INCLUSIVE,
    tax_rates={"default": (TaxRate("VAT", "FR", Decimal("20.5"), state="", compound=True),)},
    policy="parity",
    timezone="Europe/Paris",
    allow_trial_without_payment_method=True,
)


def test_secrets_are_stored_sealed_only(session: Session, seal: Seal) -> None:
    """Nothing secret is readable in the row or in a repr, and all of it can be opened."""
    repository = NetworkRepository(session, seal)
    credentials = Credentials("thekey", "topsecret", in_query=True)
    network = repository.add(
        "shop-eu",
        "https://a.example",
        credentials,
        now=NOW,
        stripe_secrets=["whsec_new", "whsec_old"],
    )
    session.commit()
    stored = str(session.connection().execute(text("SELECT * FROM networks")).all())
    for secret in ("thekey", "topsecret", "whsec"):
        assert secret not in stored + repr(network) + repr(credentials)
    assert repository.credentials(network) == credentials
    assert repository.stripe_secrets(network) == ("whsec_new", "whsec_old")


@pytest.mark.parametrize("name", ["", "Main", "a b", "-a", "a-", "é", "x" * 64, "a/b", "a\n"])
def test_a_name_is_a_slug(session: Session, seal: Seal, name: str) -> None:
    """A name goes into URLs and commands."""
    with pytest.raises(InvalidNetworkName):
        NetworkRepository(session, seal).add(name, "https://a", Credentials("k", "s"), now=NOW)


def test_a_name_is_given_once(session: Session, seal: Seal, network: Network) -> None:
    """The second network of a name is refused, the first untouched."""
    repository = NetworkRepository(session, seal)
    with pytest.raises(NetworkExists):
        repository.add("main", "https://b", Credentials("k", "s"), now=NOW)
    assert repository.get("main").url == "https://network.example.com"


def test_an_unknown_network_is_named(session: Session, seal: Seal) -> None:
    """The error says how to see the known ones."""
    with pytest.raises(UnknownNetwork, match=r"'nowhere'.*network list"):
        NetworkRepository(session, seal).get("nowhere")


def test_the_list_is_by_name(session: Session, seal: Seal, network: Network) -> None:
    """All networks, in order."""
    repository = NetworkRepository(session, seal)
    repository.add("alpha", "https://b", Credentials("k", "s"), now=NOW)
    assert [each.name for each in repository.list()] == ["alpha", "main"]


def test_removing_takes_everything_along(session: Session, seal: Seal, network: Network) -> None:
    """What belongs to the network goes with it."""
    session.connection().execute(
        text(
            "INSERT INTO price_variations VALUES (:network, 1, 1, 'year', 100, 'file')",
        ),
        {"network": network.id},
    )
    NetworkRepository(session, seal).remove("main")
    session.commit()
    assert session.connection().scalar(text("SELECT count(*) FROM price_variations")) == 0


def test_rotating_replaces_what_is_given_and_reseals_the_rest(session: Session) -> None:
    """After a rotation with a new key in front the old key can go."""
    old, new = Seal.new_key(), Seal.new_key()
    before = NetworkRepository(session, Seal([old]))
    network = before.add(
        "main", "https://a", Credentials("k", "s"), now=NOW, stripe_secrets=["whsec_1"]
    )
    NetworkRepository(session, Seal([new, old])).rotate("main", credentials=Credentials("k2", "s2"))
    after = NetworkRepository(session, Seal([new]))
    assert after.credentials(network) == Credentials("k2", "s2")
    assert after.stripe_secrets(network) == ("whsec_1",)
    with pytest.raises(SealBroken):
        before.credentials(network)


def test_rotating_reseals_the_secrets_of_endpoints_too(session: Session) -> None:
    """Else events could not be signed any more once the old key is gone."""
    old, new = Seal.new_key(), Seal.new_key()
    before = NetworkRepository(session, Seal([old]))
    network = before.add("main", "https://a", Credentials("k", "s"), now=NOW)
    endpoint = HookRepository(session).add(
        network.key, "https://b", types=(), secret="whsec_x", seal=Seal([old]), now=NOW
    )
    NetworkRepository(session, Seal([new, old])).rotate("main")
    assert Seal([new]).open(endpoint.sealed_secret) == "whsec_x"


def test_terms_survive_the_database(session: Session, seal: Seal, network: Network) -> None:
    """Rates stay exact decimals; a network without terms has the defaults."""
    assert network_terms(Network(terms={})) == NetworkTerms()
    NetworkRepository(session, seal).save_terms(network, TERMS)
    session.commit()
    session.expire_all()
    assert network_terms(network) == TERMS


def test_capabilities_are_kept_with_their_time(
    session: Session, seal: Seal, network: Network
) -> None:
    """What the last probe found, as JSON."""
    NetworkRepository(session, seal).save_capabilities(network, {"paging": "page"}, now=NOW)
    session.commit()
    session.expire_all()
    assert network.capabilities == {"paging": "page"}
    assert network.checked_at == NOW
