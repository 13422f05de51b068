"""The networks planbridge serves: add, find, remove; their credentials and their terms."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from bridge.domain.terms import NetworkTerms
from bridge.errors import Conflict, InvalidInput, StoreError, UnknownNetwork
from bridge.store.hooks import HookRepository
from bridge.store.seals import Seal
from bridge.store.tables import Network
from bridge.store.terms import terms_from_json, terms_to_json

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class InvalidNetworkName(InvalidInput):
    """{name!r} cannot be the name of a network."""

    hint = "Use lower-case letters, digits and hyphens, such as `main` or `shop-eu`, at most 63."


class NetworkExists(Conflict):
    """There is a network named {name!r} already."""

    hint = "Choose another name, or change its credentials with `planbridge network rotate`."


@dataclass(frozen=True, slots=True)
class Credentials:
    """The API key and secret of a network; ``in_query`` where its server drops the header.

    ``wp_username`` and ``wp_application_password`` are a super admin's, for what only
    WordPress itself tells; empty where none is on record.
    """

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    in_query: bool = field(default=False, kw_only=True)
    wp_username: str = field(default="", kw_only=True)
    wp_application_password: str = field(default="", repr=False, kw_only=True)


class NetworkRepository:
    """All queries on networks. The caller commits."""

    def __init__(self, session: Session, seal: Seal) -> None:
        self._session = session
        self._seal = seal

    def add(
        self,
        name: str,
        url: str,
        credentials: Credentials,
        *,
        now: datetime,
        stripe_secrets: Sequence[str] = (),
        stripe_account: str = "",
        stripe_key: str = "",
        livemode: bool = False,
        terms: NetworkTerms | None = None,
    ) -> Network:
        """Add a network; its secrets are sealed here.

        Raises:
            InvalidNetworkName: not a slug.
            NetworkExists: the name is taken.
        """
        if not _NAME.fullmatch(name):
            raise InvalidNetworkName(name=name)
        if self._find(name) is not None:
            raise NetworkExists(name=name)
        network = Network(
            name=name,
            url=url,
            sealed_credentials=self._seal.seal(json.dumps(asdict(credentials))),
            sealed_stripe_secrets=self._sealed_list(stripe_secrets),
            sealed_stripe_key=self._seal.seal(stripe_key) if stripe_key else "",
            stripe_account=stripe_account,
            livemode=livemode,
            terms=terms_to_json(terms or NetworkTerms()),
            created_at=now,
        )
        self._session.add(network)
        try:
            self._session.flush()
        except IntegrityError:
            self._session.rollback()
            raise NetworkExists(name=name) from None
        return network

    def get(self, name: str) -> Network:
        """The network of that name.

        Raises:
            UnknownNetwork: there is none.
        """
        network = self._find(name)
        if network is None:
            raise UnknownNetwork(name=name)
        return network

    def by_id(self, network_id: int) -> Network:
        """The network of that id.

        Raises:
            UnknownNetwork: there is none.
        """
        network = self._session.get(Network, network_id)
        if network is None:
            raise UnknownNetwork(name=network_id)
        return network

    def list(self) -> list[Network]:
        """All networks by name."""
        return list(self._session.exec(select(Network).order_by(Network.name)))

    def remove(self, name: str) -> None:
        """Remove a network with everything that belongs to it: mirror, changes, events.

        Raises:
            UnknownNetwork: there is none.
        """
        self._session.delete(self.get(name))
        self._session.flush()

    def credentials(self, network: Network) -> Credentials:
        """The opened credentials.

        Raises:
            SealBroken: sealed with a key that is not configured.
        """
        return Credentials(**json.loads(self._seal.open(network.sealed_credentials)))

    def stripe_secrets(self, network: Network) -> tuple[str, ...]:
        """The signing secrets of the network's Stripe endpoint; two while one is rotated.

        Raises:
            SealBroken: sealed with a key that is not configured.
        """
        if not network.sealed_stripe_secrets:
            return ()
        return tuple(json.loads(self._seal.open(network.sealed_stripe_secrets)))

    def stripe_key(self, network: Network) -> str:
        """The key with which Stripe is asked for this network; "" where it has none.

        Raises:
            SealBroken: sealed with a key that is not configured.
        """
        sealed = network.sealed_stripe_key
        return self._seal.open(sealed) if sealed else ""

    def rotate(
        self,
        name: str,
        *,
        credentials: Credentials | None = None,
        stripe_secrets: Sequence[str] | None = None,
        stripe_key: str = "",
    ) -> Network:
        """Replace what is given, and reseal the rest with the newest key.

        Raises:
            UnknownNetwork: there is none.
            SealBroken: what is kept was sealed with a key that is not configured.
        """
        network = self.get(name)
        network.sealed_credentials = (
            self._seal.reseal(network.sealed_credentials)
            if credentials is None
            else self._seal.seal(json.dumps(asdict(credentials)))
        )
        kept = network.sealed_stripe_secrets
        if stripe_secrets is not None:
            network.sealed_stripe_secrets = self._sealed_list(stripe_secrets)
        elif kept:
            network.sealed_stripe_secrets = self._seal.reseal(kept)
        if stripe_key:
            network.sealed_stripe_key = self._seal.seal(stripe_key)
        elif network.sealed_stripe_key:
            network.sealed_stripe_key = self._seal.reseal(network.sealed_stripe_key)
        for endpoint in HookRepository(self._session).list(network.key):
            endpoint.sealed_secret = self._seal.reseal(endpoint.sealed_secret)
            self._session.add(endpoint)
        self._session.add(network)
        self._session.flush()
        return network

    def save_terms(self, network: Network, terms: NetworkTerms) -> None:
        """Keep the network's currency, taxes and policy."""
        save_terms(self._session, network, terms)

    def save_capabilities(
        self, network: Network, capabilities: Mapping[str, Any], *, now: datetime
    ) -> None:
        """Keep what the last probe found, as plain JSON."""
        save_capabilities(self._session, network, capabilities, now=now)

    def _find(self, name: str) -> Network | None:
        return self._session.exec(select(Network).where(Network.name == name)).one_or_none()

    def _sealed_list(self, secrets: Sequence[str]) -> str:
        return self._seal.seal(json.dumps(list(secrets))) if secrets else ""


def id_of(network: Network) -> int:
    """The database's id of a stored network.

    Raises:
        StoreError: it was never stored.
    """
    if network.id is None:
        raise StoreError(what=f"network {network.name} is not stored")
    return network.id


def network_terms(network: Network) -> NetworkTerms:
    """The terms on which a network sells."""
    return terms_from_json(network.terms)


def save_terms(session: Session, network: Network, terms: NetworkTerms) -> None:
    """Keep the network's currency, taxes and policy; needs no secrets."""
    network.terms = terms_to_json(terms)
    session.add(network)
    session.flush()


def save_capabilities(
    session: Session, network: Network, capabilities: Mapping[str, Any], *, now: datetime
) -> None:
    """Keep what the last probe found, as plain JSON; needs no secrets."""
    network.capabilities = dict(capabilities)
    network.checked_at = now
    session.add(network)
    session.flush()


def mark_synced(session: Session, network: Network, *, now: datetime) -> None:
    """Note that the mirror of the whole network was brought up to date."""
    network.synced_at = now
    session.add(network)
    session.flush()
