"""What each way of letting the plugin go does at the gateway, on every recorded release."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from bridge.domain.gateway_effects import GatewayEffect, effect_of
from bridge.domain.memberships import Membership, MembershipStatus
from bridge.domain.periods import Period
from bridge.network.client import Entity
from bridge.network.rows import MembershipRow
from bridge.sandbox.releases import Release
from bridge.sandbox.server import SandboxNetwork
from tests.upgrades.scene import client_of

ONE = 3
"""Of the sandbox's example: gateway stripe, subscription sub_sandbox3."""

CALLS = {
    GatewayEffect.CANCELS: ["subscription_cancelled"],
    GatewayEffect.REPRICES: ["stripe_updated"],
    GatewayEffect.REFUSES: [],
    GatewayEffect.NOTHING: [],
}

NOTHING, CANCELS, REPRICES, REFUSES = (
    GatewayEffect.NOTHING,
    GatewayEffect.CANCELS,
    GatewayEffect.REPRICES,
    GatewayEffect.REFUSES,
)

WAYS: list[tuple[str, list[tuple[dict[str, Any], GatewayEffect]]]] = [
    ("auto_renew alone", [({"auto_renew": False}, NOTHING), ({"auto_renew": True}, NOTHING)]),
    ("dates alone", [({"date_expiration": "2027-01-31 23:59:59"}, NOTHING)]),
    (
        "the same gateway again",
        [({"gateway": "stripe", "gateway_subscription_id": "sub_sandbox3"}, NOTHING)],
    ),
    ("another gateway", [({"gateway": "planbridge"}, CANCELS)]),
    ("manual", [({"gateway": "manual", "auto_renew": True}, CANCELS)]),
    ("blank id", [({"gateway_subscription_id": ""}, CANCELS)]),
    (
        "blank id first, then the gateway",
        [({"gateway_subscription_id": ""}, CANCELS), ({"gateway": "planbridge"}, NOTHING)],
    ),
    ("all in one", [({"gateway": "planbridge", "gateway_subscription_id": ""}, CANCELS)]),
    ("customer id alone", [({"gateway_customer_id": "cus_other"}, CANCELS)]),
    ("the other Stripe gateway", [({"gateway": "stripe-checkout"}, CANCELS)]),
    ("cancelled", [({"status": "cancelled"}, CANCELS)]),
    ("amount", [({"amount": 60}, REPRICES)]),
    ("plan", [({"plan_id": 5}, REPRICES)]),
    ("period", [({"duration": 2}, REPRICES)]),
    (
        "no id, then the price",
        [({"gateway_subscription_id": ""}, CANCELS), ({"amount": 9}, REFUSES)],
    ),
]


@pytest.mark.parametrize("release", list(Release))
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
@pytest.mark.parametrize(("way", "writes"), WAYS, ids=[way for way, _ in WAYS])
def test_the_rule_says_what_the_network_does(
    release: Release,
    content_type: str,
    way: str,
    writes: list[tuple[dict[str, Any], GatewayEffect]],
) -> None:
    """Write by write; nothing that lets the plugin go leaves the subscription alive."""
    with SandboxNetwork(release=release) as network, client_of(network.url) as client:
        for body, expected in writes:
            row = client.get(Entity.MEMBERSHIP, ONE)
            assert isinstance(row, MembershipRow)
            in_minor_units = {k: v * 100 if k == "amount" else v for k, v in body.items()}
            assert effect_of(row.to_domain(), in_minor_units) is expected
            before = len(network.state.gateway_calls)
            answer = requests.put(
                f"{network.url}/wp-json/wu/v2/membership/{ONE}",
                json=body,
                headers={"Content-Type": content_type},
                auth=("sandbox-key", "sandbox-secret"),
                timeout=10,
            )
            assert answer.status_code == (500 if expected is REFUSES else 200)
            calls = [each.kind for each in network.state.gateway_calls[before:]]
            assert calls == CALLS[expected]


def test_deleting_cancels_as_well() -> None:
    """So a second membership in the place of the first is no way either."""
    with SandboxNetwork() as network:
        requests.delete(
            f"{network.url}/wp-json/wu/v2/membership/{ONE}",
            auth=("sandbox-key", "sandbox-secret"),
            timeout=10,
        )
        assert [each.kind for each in network.state.gateway_calls] == ["subscription_cancelled"]


@pytest.mark.parametrize(
    ("gateway", "subscription", "fields", "effect"),
    [
        ("manual", "sub_1", {"gateway": "stripe"}, NOTHING),
        ("free", "", {"amount": 100}, NOTHING),
        ("paypal", "I-1", {"amount": 100}, CANCELS),
        ("paypal", "I-1", {"auto_renew": True}, NOTHING),
        ("woocommerce", "9", {"amount": 100}, GatewayEffect.UNKNOWN),
        ("woocommerce", "9", {"auto_renew": True}, NOTHING),
    ],
)
def test_other_gateways(
    gateway: str, subscription: str, fields: dict[str, Any], effect: GatewayEffect
) -> None:
    """What holds no subscription loses none; what nobody knows is not guessed."""
    membership = Membership(
        id=1,
        customer_id=1,
        plan_id=1,
        currency="USD",
        amount=500,
        period=Period(1, "month"),
        status=MembershipStatus.ACTIVE,
        gateway=gateway,
        gateway_subscription_id=subscription,
    )
    assert effect_of(membership, fields) is effect
