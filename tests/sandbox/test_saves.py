"""What a write does to the network beside its row, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sandbox.examples import BASIC_ID, FREE_ID, PREMIUM_ID
from bridge.sandbox.server import SandboxNetwork
from tests.sandbox.conftest import Caller, MovingClock

FREE_MEMBER, MANUAL_MEMBER, STRIPE_MEMBER = 1, 2, 3


def test_a_manual_membership_is_changed_without_any_call(
    network: SandboxNetwork, call: Caller
) -> None:
    """Plan, amount and period follow; only the job for the products is queued."""
    change = {"plan_id": PREMIUM_ID, "amount": 490, "duration": 1, "duration_unit": "year"}
    call.put(f"membership/{MANUAL_MEMBER}", change)
    row = call.get(f"membership/{MANUAL_MEMBER}")
    assert change.items() <= row.items()
    assert row["gateway"] == "manual"
    assert network.state.gateway_calls == []
    assert [each.kind for each in network.state.effects] == ["products_job"]


def test_changing_a_stripe_membership_calls_stripe(network: SandboxNetwork, call: Caller) -> None:
    """The network itself rewrites the subscription, within the request."""
    call.put(f"membership/{STRIPE_MEMBER}", {"amount": 60})
    (effect,) = network.state.gateway_calls
    assert (effect.kind, effect.id) == ("stripe_updated", STRIPE_MEMBER)
    assert effect.data["amount"] == "60.0000"
    assert effect.data["gateway_subscription_id"] == "sub_sandbox3"


@pytest.mark.parametrize("body", [{"status": "cancelled"}, {"gateway": "bridge"}])
def test_leaving_stripe_cancels_the_subscription(
    network: SandboxNetwork, call: Caller, body: dict[str, Any]
) -> None:
    """Cancelling, or another gateway, ends the subscription that was there before."""
    call.put(f"membership/{STRIPE_MEMBER}", body)
    (effect,) = network.state.gateway_calls
    assert effect.kind == "subscription_cancelled"
    assert effect.data["gateway_subscription_id"] == "sub_sandbox3"


def test_a_gateway_of_ours_is_left_alone(network: SandboxNetwork, call: Caller) -> None:
    """A slug that the plugin does not know has no side effects."""
    call.put(f"membership/{MANUAL_MEMBER}", {"gateway": "planbridge"})
    call.put(f"membership/{MANUAL_MEMBER}", {"amount": 5, "plan_id": PREMIUM_ID})
    assert call.get(f"membership/{MANUAL_MEMBER}")["gateway"] == "planbridge"
    assert network.state.gateway_calls == []


def test_the_free_gateway_is_dropped_when_the_price_changes(
    network: SandboxNetwork, call: Caller
) -> None:
    """A gateway that cannot change a subscription lets go; a change of plan alone it ignores."""
    call.put(f"membership/{FREE_MEMBER}", {"plan_id": PREMIUM_ID})
    assert call.get(f"membership/{FREE_MEMBER}")["gateway"] == "free"
    call.put(f"membership/{FREE_MEMBER}", {"amount": 49})
    assert call.get(f"membership/{FREE_MEMBER}")["gateway"] == ""
    assert network.state.effects_of("integration_dropped")


def test_deleting_a_stripe_membership_cancels_and_strips_its_sites(
    network: SandboxNetwork, call: Caller
) -> None:
    """Its site stays in place and has no limits at all."""
    (site,) = call.get(f"site?membership_id={STRIPE_MEMBER}")
    assert site["limitations"]
    assert call("DELETE", f"membership/{STRIPE_MEMBER}").json() == 1
    assert call.get(f"site/{site['id']}")["limitations"] == []
    assert [each.kind for each in network.state.gateway_calls] == ["subscription_cancelled"]


def test_the_same_values_again_fail_only_within_the_second(
    call: Caller, clock: MovingClock
) -> None:
    """ "Code 2" says that no row changed, not that anything is wrong."""
    body = {"times_billed": 7}
    assert call("PUT", f"membership/{MANUAL_MEMBER}", json=body).status_code == 200
    again = call("PUT", f"membership/{MANUAL_MEMBER}", json=body)
    assert again.status_code == 500
    assert "Code 2" in again.json()["message"]
    clock.advance()
    assert call("PUT", f"membership/{MANUAL_MEMBER}", json=body).status_code == 200


def test_meta_is_written_before_a_refusal(network: SandboxNetwork, call: Caller) -> None:
    """Meta named before an unknown field stays written; the other fields do not."""
    body = {"meta": {"note": "kept"}, "times_billed": 9, "nonsense": 1}
    answer = call("PUT", f"membership/{MANUAL_MEMBER}", json=body)
    assert answer.json()["code"] == "wu_rest_membership_invalid_set_method"
    assert network.state.meta("membership", MANUAL_MEMBER) == {"note": "kept"}
    assert call.get(f"membership/{MANUAL_MEMBER}")["times_billed"] == "1"


def test_a_refused_save_leaves_the_row_alone(network: SandboxNetwork, call: Caller) -> None:
    """A missing product, a bad status, several at once: nothing is stored."""
    before = call.get(f"membership/{MANUAL_MEMBER}")
    answer = call(
        "PUT",
        f"membership/{MANUAL_MEMBER}",
        data='{"plan_id": 99, "status": "bogus", "amount": 1}',
        headers={"content-type": "text/plain"},
    )
    assert (answer.status_code, answer.json()["code"]) == (500, "status")
    assert [each["code"] for each in answer.json()["additional_errors"]] == ["plan_id"]
    assert call.get(f"membership/{MANUAL_MEMBER}") == before


def test_what_is_echoed_is_not_what_is_stored(call: Caller) -> None:
    """Amounts are cut to four decimals, dates that are none become 1970."""
    path = f"membership/{MANUAL_MEMBER}"
    assert call.put(path, {"amount": 19.99999})["amount"] == 19.99999
    assert call.put(path, {"date_expiration": "soon"})["date_expiration"] == "soon"
    row = call.get(path)
    assert (row["amount"], row["date_expiration"]) == (20, "1970-01-01 00:00:00")


def test_a_trial_that_still_runs_makes_a_pending_membership_trialing(call: Caller) -> None:
    """Without an unpaid payment, and with a verified address."""
    body = {"status": "pending", "date_trial_end": "2026-12-24 23:59:59"}
    assert call.put(f"membership/{MANUAL_MEMBER}", body)["status"] == "trialing"


def test_every_save_leaves_an_audit_row(call: Caller) -> None:
    """The change feed names old and new values."""
    call.put(f"membership/{MANUAL_MEMBER}", {"plan_id": PREMIUM_ID, "amount": 49})
    (row,) = call.get(f"event?object_type=membership&object_id={MANUAL_MEMBER}&slug=changed")
    assert row["payload"]["plan_id"] == {"old_value": BASIC_ID, "new_value": PREMIUM_ID}
    assert row["payload"]["amount"] == {"old_value": 19.99, "new_value": 49}


def test_saving_a_site_reapplies_the_owners_role(network: SandboxNetwork, call: Caller) -> None:
    """Nothing but a save does it: after a change of plan the role waits for one."""
    call.put(f"membership/{MANUAL_MEMBER}", {"plan_id": FREE_ID})
    (site,) = call.get(f"site?membership_id={MANUAL_MEMBER}")
    assert network.state.effects_of("role_applied") == []
    call.put(f"site/{site['id']}", {"title": site["title"]})
    (applied,) = network.state.effects_of("role_applied")
    assert (applied.id, applied.data["role"]) == (site["id"], "editor")
    assert [each.id for each in network.state.effects_of("site_saved")] == [site["id"]]


def test_a_moved_site_gets_the_customer_of_its_new_membership(call: Caller) -> None:
    """And that membership's limits."""
    (site,) = call.get(f"site?membership_id={MANUAL_MEMBER}")
    call.put(f"site/{site['id']}", {"membership_id": STRIPE_MEMBER})
    moved = call.get(f"site/{site['id']}")
    assert moved["customer_id"] == "3"
    assert moved["limitations"]["disk_space"]["limit"] == 10240 * 3


def test_a_completed_payment_gets_an_invoice_number_once(
    network: SandboxNetwork, call: Caller
) -> None:
    """On creation here; a later save leaves the number alone."""
    body = {
        "customer_id": 1,
        "membership_id": 1,
        "status": "completed",
        "subtotal": 49,
        "total": 49,
        "invoice_number": 77,
        "gateway_payment_id": "pi_1",
    }
    made = call("POST", "payment", json=body).json()
    row = network.state.row("payment", made["id"])
    assert row is not None
    assert row["invoice_number"] == 1
    call.put(f"payment/{made['id']}", {"total": 48})
    assert network.state.settings["next_invoice_number"] == 2
