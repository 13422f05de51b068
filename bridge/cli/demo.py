"""``planbridge demo``: the main job on a stand-in network, every line from the running system."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import requests
import typer

from bridge.cli.moments import parse_moment
from bridge.cli.printing import console, money, print_table
from bridge.cli.sync import mirror
from bridge.domain.limit_words import lines
from bridge.errors import PlanbridgeError
from bridge.payments.metadata import reference_for
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.stripe_events import StripeEvents
from bridge.sandbox.stripe_signing import FORGER, sign
from bridge.settings import load_settings
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.networks import Credentials, NetworkRepository
from bridge.web.server import BackgroundService
from bridge.wiring import App, open_app, web_app
from sync.catalogue import take
from sync.learning import learn

NETWORK = "demo"
MEMBERSHIP = 1
SECRET = "whsec_planbridge_demo"  # noqa: S105  (of the stand-in, guards nothing)
_PATIENCE = 60.0
_OVER = ("proven", "applied", "attention", "failed")


class DemoFailed(PlanbridgeError):
    """The demonstration did not end as it should: {why}"""


def demo(
    once: Annotated[bool, typer.Option("--once", help="End when the upgrade is proven.")] = False,
    memberships: Annotated[
        int, typer.Option(min=0, help="Made-up memberships to add to the network.")
    ] = 250,
    port: Annotated[int, typer.Option(help="Port of the service; 0 takes a free one.")] = 0,
) -> None:
    """Show an upgrade from payment to proof on a stand-in network, over real HTTP.

    Example: planbridge demo --once
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="planbridge-demo-")))
        settings = load_settings(
            data_dir=folder, database_url=None, engine_database_url=None, log_level="error"
        )
        schema.upgrade(make_engine(settings.store_url))
        planbridge = open_app(settings)
        network = stack.enter_context(SandboxNetwork(memberships=memberships))
        _say(1, f"A network stands in for WordPress at {network.url}")
        _add(planbridge, network)
        _say(2, "Mirror it")
        mirror(planbridge, planbridge.network(NETWORK))
        _learn(planbridge)
        service = stack.enter_context(BackgroundService(web_app(planbridge), port=port))
        _say(3, f"The service answers at {service.url}")
        _upgrade(Caller(service.url, settings.operator_token(), planbridge.clock))
        if once:
            return
        console.print(f"\nStill serving. API: {service.url}/docs  Ctrl-C ends it.")
        console.print(f"Bearer token: {settings.operator_token()}")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            console.print("Stopped.")


@dataclass(frozen=True)
class Caller:
    """Somebody who uses the service over HTTP, as an agency's program would."""

    url: str
    token: str
    clock: Any

    def api(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer of ``/v1/networks/demo/…``.

        Raises:
            DemoFailed: the answer is an error.
        """
        response = requests.request(
            method,
            f"{self.url}/v1/networks/{NETWORK}/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
        )
        if not response.ok:
            raise DemoFailed(why=response.text)
        return response.json()

    def deliver(self, payload: bytes, secret: str) -> requests.Response:
        """Post an event as Stripe does, signed with the secret."""
        signature = sign(payload, secret, timestamp=int(self.clock().timestamp()))
        return requests.post(
            f"{self.url}/webhooks/stripe/{NETWORK}",
            data=payload,
            headers={"Stripe-Signature": signature, "Content-Type": "application/json"},
            timeout=30,
        )


def _add(planbridge: App, network: SandboxNetwork) -> None:
    with planbridge.session() as session:
        NetworkRepository(session, planbridge.seal).add(
            NETWORK,
            network.url,
            Credentials(network.api_key, network.api_secret),
            now=planbridge.clock(),
            stripe_secrets=[SECRET],
        )


def _learn(planbridge: App) -> None:
    network = planbridge.network(NETWORK)
    with planbridge.session() as session:
        learned = learn(session, network)
        take(session, network, learned.proposal, clock=planbridge.clock)
    console.print("Learned from what the network shows: the limits and prices of its plans")


def _upgrade(caller: Caller) -> None:
    member = caller.api("GET", f"memberships/{MEMBERSHIP}")
    offers = caller.api("GET", f"memberships/{MEMBERSHIP}/offers")
    plans = ", ".join(
        f"{plan['name']}{' (current)' if plan['current'] else ''}" for plan in offers["plans"]
    )
    addons = ", ".join(addon["name"] for addon in offers["addons"])
    _say(4, f"Membership {MEMBERSHIP} is offered: {plans}; add-ons: {addons}")
    for wanted in ("free", "basic"):
        refused = caller.api("POST", f"memberships/{MEMBERSHIP}/quotes", {"products": [wanted]})
        console.print(f"  {wanted}: {refused['errors'][0]['message']}", markup=False)
    quote = caller.api("POST", f"memberships/{MEMBERSHIP}/quotes", {"products": ["premium"]})
    currency = quote["currency"]
    _say(5, f"Quote {quote['id']}: {quote['kind']} to Premium")
    for line in quote["lines"]:
        console.print(f"  {line['title']}: {money(line['total'], currency)}")
    console.print(f"  Due now: {money(quote['due_now'], currency)}")
    console.print(
        f"  Next billing: {money(quote['next_billing_amount'], currency)} "
        f"on {quote['next_billing_at'][:10]}"
    )
    _pay(caller, quote)
    change = _wait(caller)
    _report(caller, change, member, quote)


def _pay(caller: Caller, quote: Mapping[str, Any]) -> None:
    paid = StripeEvents(clock=caller.clock).invoice_paid(
        amount=quote["due_now"],
        currency=quote["currency"],
        metadata=reference_for(
            network=NETWORK, membership_id=MEMBERSHIP, quote_id=quote["id"]
        ).to_metadata(),
    )
    _say(6, "Stripe's signed event invoice.paid, delivered twice, then forged once")
    for secret in (SECRET, SECRET, FORGER):
        answer = caller.deliver(paid, secret)
        told = answer.json()
        word = told.get("title") or ("duplicate" if told["duplicate"] else "stored")
        console.print(f"  {answer.status_code} {word}")


def _wait(caller: Caller) -> Mapping[str, Any]:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        changes = caller.api("GET", f"changes?membership_id={MEMBERSHIP}")["items"]
        if changes and changes[0]["state"] in _OVER:
            detail: Mapping[str, Any] = caller.api("GET", f"changes/{changes[0]['id']}")
            return detail
        time.sleep(0.05)
    raise DemoFailed(why=f"the change was not carried out within {_PATIENCE:.0f} s")


def _report(
    caller: Caller,
    change: Mapping[str, Any],
    before: Mapping[str, Any],
    quote: Mapping[str, Any],
) -> None:
    _say(7, f"Change {change['id']}: {change['state']}. {change['reason']}")
    rows = [(step["name"], step["subject"], step["state"]) for step in change["steps"]]
    print_table(["step", "site", "state"], rows)
    after = caller.api("GET", f"memberships/{MEMBERSHIP}")
    shown = {site["id"]: site["effective_limits"] for site in after["sites"]}
    for site in before["sites"]:
        then = dict(lines(site["effective_limits"]))
        now = dict(lines(shown[site["id"]]))
        print_table(
            ["limit", "before", "after"],
            [(name, then.get(name), now[name]) for name in now if then.get(name) != now[name]],
            title=f"{site['title']} ({site['domain']}{site['path']})",
        )
    if change["state"] != "proven":
        raise DemoFailed(why=change["reason"])
    events = caller.api("GET", "events")["items"]
    received = parse_moment(events[-1]["received_at"])
    seconds = (parse_moment(change["proven_at"]) - received).total_seconds()
    paid = money(change["amount_paid"], quote["currency"])
    console.print(
        f"Paid {paid} of {money(quote['due_now'], quote['currency'])} due; "
        f"{len(events)} event stored, 1 change. From payment to proof: {seconds:.2f} s"
    )


def _say(number: int, text: str) -> None:
    console.print(f"\n{number}. {text}", markup=False)
