"""The console's parts put together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.store.tables import Network
from bridge.web.console.oidc import OidcProvider
from bridge.web.console.setup import ConsoleSetup
from sync.schedules import Schedules

if TYPE_CHECKING:
    from bridge.simulation.script import Script
    from bridge.simulation.timeline import Timeline
    from bridge.wiring import App


def console_setup(planbridge: App, *, jobs: Schedules) -> ConsoleSetup:
    """What the console needs of an open planbridge and its scheduled jobs."""
    settings = planbridge.settings

    def simulated(network: Network, membership_id: int, script: Script) -> Timeline:
        from bridge.simulation.stage import simulate  # it opens a planbridge of its own

        return simulate(planbridge, network, membership_id, script)

    oidc = None
    if settings.oidc_issuer:
        secret = settings.oidc_client_secret
        oidc = OidcProvider(
            settings.oidc_issuer,
            settings.oidc_client_id,
            secret.get_secret_value() if secret else "",
            clock=planbridge.clock,
        )
    return ConsoleSetup(
        client=planbridge.client,
        jobs=jobs,
        simulate=simulated,
        oidc=oidc,
        idle=timedelta(minutes=settings.console_idle_minutes),
    )
