"""``planbridge demo``: the main job on a stand-in network and a stand-in Stripe, over real HTTP."""

from __future__ import annotations

import secrets as random
import sys
import tempfile
import time
import webbrowser
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.demo_entry import GUESTS, entry_router, entry_url
from bridge.cli.demo_story import NETWORK, SECRET, Caller, say, tell_upgrade
from bridge.cli.printing import console
from bridge.cli.sync import mirror
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.stripe_server import SandboxStripe
from bridge.sandbox.xmlrpc import ENTRIES_KEY
from bridge.settings import load_settings
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.limits import effective_limits
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.operators import OperatorRepository
from bridge.store.readers import memberships, sites_of
from bridge.store.tables import Role
from bridge.store.uses import save_use
from bridge.upgrades.usages import ask_usage
from bridge.web.server import BackgroundService
from bridge.wiring import App, open_app, web_app
from sync.catalogue import take
from sync.learning import learn

OPERATOR = "operator@example.com"
BUSY = 4  # Premium by the year


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Carry one upgrade out by the API, and end.")
    ] = False,
    made_up: Annotated[
        int,
        typer.Option("--memberships", min=0, help="Made-up memberships to add to the network."),
    ] = 250,
    port: Annotated[int, typer.Option(help="Port of the service; 0 takes a free one.")] = 0,
    browser: Annotated[
        bool, typer.Option(help="Open the pages in a browser, if this is a terminal.")
    ] = True,
) -> None:
    """Show planbridge on a stand-in network and Stripe: pages to click through, until Ctrl-C.

    Example: planbridge demo --once
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="planbridge-demo-")))
        stripe = None if once else SandboxStripe(account="acct_demo", secret=SECRET, tick=0.5)
        own: dict[str, Any] = {"stripe_url": stripe.url} if stripe is not None else {}
        settings = load_settings(
            None,
            data_dir=folder,
            database_url=None,
            engine_database_url=None,
            log_level="error",
            **own,
        )
        schema.upgrade(make_engine(settings.store_url))
        planbridge = open_app(settings)
        network = stack.enter_context(SandboxNetwork(memberships=made_up))
        say(1, f"A network stands in for WordPress at {network.url}")
        if stripe is not None:
            stack.enter_context(stripe)
            console.print(f"Stripe is stood in for at {stripe.url}: no money moves", markup=False)
        _add(planbridge, network, stripe)
        say(2, "Mirror it")
        mirror(planbridge, planbridge.network(NETWORK))
        _learn(planbridge)
        if stripe is not None:
            _fill(network)
            _look(planbridge)
        app = web_app(planbridge)
        if stripe is not None:
            app.include_router(entry_router(planbridge, NETWORK), include_in_schema=False)
        service = stack.enter_context(BackgroundService(app, port=port))
        say(3, f"The service answers at {service.url}")
        if stripe is None:
            tell_upgrade(Caller(service.url, settings.operator_token(), planbridge.clock))
            return
        stripe.send_events_to(f"{service.url}/webhooks/stripe/{NETWORK}")
        _invite(planbridge, service.url, open_browser=browser)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            console.print("Stopped.")


def _invite(planbridge: App, url: str, *, open_browser: bool) -> None:
    """Say where to click, as a customer and as the operator."""
    password = random.token_urlsafe(12)
    with planbridge.session() as session:
        OperatorRepository(session).add(
            OPERATOR, role=Role.OWNER, password=password, now=planbridge.clock()
        )
    start = entry_url(url)
    say(4, "Click through it")
    console.print(f"  Be a customer:    {start}", markup=False)
    console.print(f"  Be the operator:  {url}/console", markup=False)
    console.print(f"                    {OPERATOR}  password {password}", markup=False)
    console.print(f"  Be a program:     {url}/docs", markup=False)
    token = planbridge.settings.operator_token()
    console.print(f"                    bearer token {token}", markup=False)
    console.print("Serving until Ctrl-C.")
    if open_browser and sys.stdout.isatty():
        webbrowser.open(start)


def _add(planbridge: App, network: SandboxNetwork, stripe: SandboxStripe | None) -> None:
    with planbridge.session() as session:
        NetworkRepository(session, planbridge.seal).add(
            NETWORK,
            network.url,
            Credentials(
                network.api_key,
                network.api_secret,
                wp_username=network.wp_username,
                wp_application_password=network.wp_password,
            ),
            now=planbridge.clock(),
            stripe_secrets=[SECRET],
            stripe_account="" if stripe is None else stripe.account,
            stripe_key="" if stripe is None else stripe.api_key,
        )


def _fill(network: SandboxNetwork) -> None:
    """Let one customer have written more than the smallest plan allows."""
    state = network.state
    for site in state.rows("site"):
        if site["membership_id"] == BUSY:
            entries = {"post": 8, "page": 2, "attachment": 3}
            state.set_meta("site", int(site["blog_id"]), ENTRIES_KEY, entries)


def _look(planbridge: App) -> None:
    """Ask the sites of the first customers what they use, as a schedule does with all."""
    network = planbridge.network(NETWORK)
    with planbridge.session() as session:
        rows = memberships(session, network.key, limit=GUESTS)
        sites = [site for row in rows for site in sites_of(session, network.key, row.id)]
        for site in sites:
            limits = effective_limits(session, network.key, site.id) or {}
            usage = ask_usage(planbridge.site_xmlrpc, network, site, limits)
            if usage is not None:
                save_use(
                    session,
                    network.key,
                    site.id,
                    posts=usage.posts,
                    users=usage.users,
                    untold="",
                    now=planbridge.clock(),
                )


def _learn(planbridge: App) -> None:
    network = planbridge.network(NETWORK)
    with planbridge.session() as session:
        learned = learn(session, network)
        take(session, network, learned.proposal, clock=planbridge.clock)
    console.print("Learned from what the network shows: the limits and prices of its plans")
