"""Whole changes over real HTTP: paid, written, booked, saved, read back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from bridge.domain.quotes import ChangeKind
from bridge.network.client import Entity
from bridge.sandbox.example_limits import FREE, PREMIUM, UNLIMITED_VISITS
from bridge.sandbox.examples import (
    BASIC_ID,
    EXTRA_DISK_SPACE_ID,
    PREMIUM_ID,
    PRIORITY_SUPPORT_ID,
    UNLIMITED_VISITS_ID,
)
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.wire import Request
from bridge.store.changes import ChangeStandsInTheWay
from bridge.store.locks import Locked
from bridge.store.tables import ChangeState
from tests.upgrades.scene import FREE_MEMBERSHIP, LIMITS, QUICK, Scene, running, utc_now

DISK_OVERRIDE = {"disk_space": {"enabled": True, "limit": 333}}


def write_limits(scene: Scene, entity: Entity, row_id: int, row: dict[str, object]) -> None:
    with scene.client() as client:
        client.write_limits(entity, row_id, row)


class TestProven:
    def test_free_to_premium_over_real_http(self, scene: Scene) -> None:
        """One write of the membership with all fields, one payment, one save of each site."""
        change_id = scene.pay(scene.quote())
        with running(scene.engine()):
            change = scene.wait_for(change_id, ChangeState.PROVEN)
        writes = [
            (each.method, each.path.removeprefix("/wp-json/wu/v2/"))
            for each in scene.sandbox.journal.writes()
        ]
        assert writes == [
            ("PUT", "membership/1"),
            ("POST", "payment"),
            ("PUT", "site/3"),
            ("PUT", "site/4"),
        ]
        (put,) = scene.sandbox.journal.writes("/membership/")
        assert put.body == {
            "plan_id": PREMIUM_ID,
            "addon_products": {},
            "amount": 49,
            "initial_amount": 49,
            "duration": 1,
            "duration_unit": "month",
            "recurring": True,
            "status": "active",
            "date_expiration": change.target["date_expiration"][:19].replace("T", " "),
            "date_renewed": change.target["date_renewed"][:19].replace("T", " "),
        }
        (post,) = scene.sandbox.journal.writes("/payment")
        assert post.body["gateway_payment_id"] == "pi_1"
        assert (post.body["total"], post.body["status"]) == (49, "completed")
        assert change.proven_at >= change.applied_at >= change.paid_at
        assert "All 2 sites were read back" in change.reason

    def test_the_proof_shows_each_site_before_and_after(self, scene: Scene) -> None:
        change_id = scene.pay(scene.quote())
        with running(scene.engine()):
            scene.wait_for(change_id, ChangeState.PROVEN)
        sites = scene.steps(change_id)["proof", ""]["sites"]
        assert sorted(sites) == ["3", "4"]
        assert sites["3"]["before"]["visits"] == FREE["visits"]
        assert sites["3"]["after"]["visits"] == PREMIUM["visits"]
        assert sites["3"]["differences"] == []

    def test_the_mirror_follows_at_once(self, scene: Scene) -> None:
        change_id = scene.pay(scene.quote())
        with running(scene.engine()):
            scene.wait_for(change_id, ChangeState.PROVEN)
        after = scene.quote().basis
        assert (after["plan_id"], after["amount"], after["recurring"]) == (PREMIUM_ID, 4900, True)

    def test_addons_are_composed_too(self, scene: Scene) -> None:
        change_id = scene.pay(scene.quote(addons={EXTRA_DISK_SPACE_ID: 2}))
        with running(scene.engine()):
            scene.wait_for(change_id, ChangeState.PROVEN)
        (put,) = scene.sandbox.journal.writes("/membership/")
        assert put.body["addon_products"] == {str(EXTRA_DISK_SPACE_ID): 2}

    def test_a_membership_without_sites_is_proven_by_itself(self, scene: Scene) -> None:
        change_id = scene.pay(scene.quote(membership=7))
        with running(scene.engine()):
            change = scene.wait_for(change_id, ChangeState.PROVEN)
        assert "no sites" in change.reason

    def test_what_costs_nothing_books_no_payment(self, scene: Scene) -> None:
        change_id = scene.ask(scene.quote(due=0))
        with running(scene.engine()):
            scene.wait_for(change_id, ChangeState.PROVEN)
        assert scene.sandbox.journal.writes("/payment") == []

    def test_a_scheduled_change_begins_on_its_date(self, scene: Scene) -> None:
        """And leaves the expiration as it is: the next term begins with its own renewal."""
        due = utc_now() + timedelta(seconds=1.5)
        given = scene.quote(
            membership=2, plan=PREMIUM_ID, due=0, kind=ChangeKind.DOWNGRADE, effective_at=due
        )
        change_id = scene.ask(given)
        with running(scene.engine()):
            assert scene.change(change_id).state is ChangeState.SCHEDULED
            change = scene.wait_for(change_id, ChangeState.PROVEN)
        assert change.applied_at >= due
        (put,) = scene.sandbox.journal.writes("/membership/")
        expiration = given.basis["date_expiration"][:19].replace("T", " ")
        assert put.body["date_expiration"] == expiration

    def test_changes_of_several_memberships_run_beside_each_other(self, scene: Scene) -> None:
        ids = [
            scene.pay(scene.quote(membership=number), key=f"pi_{number}") for number in (1, 2, 5)
        ]
        with running(scene.engine()):
            for change_id in ids:
                scene.wait_for(change_id, ChangeState.PROVEN)
        assert len(scene.sandbox.journal.writes("/payment")) == 3


class TestApplied:
    def test_unknown_limits_end_without_proof_and_say_what_to_do(self, scene: Scene) -> None:
        """The package has no limits row in the store; proof follows once it has."""
        change_id = scene.pay(scene.quote(addons={UNLIMITED_VISITS_ID: 1}))
        with running(scene.engine()):
            change = scene.wait_for(change_id, ChangeState.APPLIED)
        assert "limits of Unlimited visits (1) are unknown" in change.reason
        assert "planbridge catalogue learn main" in change.reason
        assert not change.is_open

    def test_a_service_needs_no_limits_row_to_be_proven(self, scene: Scene) -> None:
        """The plugin has no limits tabs for services (domain/account-page.md no. 31)."""
        change_id = scene.pay(scene.quote(addons={PRIORITY_SUPPORT_ID: 1}))
        with running(scene.engine()):
            scene.wait_for(change_id, ChangeState.PROVEN)

    def test_retried_with_the_limits_known_it_is_proven(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        change_id = scene.pay(scene.quote(addons={UNLIMITED_VISITS_ID: 1}))
        engine = scene.engine()
        with running(engine):
            scene.wait_for(change_id, ChangeState.APPLIED)
            monkeypatch.setitem(LIMITS, UNLIMITED_VISITS_ID, UNLIMITED_VISITS)
            scene.know_limits(UNLIMITED_VISITS_ID)
            engine.retry(change_id)
            scene.wait_for(change_id, ChangeState.PROVEN)
        assert len(scene.sandbox.journal.writes("/payment")) == 1
        before = scene.steps(change_id)["proof", ""]["sites"]["3"]["before"]
        assert before["visits"] == FREE["visits"]

    def test_a_network_that_shows_no_limits_ends_applied_with_the_reason(
        self, old_scene: Scene
    ) -> None:
        change_id = old_scene.pay(old_scene.quote())
        with running(old_scene.engine()):
            change = old_scene.wait_for(change_id, ChangeState.APPLIED)
        assert "does not show the limits" in change.reason
        assert "companion plugin" in change.reason
        assert len(old_scene.sandbox.journal.writes("/site/")) == 2


class TestAttention:
    @pytest.mark.parametrize(
        ("entity", "row_id"), [(Entity.SITE, 4), (Entity.MEMBERSHIP, FREE_MEMBERSHIP)]
    )
    def test_an_override_that_hides_the_plan_is_named_and_once_gone_it_is_proven(
        self, scene: Scene, entity: Entity, row_id: int
    ) -> None:
        write_limits(scene, entity, row_id, DISK_OVERRIDE)
        change_id = scene.pay(scene.quote())
        engine = scene.engine()
        with running(engine):
            change = scene.wait_for(change_id, ChangeState.ATTENTION)
            assert "Site 4 (Site 4)" in change.reason
            assert "disk space" in change.reason
            assert "333" in change.reason
            assert "override" in change.reason
            write_limits(scene, entity, row_id, {})
            engine.retry(change_id)
            scene.wait_for(change_id, ChangeState.PROVEN)
        assert len(scene.sandbox.journal.writes("/payment")) == 1

    def test_a_waiting_change_is_woken_from_another_process(self, scene: Scene) -> None:
        """The command line's engine is not started; the running one tries again at once."""
        write_limits(scene, Entity.SITE, 4, DISK_OVERRIDE)
        change_id = scene.pay(scene.quote())
        patient = type(QUICK)(waits=(0.05, 3600), patience=2, stuck=3600)
        with running(scene.engine(backoff=patient)):
            scene.wait_for(change_id, ChangeState.ATTENTION)
            write_limits(scene, Entity.SITE, 4, {})
            scene.engine().retry(change_id)
            scene.wait_for(change_id, ChangeState.PROVEN)

    def test_wrong_credentials_wait_for_the_operator(self, scene: Scene) -> None:
        change_id = scene.pay(scene.quote())
        scene.sandbox.faults = lambda _: Fault(status=401)
        with running(scene.engine()):
            change = scene.wait_for(change_id, ChangeState.ATTENTION)
            assert change.is_open
            scene.sandbox.faults = lambda _: None
            scene.wait_for(change_id, ChangeState.PROVEN)

    def test_a_membership_changed_there_since_is_overwritten_on_the_operators_word_only(
        self, scene: Scene
    ) -> None:
        given = scene.quote()
        with scene.client() as client:
            client.update(Entity.MEMBERSHIP, FREE_MEMBERSHIP, {"plan_id": BASIC_ID})
        change_id = scene.pay(given)
        scene.sandbox.journal.clear()
        engine = scene.engine()
        with running(engine):
            change = scene.wait_for(change_id, ChangeState.ATTENTION)
            assert "other products" in change.reason
            assert scene.sandbox.journal.writes() == []
            engine.retry(change_id)
            scene.wait_for(change_id, ChangeState.PROVEN)


class TestRetried:
    def test_a_network_that_is_away_is_tried_until_it_is_back(self, scene: Scene) -> None:
        change_id = scene.pay(scene.quote())
        away = Event()
        away.set()
        scene.sandbox.faults = lambda _: Fault(status=503) if away.is_set() else None
        with running(scene.engine()):
            scene.wait_for(change_id, ChangeState.APPLYING, reason="maintenance")
            scene.wait_for(change_id, ChangeState.ATTENTION, reason="maintenance")
            away.clear()
            scene.wait_for(change_id, ChangeState.PROVEN)
        assert len(scene.sandbox.journal.writes("/payment")) == 1

    @pytest.mark.parametrize("drop", ["before", "after"])
    @pytest.mark.parametrize("method", ["PUT", "POST"])
    def test_a_write_whose_answer_is_lost_takes_effect_once(
        self, scene: Scene, method: str, drop: str
    ) -> None:
        lost: list[Request] = []

        def lose_the_first(request: Request) -> Fault | None:
            if request.method != method or lost:
                return None
            lost.append(request)
            return Fault(drop=drop)

        change_id = scene.pay(scene.quote())
        scene.sandbox.faults = lose_the_first
        with running(scene.engine(settle=0.3)):
            scene.wait_for(change_id, ChangeState.PROVEN)
        assert lost
        with scene.client() as client:
            assert len(client.find(Entity.PAYMENT, gateway_payment_id="pi_1")) == 1


class TestOnePerMembership:
    def test_two_changes_at_work_are_refused(self, scene: Scene) -> None:
        scene.ask(scene.quote(due=0))
        with pytest.raises(ChangeStandsInTheWay):
            scene.ask(scene.quote(due=0))

    def test_a_change_behind_the_fence_writes_nothing(self, scene: Scene) -> None:
        """A late worker of an older generation drops its write."""
        change_id = scene.pay(scene.quote())
        scene.raise_fence(FREE_MEMBERSHIP)
        with running(scene.engine()):
            scene.wait_for(change_id, ChangeState.SUPERSEDED)
        assert scene.sandbox.journal.writes() == []


class TestGoingOn:
    def test_what_was_waiting_goes_on_in_the_next_process(self, scene: Scene) -> None:
        change_id = scene.pay(scene.quote())
        scene.sandbox.faults = lambda _: Fault(status=503)
        with running(scene.engine()):
            scene.wait_for(change_id, ChangeState.ATTENTION)
        scene.sandbox.faults = lambda _: None
        with running(scene.engine()):
            scene.wait_for(change_id, ChangeState.PROVEN)

    def test_it_goes_on_though_the_engines_own_database_was_lost(
        self, scene: Scene, tmp_path
    ) -> None:
        change_id = scene.pay(scene.quote())
        scene.sandbox.faults = lambda request: (
            Fault(status=503) if request.method == "PUT" else None
        )
        with running(scene.engine()):
            scene.wait_for(change_id, ChangeState.ATTENTION)
        for file in tmp_path.glob("engine.sqlite*"):
            file.unlink()
        scene.sandbox.faults = lambda _: None
        with running(scene.engine()):
            scene.wait_for(change_id, ChangeState.PROVEN)
        assert len(scene.sandbox.journal.writes("/payment")) == 1


class TestOneEnginePerName:
    def test_a_second_engine_of_the_same_name_is_refused(self, scene: Scene) -> None:
        with running(scene.engine()), pytest.raises(Locked, match="test-1"):
            scene.engine().start()

    def test_the_name_is_free_again_after_a_stop(self, scene: Scene) -> None:
        for _ in range(2):
            with running(scene.engine()):
                pass


class TestPostgreSQL:
    def test_store_and_engine_may_be_one_postgresql_database(
        self, postgres_url: str, tmp_path: Path
    ) -> None:
        with SandboxNetwork() as network:
            scene = Scene(network, tmp_path, postgres_url)
            write_limits(scene, Entity.SITE, 4, DISK_OVERRIDE)
            change_id = scene.pay(scene.quote())
            with running(scene.engine()):
                scene.wait_for(change_id, ChangeState.ATTENTION)
                write_limits(scene, Entity.SITE, 4, {})
                scene.engine().retry(change_id)
                scene.wait_for(change_id, ChangeState.PROVEN)
            scene.store.dispose()
