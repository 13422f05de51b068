"""The story that ``planbridge demo --once`` tells: an upgrade, from quote to proof, by the API."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from bridge.cli.printing import console, money, print_table
from bridge.domain.limit_words import lines
from bridge.domain.moments import parse_moment
from bridge.errors import PlanbridgeError
from bridge.payments.metadata import reference_for
from bridge.sandbox.stripe_events import StripeEvents
from bridge.sandbox.stripe_signing import FORGER, sign

NETWORK = "demo"
MEMBERSHIP = 1
SECRET = "whsec_planbridge_demo"  # noqa: S105  (of the stand-in, guards nothing)
_PATIENCE = 60.0
_OVER = ("proven", "applied", "attention", "failed")


class DemoFailed(PlanbridgeError):
    """The demonstration did not end as it should: {why}"""


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


def tell_upgrade(caller: Caller) -> None:
    """Quote, pay by a signed event, follow, and print every step as it happened.

    Raises:
        DemoFailed: it did not end in proof.
    """
    member = caller.api("GET", f"memberships/{MEMBERSHIP}")
    offers = caller.api("GET", f"memberships/{MEMBERSHIP}/offers")
    plans = ", ".join(
        f"{plan['name']}{' (current)' if plan['current'] else ''}" for plan in offers["plans"]
    )
    addons = ", ".join(addon["name"] for addon in offers["addons"])
    say(4, f"Membership {MEMBERSHIP} is offered: {plans}; add-ons: {addons}")
    for wanted in ("free", "basic"):
        refused = caller.api("POST", f"memberships/{MEMBERSHIP}/quotes", {"products": [wanted]})
        console.print(f"  {wanted}: {refused['errors'][0]['message']}", markup=False)
    quote = caller.api("POST", f"memberships/{MEMBERSHIP}/quotes", {"products": ["premium"]})
    currency = quote["currency"]
    say(5, f"Quote {quote['id']}: {quote['kind']} to Premium")
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
    say(6, "Stripe's signed event invoice.paid, delivered twice, then forged once")
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
    say(7, f"Change {change['id']}: {change['state']}. {change['reason']}")
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


def say(number: int, text: str) -> None:
    """A numbered step of what the demonstration does."""
    console.print(f"\n{number}. {text}", markup=False)
