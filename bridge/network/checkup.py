"""What a network can do and what it lacks, found out without changing anything."""

from __future__ import annotations

from bridge.network.capabilities import Capabilities
from bridge.network.check import Finding, findings, hidden_users, look_around, refused_write
from bridge.network.client import NetworkClient


def check_up(
    client: NetworkClient, url: str, *, wordpress_user: bool
) -> tuple[Capabilities, list[Finding]]:
    """Ask a network for everything that matters; ``wordpress_user``: one is on record.

    Raises:
        Fault: the network does not answer, or does not know the credentials.
    """
    capabilities = client.probe()
    refused = refused_write(client)
    hidden = hidden_users(client)
    return capabilities, findings(
        capabilities,
        refused=refused,
        around=look_around(url),
        wordpress_user=wordpress_user,
        hidden=hidden,
    )
