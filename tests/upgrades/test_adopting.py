"""Taking memberships over from the plugin's gateway: nothing is cancelled, at any moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from bridge.domain.adoption import Verdict
from bridge.errors import UnknownMembership
from bridge.payments.adoption import BilledAtStripe
from bridge.payments.situation import Billed, read_situation
from bridge.sandbox.releases import Release
from bridge.store.adoptions import NotAdopted
from bridge.store.locks import Locked, exclusive
from bridge.store.readers import load_membership
from bridge.store.tables import AdoptionState
from bridge.upgrades.adopting import Adopting
from bridge.upgrades.adoption_endpoints import EndpointNeeded
from tests.upgrades.adoption_scene import FREE, GATEWAY, MANUAL, ONE, TWO, AdoptionScene


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[AdoptionScene]:
    with AdoptionScene(tmp_path) as made:
        yield made


@pytest.fixture(params=list(Release))
def each_release(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AdoptionScene]:
    with AdoptionScene(tmp_path, request.param) as made:
        yield made


def assert_nothing_cancelled(lab: AdoptionScene) -> None:
    """No call of the network to a provider, and every subscription alive at Stripe."""
    assert lab.sandbox.state.gateway_calls == []
    assert [each["status"] for each in map(lab.subscription, (ONE, TWO))] == ["active", "active"]


def without_planbridge(subscription: Mapping[str, Any]) -> dict[str, Any]:
    metadata = subscription["metadata"]
    kept = {name: value for name, value in metadata.items() if not name.startswith("planbridge")}
    return {**subscription, "metadata": kept}


class TestTakingOver:
    def test_writes_only_what_the_plan_says(self, each_release: AdoptionScene) -> None:
        """auto_renew where it is off, metadata at Stripe, and not a thing more."""
        lab = each_release
        rows = {one: dict(lab.row(one)) for one in (ONE, TWO)}
        subscriptions = {one: lab.subscription(one) for one in (ONE, TWO)}
        lab.forget()
        outcomes = lab.run(ONE, TWO)
        assert [each.done for each in outcomes.values()] == [True, True]
        assert lab.asked_of_network() == [{"auto_renew": True}]
        assert lab.asked_of_stripe() == [
            ("POST", f"/v1/subscriptions/{subscriptions[one]['id']}") for one in (ONE, TWO)
        ]
        assert_nothing_cancelled(lab)
        for one in (ONE, TWO):
            now = lab.row(one)
            assert {name: now[name] for name in GATEWAY} == {n: rows[one][n] for n in GATEWAY}
            assert now["status"] == rows[one]["status"]
            assert lab.renews(one)
            assert without_planbridge(lab.subscription(one)) == subscriptions[one]
        assert lab.metadata(TWO) == {
            "planbridge_network": "main",
            "planbridge_membership": str(TWO),
            "planbridge_adopted": "stripe-checkout",
        }

    def test_the_plan_writes_nothing(self, each_release: AdoptionScene) -> None:
        plan = {each.membership_id: each for each in each_release.adopting().plan([ONE, TWO])}
        assert each_release.asked_of_network() == []
        assert each_release.asked_of_stripe() == []
        assert plan[ONE].writes == {}
        assert plan[TWO].writes == {"auto_renew": True}
        assert "Only auto_renew is written" in plan[TWO].reason
        assert "auto_renew is switched off again." in plan[TWO].way_back
        assert each_release.record(ONE) is None

    def test_afterwards_planbridge_finds_the_subscription_its_own(self, lab: AdoptionScene) -> None:
        """What was billed elsewhere is now what planbridge changes (and never doubles)."""
        lab.run(ONE)
        row = lab.row(ONE)
        side = lab.ground().stripe
        assert isinstance(side, BilledAtStripe)
        situation = read_situation(
            side._account,
            row["gateway_customer_id"],
            Billed("main", ONE, row["gateway"], row["gateway_subscription_id"]),
        )
        assert situation.subscription is not None
        assert situation.subscription.id == row["gateway_subscription_id"]

    def test_the_mirror_follows(self, lab: AdoptionScene) -> None:
        lab.run(TWO)
        with Session(lab.store) as session:
            assert load_membership(session, lab.scene.network_id, TWO).auto_renew

    def test_doing_it_again_does_nothing(self, lab: AdoptionScene) -> None:
        lab.run(ONE, TWO)
        first = lab.record(TWO)
        lab.forget()
        assert all(each.done for each in lab.run(ONE, TWO).values())
        assert lab.asked_of_network() == []
        assert lab.asked_of_stripe() == []
        assert lab.record(TWO) == first

    def test_what_somebody_took_away_is_put_back(self, lab: AdoptionScene) -> None:
        """And the way back still leads to how it was before the first time."""
        lab.run(TWO)
        lab.set(TWO, auto_renew=0)
        named = lab.row(TWO)["gateway_subscription_id"]
        lab.api.subscriptions.update(named, {"metadata": dict.fromkeys(lab.metadata(TWO), "")})
        assert lab.run(TWO)[TWO].done
        assert lab.metadata(TWO)["planbridge_network"] == "main"
        record = lab.record(TWO)
        assert record is not None
        assert record.before["auto_renew"] is False

    def test_every_step_is_written_down(self, lab: AdoptionScene) -> None:
        lab.run(TWO)
        names = [step.name for step in lab.steps(TWO)]
        assert names == ["taking", "writing", "marking", "proven", "adopted"]
        assert lab.steps(TWO)[0].detail["before"]["auto_renew"] is False

    def test_candidates_are_those_that_name_a_paying_gateway(self, lab: AdoptionScene) -> None:
        assert lab.adopting().candidates() == [TWO, ONE]

    def test_one_process_at_a_time(self, lab: AdoptionScene) -> None:
        purpose = f"adopt-{lab.scene.network_id}"
        with exclusive(lab.store, purpose, what="It"), pytest.raises(Locked):
            lab.run(ONE)

    def test_an_unknown_membership_is_told_before_anything_is_done(
        self, lab: AdoptionScene
    ) -> None:
        with pytest.raises(UnknownMembership):
            lab.run(ONE, 4711)
        assert lab.record(ONE) is None


class TestRefusing:
    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"gateway": "paypal", "gateway_subscription_id": "I-1"}, "agreement is PayPal's"),
            ({"gateway": "woocommerce"}, "not the plugin's own"),
            ({"gateway_subscription_id": ""}, "names no subscription"),
            ({"gateway_subscription_id": "sub_of_another_account"}, "has no subscription"),
            ({"gateway_customer_id": "cus_other"}, "network says cus_other"),
            ({"status": "pending"}, "never been paid"),
            ({"status": "cancelled"}, "would cancel that at Stripe"),
            ({"currency": "EUR"}, "the membership is in EUR"),
        ],
    )
    def test_what_cannot_be_made_safe_is_left_alone(
        self, lab: AdoptionScene, fields: dict[str, str], words: str
    ) -> None:
        """With the reason, and without a write anywhere; the next one goes on."""
        lab.set(TWO, **fields)
        outcomes = lab.run(TWO, ONE)
        assert not outcomes[TWO].done
        assert words in outcomes[TWO].reason
        assert outcomes[ONE].done
        assert lab.record(TWO) is None
        assert lab.asked_of_network() == []
        assert len(lab.asked_of_stripe()) == 1
        assert lab.sandbox.state.gateway_calls == []

    @pytest.mark.parametrize("membership", [FREE, MANUAL])
    def test_nothing_to_take(self, lab: AdoptionScene, membership: int) -> None:
        (adoption,) = lab.adopting().plan([membership])
        assert adoption.verdict is Verdict.LEAVE

    def test_a_cancelled_subscription(self, lab: AdoptionScene) -> None:
        lab.api.subscriptions.cancel(lab.row(TWO)["gateway_subscription_id"])
        assert "is canceled at Stripe" in lab.run(TWO)[TWO].reason

    def test_one_subscription_for_two_memberships(self, lab: AdoptionScene) -> None:
        lab.set(TWO, **{name: lab.row(ONE)[name] for name in GATEWAY})
        lab.scene.mirror()
        assert "also named by membership 2" in lab.run(ONE)[ONE].reason

    def test_two_live_subscriptions_for_one_membership(self, lab: AdoptionScene) -> None:
        """As the plugin leaves them behind when an add-on is bought (billing-stripe.md §5)."""
        customer = lab.row(ONE)["gateway_customer_id"]
        card = lab.subscription(ONE)["default_payment_method"]
        other = lab.subscribe(customer, ONE, 500, card)
        assert other in lab.run(ONE)[ONE].reason

    def test_one_that_planbridge_has_for_another_network(self, lab: AdoptionScene) -> None:
        """Several networks may share an account."""
        marks = {"planbridge_network": "other", "planbridge_membership": "9"}
        lab.api.subscriptions.update(
            lab.row(ONE)["gateway_subscription_id"], {"metadata": dict(marks)}
        )
        assert "is for membership 9 of network other" in lab.run(ONE)[ONE].reason
        assert lab.metadata(ONE) == marks

    def test_a_change_under_way(self, lab: AdoptionScene) -> None:
        change = lab.scene.pay(lab.scene.quote(membership=ONE))
        assert change in lab.run(ONE)[ONE].reason

    def test_a_plugin_without_keys(self, lab: AdoptionScene) -> None:
        """It would refuse every change that planbridge writes later."""
        lab.sandbox.state.set_setting("stripe_test_pk_key", "")
        assert "has no Stripe keys" in lab.run(ONE)[ONE].reason
        lab.sandbox.state.set_setting("stripe_test_pk_key", "pk_test_1")
        assert lab.run(ONE)[ONE].done

    def test_a_gateway_that_changes_between_reading_and_proving(self, lab: AdoptionScene) -> None:
        """It is told, stays begun, and is not taken for done."""

        class Interfering(BilledAtStripe):
            def mark(self, subscription_id: str, marks: Mapping[str, str], *, once: str) -> None:
                super().mark(subscription_id, marks, once=once)
                lab.set(TWO, gateway="manual")

        side = lab.ground().stripe
        assert isinstance(side, BilledAtStripe)
        ground = lab.ground(Interfering(side._account))
        (outcome,) = Adopting(ground).run([TWO])
        assert not outcome.done
        assert "gateway is 'manual'" in outcome.reason
        record = lab.record(TWO)
        assert record is not None
        assert record.state is AdoptionState.TAKING
        assert record.reason == outcome.reason


class TestTheWayBack:
    def test_leaves_both_sides_as_they_were(self, each_release: AdoptionScene) -> None:
        lab = each_release
        rows = {one: dict(lab.row(one)) for one in (ONE, TWO)}
        subscriptions = {one: lab.subscription(one) for one in (ONE, TWO)}
        lab.run(ONE, TWO)
        lab.forget()
        assert all(each.done for each in lab.revert(ONE, TWO).values())
        assert lab.asked_of_network() == [{"auto_renew": False}]
        assert_nothing_cancelled(lab)
        for one in (ONE, TWO):
            assert lab.subscription(one) == subscriptions[one]
            assert {**lab.row(one), "date_modified": ""} == {**rows[one], "date_modified": ""}
            record = lab.record(one)
            assert record is not None
            assert record.state is AdoptionState.REVERTED

    def test_there_and_back_and_there_again(self, lab: AdoptionScene) -> None:
        """Within Stripe's memory of idempotency keys."""
        for _ in range(2):
            assert lab.run(TWO)[TWO].done
            assert lab.metadata(TWO)["planbridge_network"] == "main"
            assert lab.revert(TWO)[TWO].done
            assert lab.metadata(TWO) == {}
            assert not lab.renews(TWO)
        assert_nothing_cancelled(lab)
        assert len({step.token for step in lab.steps(TWO)}) == 2

    def test_a_gateway_changed_since_is_left_alone(self, lab: AdoptionScene) -> None:
        lab.run(TWO)
        lab.set(TWO, gateway="manual")
        lab.forget()
        assert "changed on the network since" in lab.revert(TWO)[TWO].reason
        assert lab.asked_of_network() == []

    def test_not_while_a_change_is_under_way(self, lab: AdoptionScene) -> None:
        lab.run(ONE)
        change = lab.scene.pay(lab.scene.quote(membership=ONE))
        outcome = lab.revert(ONE)[ONE]
        assert (outcome.done, outcome.state) == (False, AdoptionState.ADOPTED)
        assert change in outcome.reason

    def test_what_was_never_taken_over(self, lab: AdoptionScene) -> None:
        with pytest.raises(NotAdopted):
            lab.revert(ONE)

    def test_a_membership_that_is_gone(self, lab: AdoptionScene) -> None:
        lab.run(TWO)
        lab.sandbox.state.remove("membership", TWO)
        assert "has deleted it" in lab.revert(TWO)[TWO].reason


class TestThePluginsEndpoint:
    def test_stays_enabled_as_long_as_the_plugin_bills_anybody(self, lab: AdoptionScene) -> None:
        lab.run(ONE)
        with pytest.raises(EndpointNeeded, match=rf"1 memberships \({TWO}\)"):
            lab.adopting().disable_endpoints()
        assert lab.listens()

    def test_a_checkout_under_way_needs_it_as_well(self, lab: AdoptionScene) -> None:
        lab.set(TWO, status="pending", gateway_subscription_id="")
        lab.run(ONE)
        with pytest.raises(EndpointNeeded):
            lab.adopting().disable_endpoints()

    def test_is_disabled_then_and_enabled_before_the_way_back(self, lab: AdoptionScene) -> None:
        lab.run(ONE, TWO)
        (disabled,) = lab.adopting().disable_endpoints()
        assert (disabled.id, lab.listens()) == (lab.endpoint, False)
        assert lab.adopting().disable_endpoints() == []
        lab.forget()
        lab.revert(ONE)
        assert lab.listens()
        assert lab.asked_of_stripe()[0] == ("POST", f"/v1/webhook_endpoints/{lab.endpoint}")
        assert_nothing_cancelled(lab)

    def test_only_the_networks_own_is_touched(self, lab: AdoptionScene) -> None:
        """Not planbridge's, and not that of another network on the same account."""
        for url in (
            f"{lab.sandbox.url}/hooks/stripe",
            "https://other.example.test/?wu-gateway=stripe",
        ):
            lab.api.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
        lab.run(ONE, TWO)
        assert [each.id for each in lab.adopting().disable_endpoints()] == [lab.endpoint]

    def test_one_that_the_operator_had_disabled_stays_so(self, lab: AdoptionScene) -> None:
        lab.api.webhook_endpoints.update(lab.endpoint, {"disabled": True})
        lab.run(ONE, TWO)
        assert lab.adopting().disable_endpoints() == []
        lab.revert(ONE)
        assert not lab.listens()
