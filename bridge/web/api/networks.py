"""``/v1/networks``."""

from __future__ import annotations

from fastapi import APIRouter

from bridge.store.networks import NetworkRepository
from bridge.web.api.models import Listing, NetworkView
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(tags=["networks"])


@router.get("/networks")
def list_networks(service: TheService, session: ASession) -> Listing[NetworkView]:
    """All networks."""
    networks = NetworkRepository(session, service.seal).list()
    return Listing(items=[NetworkView.model_validate(network) for network in networks])


@router.get("/networks/{network}")
def get_network(network: TheNetwork) -> NetworkView:
    """One network."""
    return NetworkView.model_validate(network)
