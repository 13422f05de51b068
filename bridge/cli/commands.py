"""Which commands there are, and under which name."""

from __future__ import annotations

import typer

from bridge.cli import (
    account,
    adopt,
    billing,
    catalogue,
    changes,
    demo,
    drift,
    events,
    golden,
    golden_limits,
    hooks,
    limits,
    network,
    notices,
    operators,
    preflight,
    quotes,
    sandbox,
    schedules,
    serve,
    simulate,
    site,
    stripe,
    subscribe,
    sync,
)


def register(app: typer.Typer) -> None:
    """Put every command under its name."""
    network.app.command("subscribe")(subscribe.subscribe)
    app.add_typer(network.app, name="network")
    app.command("sync")(sync.sync)
    app.add_typer(catalogue.app, name="catalogue")
    app.command("offers")(quotes.offers)
    app.command("quote")(quotes.quote)
    app.command("preflight")(preflight.preflight)
    app.add_typer(changes.app, name="changes")
    app.add_typer(account.app, name="account")
    app.add_typer(events.app, name="events")
    app.add_typer(billing.app, name="billing")
    app.add_typer(adopt.app, name="adopt")
    app.add_typer(limits.app, name="limits")
    app.add_typer(drift.app, name="drift")
    app.add_typer(schedules.app, name="schedules")
    app.add_typer(notices.app, name="notices")
    app.add_typer(hooks.app, name="hooks")
    app.command("simulate")(simulate.simulate)
    app.add_typer(operators.app, name="operator")
    app.add_typer(operators.audit_app, name="audit")
    app.add_typer(stripe.app, name="stripe")
    app.add_typer(site.app, name="site")
    app.command("serve")(serve.serve)
    app.command("migrate")(serve.migrate)
    app.command("token")(serve.token)
    app.command("settings")(serve.show_settings)
    app.command("demo")(demo.demo)
    app.add_typer(sandbox.app, name="sandbox")
    golden.app.command("limits")(golden_limits.limits)
    app.add_typer(golden.app, name="golden")
