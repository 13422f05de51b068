"""``planbridge sandbox``: a stand-in network on a real socket, to try planbridge against."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from bridge.sandbox.releases import Release
from bridge.sandbox.server import SandboxNetwork

app = typer.Typer(help="Run a stand-in of a WordPress network that uses Ultimate Multisite.")


@app.callback(invoke_without_command=True)
def sandbox(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    release: Annotated[
        Release, typer.Option(help="Which release of the plugin to answer like.")
    ] = Release.HEAD,
    memberships: Annotated[
        int, typer.Option(min=0, help="Made-up memberships to add to the example.")
    ] = 0,
    state: Annotated[
        Path | None,
        typer.Option(help="Keep the network in this file, so that it survives a restart."),
    ] = None,
    latency_ms: Annotated[
        int, typer.Option(min=0, help="Milliseconds that every answer takes.")
    ] = 0,
) -> None:
    """Run a stand-in network until Ctrl-C; prints how to add it.

    Example: planbridge sandbox --memberships 1000
    """
    network = SandboxNetwork(
        port=port,
        release=release,
        memberships=memberships,
        state_file=state,
        latency=latency_ms / 1000,
    )
    typer.echo(f"Sandbox network at {network.url}, like release {release.value}")
    typer.echo(f"  API key     {network.api_key}")
    typer.echo(f"  API secret  {network.api_secret}")
    typer.echo("Add it with:")
    typer.echo(
        f"  planbridge network add sandbox --url {network.url} --api-key {network.api_key} "
        f"--api-secret {network.api_secret}"
    )
    typer.echo("Ctrl-C stops it.")
    with suppress(KeyboardInterrupt):
        network.serve()
    network.stop()
