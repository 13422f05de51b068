"""What the console needs beside the service: ways to reach networks, jobs, a sign-in by OIDC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from bridge.network.client import NetworkClient
from bridge.store.tables import Network
from bridge.web.console.oidc import OidcProvider
from sync.schedules import Schedules

if TYPE_CHECKING:
    from bridge.simulation.script import Script
    from bridge.simulation.timeline import Timeline


@dataclass(frozen=True, slots=True)
class ConsoleSetup:
    """How the console is set up.

    Attributes:
        client: Opens the client of a network.
        jobs: What runs by itself, for all networks.
        simulate: Runs a membership through a script, on copies.
        oidc: Where operators sign in without a password of ours; None where nowhere.
        idle: After so long without a click an operator is signed out.
    """

    client: Callable[[Network], NetworkClient]
    jobs: Schedules
    simulate: Callable[[Network, int, Script], Timeline]
    oidc: OidcProvider | None = None
    idle: timedelta = timedelta(hours=1)


def the_console(request: Request) -> ConsoleSetup:
    """The set-up of the application that received the request."""
    setup: ConsoleSetup = request.app.state.console
    return setup


TheConsole = Annotated[ConsoleSetup, Depends(the_console)]
