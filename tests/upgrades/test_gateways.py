"""What a membership's gateway lets us write, before anything is written."""

from __future__ import annotations

import pytest

from bridge.network.client import Entity
from bridge.sandbox.examples import EXTRA_DISK_SPACE_ID
from bridge.store.tables import ChangeState
from bridge.upgrades.gateways import may_write
from tests.upgrades.scene import Scene, running

STRIPE_MEMBERSHIP = 3
"""Of the sandbox's example: gateway stripe, with a subscription."""


@pytest.mark.parametrize(
    ("gateway", "subscription", "allowed", "word"),
    [
        ("", "", True, "no calls"),
        ("free", "", True, "no calls"),
        ("manual", "sub_1", True, "no calls"),
        ("stripe", "sub_1", True, "re-prices"),
        ("stripe-checkout", "sub_1", True, "without proration"),
        ("stripe", "", False, "no subscription id"),
        ("stripe-checkout", "", False, "then retry"),
        ("paypal", "I-1", False, "cancel"),
        ("paypal-rest", "", False, "cancel"),
        ("planbridge", "", True, "makes no calls"),
        ("an-addons", "sub_1", True, "does not know"),
    ],
)
def test_the_table(gateway: str, subscription: str, allowed: bool, word: str) -> None:
    verdict = may_write(gateway, subscription)
    assert verdict.allowed is allowed
    assert word in verdict.sentence


def give_gateway(scene: Scene, membership: int, **fields: str) -> None:
    with scene.sandbox.state.changing():
        row = scene.sandbox.state.row("membership", membership)
        assert row is not None
        scene.sandbox.state.save("membership", membership, {**row, **fields})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"gateway": "stripe", "gateway_subscription_id": ""}, "no subscription id"),
        ({"gateway": "paypal", "gateway_subscription_id": "I-1"}, "cancel the customer's"),
    ],
)
def test_a_gateway_that_forbids_it_stops_the_change_before_any_write(
    scene: Scene, fields: dict[str, str], words: str
) -> None:
    """Once the operator has moved the customer, it goes on."""
    give_gateway(scene, 1, **fields)
    change_id = scene.pay(scene.quote())
    scene.sandbox.journal.clear()
    engine = scene.engine()
    with running(engine):
        change = scene.wait_for(change_id, ChangeState.ATTENTION)
        assert words in change.reason
        assert scene.sandbox.journal.writes() == []
        give_gateway(scene, 1, gateway="manual", gateway_subscription_id="")
        engine.retry(change_id)
        scene.wait_for(change_id, ChangeState.PROVEN)


def test_a_stripe_subscription_of_the_plugin_is_re_priced_by_it_and_kept(scene: Scene) -> None:
    """The gateway fields are never written, and what the plugin does is written down."""
    with scene.client() as client:
        before = client.get(Entity.MEMBERSHIP, STRIPE_MEMBERSHIP)
    change_id = scene.pay(
        scene.quote(membership=STRIPE_MEMBERSHIP, addons={EXTRA_DISK_SPACE_ID: 5})
    )
    with running(scene.engine()):
        scene.wait_for(change_id, ChangeState.PROVEN)
    assert "re-prices" in str(scene.steps(change_id)["check", ""]["gateway_note"])
    (put,) = scene.sandbox.journal.writes("/membership/")
    assert not [name for name in put.body if name.startswith("gateway")]
    with scene.client() as client:
        after = client.get(Entity.MEMBERSHIP, STRIPE_MEMBERSHIP)
    assert after.raw["gateway_subscription_id"] == before.raw["gateway_subscription_id"]
    assert "subscription_cancelled" not in {each.kind for each in scene.sandbox.state.effects}
