"""Delivering over real sockets: signed, again for a day, each endpoint for itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.domain.outgoing import EventType
from bridge.hooks.sender import PATIENCE, WAITS
from bridge.hooks.targets import Courier
from bridge.store.hooks import HookRepository, UnknownEndpoint, UnknownEventTypes
from bridge.store.outgoing import Fact, forget_old_events
from bridge.store.seals import Seal
from bridge.store.tables import DeliveryState
from tests.hooks.conftest import Operator
from tests.hooks.receiver import Receiver, Says, Taken
from tests.hooks.test_signing import verify

WORKER = Path(__file__).parent / "worker.py"


def fact(number: int = 1, event: EventType = EventType.CHANGE_PROVEN) -> Fact:
    return Fact(event, f"chg_{number}", 7, {"change": f"chg_{number}", "amount_due": 4900})


class TestADelivery:
    """What arrives."""

    def test_it_is_signed_and_says_what_happened(
        self, operator: Operator, receiver: Receiver
    ) -> None:
        """By the specification, verified as the README shows."""
        endpoint = operator.listen(receiver.url)
        operator.tell(fact())
        assert operator.sender().sweep() == 1
        [taken] = receiver.taken
        assert taken.path == "/events?from=planbridge"
        assert taken.headers["content-type"] == "application/json"
        assert taken.headers["user-agent"].startswith("planbridge/")
        assert taken.document == {
            "type": "change.proven",
            "timestamp": "2026-11-24T12:00:00.000Z",
            "data": {
                "network": "main",
                "membership": 7,
                "change": "chg_1",
                "amount_due": 4900,
            },
        }
        secret = operator.town.seal.open(endpoint.sealed_secret)
        now = operator.town.clock().timestamp()
        assert verify(secret, dict(taken.headers), taken.body, now=now)
        [(delivery, event)] = operator.deliveries()
        assert taken.headers["webhook-id"] == event.id
        assert delivery.state is DeliveryState.DELIVERED
        assert (delivery.status_code, delivery.answer) == (200, "thanks")

    def test_each_gets_what_it_wants(self, operator: Operator, receiver: Receiver) -> None:
        """One type, a room of them, or all."""
        with Receiver() as payments, Receiver() as one:
            operator.listen(receiver.url)
            operator.listen(payments.url, "payment.*", "drift.found")
            operator.listen(one.url, "change.proven")
            operator.tell(
                fact(1),
                fact(2, EventType.CHANGE_ACCEPTED),
                fact(3, EventType.PAYMENT_RECEIVED),
                fact(4, EventType.DRIFT_FOUND),
            )
            operator.sender().sweep()
            assert len(receiver.taken) == 4
            assert sorted(payments.types) == ["drift.found", "payment.received"]
            assert one.types == ["change.proven"]

    def test_a_fact_is_told_once(self, each_operator: Operator) -> None:
        """Type and subject make it one; without an endpoint nothing is kept."""
        assert each_operator.tell(fact()) == 0
        each_operator.listen("https://a.example/")
        assert each_operator.tell(fact(), fact()) == 1
        assert each_operator.tell(fact()) == 0
        assert len(each_operator.deliveries()) == 1

    def test_types_that_there_are_not(self, operator: Operator) -> None:
        """A typo is refused."""
        with pytest.raises(UnknownEventTypes, match=r"change\.done"):
            operator.listen("https://a.example/", "change.proven", "change.done")

    def test_an_endpoint_of_another_network_is_not_shown(self, operator: Operator) -> None:
        """Nor one that is gone."""
        endpoint = operator.listen("https://a.example/")
        with operator.town.session() as session:
            hooks = HookRepository(session)
            with pytest.raises(UnknownEndpoint):
                hooks.get(endpoint.id, network_id=operator.town.network_id + 1)
            hooks.remove(hooks.get(endpoint.id, network_id=operator.town.network_id))
            session.commit()
            with pytest.raises(UnknownEndpoint):
                hooks.get(endpoint.id)
        assert operator.deliveries() == []


class TestTrouble:
    """What happens when it is not taken."""

    @pytest.mark.parametrize("status", [301, 400, 404, 500, 503])
    def test_anything_but_2xx_is_tried_again(
        self, operator: Operator, receiver: Receiver, status: int
    ) -> None:
        """With the same id, a fresh signature, and the answer kept to look at."""
        endpoint = operator.listen(receiver.url)
        operator.tell(fact())
        receiver.answer = lambda _taken: Says(status, "not now")
        sender = operator.sender()
        assert sender.sweep() == 1
        [(delivery, _)] = operator.deliveries()
        assert delivery.state is DeliveryState.WAITING
        assert delivery.reason == f"it answered {status}"
        assert (delivery.status_code, delivery.answer) == (status, "not now")
        assert delivery.due_at == operator.town.clock() + timedelta(seconds=WAITS[0])
        assert operator.endpoint(endpoint.id).failing_since == operator.town.clock()
        assert sender.sweep() == 0
        operator.town.clock.pass_(seconds=WAITS[0])
        receiver.answer = lambda _taken: Says(204, "")
        assert sender.sweep() == 1
        first, second = receiver.taken
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
        assert first.body == second.body
        assert operator.deliveries()[0][0].state is DeliveryState.DELIVERED
        assert operator.endpoint(endpoint.id).failing_since is None

    def test_it_is_given_up_after_a_day(self, operator: Operator, receiver: Receiver) -> None:
        """About: 23 hours and 43 minutes."""
        assert timedelta(hours=23) < timedelta(seconds=sum(WAITS)) < timedelta(hours=25)
        operator.listen(receiver.url)
        operator.tell(fact())
        receiver.answer = lambda _taken: Says(500)
        sender = operator.sender()
        for wait in (*WAITS, 0):
            assert sender.sweep() == 1
            operator.town.clock.pass_(seconds=wait)
        [(delivery, _)] = operator.deliveries()
        assert delivery.state is DeliveryState.FAILED
        assert len(receiver.taken) == len(WAITS) + 1
        operator.town.clock.pass_(days=2)
        assert sender.sweep() == 0

    def test_a_receiver_says_when_to_come_again(
        self, operator: Operator, receiver: Receiver
    ) -> None:
        """But a day at most, and not sooner than we would."""
        operator.listen(receiver.url)
        for seconds, expected in (("600", 600), ("1", WAITS[0]), ("99999999", 86400)):
            operator.tell(fact(int(seconds)))
            receiver.answer = lambda _taken, s=seconds: Says(429, "", {"retry-after": s})
            operator.sender().sweep()
            delivery = operator.deliveries()[-1][0]
            wait = delivery.due_at - operator.town.clock()
            assert wait == timedelta(seconds=expected)

    def test_one_that_hangs_does_not_hold_up_another(
        self, operator: Operator, receiver: Receiver
    ) -> None:
        """It is left alone for the round, its other events stay untried."""
        operator.listen("http://127.0.0.1:9/")
        operator.listen(receiver.url)
        operator.tell(fact(1), fact(2), fact(3))
        assert operator.sender().sweep() == 4
        assert len(receiver.taken) == 3
        tried = [delivery.attempts for delivery, _ in operator.deliveries()]
        assert Counter(tried) == {1: 4, 0: 2}

    def test_gone_is_for_good(self, operator: Operator, receiver: Receiver) -> None:
        """410: the receiver wants nothing more, and the operator is told."""
        endpoint = operator.listen(receiver.url)
        operator.tell(fact(1), fact(2))
        receiver.answer = lambda _taken: Says(410)
        operator.sender().sweep()
        assert operator.endpoint(endpoint.id).disabled_why == "it answered 410 Gone"
        states = [delivery.state for delivery, _ in operator.deliveries()]
        assert states == [DeliveryState.FAILED, DeliveryState.HELD]
        operator.tell(fact(3))
        assert operator.deliveries()[-1][0].state is DeliveryState.HELD
        operator.town.clock.pass_(days=1)
        assert operator.sender().sweep() == 0
        with operator.town.session() as session:
            [(network, found)] = HookRepository(session).troubled()
        assert (network, found.id) == ("main", endpoint.id)

    def test_days_of_failure_switch_it_off(self, operator: Operator, receiver: Receiver) -> None:
        """Unless something was taken in between."""
        endpoint = operator.listen(receiver.url)
        receiver.answer = lambda _taken: Says(500)
        operator.tell(fact(1))
        operator.sender().sweep()
        operator.town.clock.pass_(days=PATIENCE.days - 1)
        operator.tell(fact(2))
        operator.sender().sweep()
        assert operator.endpoint(endpoint.id).enabled
        operator.town.clock.pass_(days=1)
        operator.sender().sweep()
        found = operator.endpoint(endpoint.id)
        assert not found.enabled
        assert found.disabled_why == "failing since 2026-11-24 12:00 UTC"
        with operator.town.session() as session:
            hooks = HookRepository(session)
            hooks.enable(hooks.get(endpoint.id), now=operator.town.clock())
            session.commit()
        assert operator.endpoint(endpoint.id).failing_since is None

    def test_it_does_not_go_inside_unless_it_may(
        self, operator: Operator, receiver: Receiver
    ) -> None:
        """Looked up at every delivery, not only when it was added."""
        operator.listen(receiver.url)
        operator.tell(fact())
        operator.sender(Courier()).sweep()
        assert receiver.taken == []
        [(delivery, _)] = operator.deliveries()
        assert "127.0.0.1 is a private address" in delivery.reason

    def test_a_secret_that_cannot_be_opened_is_not_tried_again(
        self, operator: Operator, receiver: Receiver
    ) -> None:
        """Nothing goes out unsigned."""
        operator.listen(receiver.url)
        operator.tell(fact())
        operator.town.seal = Seal([Seal.new_key()])
        operator.sender().sweep()
        assert receiver.taken == []
        assert operator.deliveries()[0][0].state is DeliveryState.FAILED


class TestReplay:
    """Sending again what is on record."""

    def test_by_id_and_by_time(self, operator: Operator, receiver: Receiver) -> None:
        """With the ids they had, so that a receiver may know them."""
        endpoint = operator.listen(receiver.url)
        for number in range(3):
            operator.tell(fact(number))
            operator.town.clock.pass_(hours=1)
        operator.sender().sweep()
        ids = [taken.headers["webhook-id"] for taken in receiver.taken]
        start = operator.town.clock() - timedelta(hours=3)
        with operator.town.session() as session:
            hooks = HookRepository(session)
            again = hooks.get(endpoint.id)
            now = operator.town.clock()
            assert hooks.replay(again, now=now, event_ids=[ids[2]]) == 1
            hour = timedelta(hours=1)
            assert hooks.replay(again, now=now, since=start + hour, until=start + 2 * hour) == 1
            session.commit()
        assert operator.sender().sweep() == 2
        sent = [taken.headers["webhook-id"] for taken in receiver.taken[3:]]
        assert sorted(sent) == sorted(ids[1:])

    def test_what_was_held_or_given_up(self, operator: Operator, receiver: Receiver) -> None:
        """After the receiver was put right."""
        endpoint = operator.listen(receiver.url)
        operator.tell(fact(1))
        operator.sender().sweep()
        operator.tell(fact(2))
        receiver.answer = lambda _taken: Says(410)
        operator.sender().sweep()
        operator.tell(fact(3))
        receiver.answer = lambda _taken: Says(200)
        with operator.town.session() as session:
            hooks = HookRepository(session)
            again = hooks.get(endpoint.id)
            hooks.enable(again, now=operator.town.clock())
            states = (DeliveryState.HELD, DeliveryState.FAILED)
            assert hooks.replay(again, now=operator.town.clock(), states=states) == 2
            session.commit()
        operator.sender().sweep()
        assert [delivery.state for delivery, _ in operator.deliveries()] == [
            DeliveryState.DELIVERED
        ] * 3

    def test_a_new_endpoint_can_be_told_of_before(
        self, operator: Operator, receiver: Receiver
    ) -> None:
        """What another one was told, as far as it wants it."""
        operator.listen("https://a.example/")
        operator.tell(fact(1), fact(2, EventType.DRIFT_FOUND))
        endpoint = operator.listen(receiver.url, "change.*")
        with operator.town.session() as session:
            hooks = HookRepository(session)
            since = operator.town.clock() - timedelta(hours=1)
            count = hooks.replay(hooks.get(endpoint.id), now=operator.town.clock(), since=since)
            session.commit()
        assert count == 1
        with operator.town.session() as session:
            found = HookRepository(session).deliveries(endpoint_id=endpoint.id)
        assert [event.type for _, event in found] == ["change.proven"]

    def test_after_a_month_events_are_forgotten(self, operator: Operator) -> None:
        """With their deliveries."""
        operator.listen("https://a.example/")
        operator.tell(fact(1))
        operator.town.clock.pass_(days=29)
        operator.tell(fact(2))
        operator.town.clock.pass_(days=2)
        with operator.town.session() as session:
            forget_old_events(session.connection(), now=operator.town.clock())
            session.commit()
        assert [event.subject for _, event in operator.deliveries()] == ["chg_2"]


class TestTogether:
    """Several senders, and one that is killed."""

    def test_two_senders_deliver_each_once(
        self, each_operator: Operator, receiver: Receiver
    ) -> None:
        """On both kinds of database, over the same heap."""
        each_operator.listen(receiver.url)
        each_operator.tell(*(fact(number) for number in range(40)))
        counts: list[int] = []
        threads = [
            threading.Thread(target=lambda: counts.append(each_operator.sender().sweep()))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(counts) == 40
        ids = [taken.headers["webhook-id"] for taken in receiver.taken]
        assert len(ids) == len(set(ids)) == 40

    def test_killed_in_the_middle_it_is_sent_again(
        self, operator: Operator, receiver: Receiver
    ) -> None:
        """With the same id, when the lease is over."""
        key = Seal.new_key()
        operator.town.seal = Seal([key])
        operator.listen(receiver.url)
        operator.tell(fact())
        workers: list[subprocess.Popen[bytes]] = []

        def kill(_taken: Taken) -> Says:
            os.kill(workers[0].pid, signal.SIGKILL)
            workers[0].wait()
            return Says()

        receiver.answer = kill
        database = operator.town.engine.url.render_as_string(hide_password=False)
        workers.append(
            subprocess.Popen(
                [sys.executable, str(WORKER), database, key, operator.town.clock().isoformat()]
            )
        )
        assert workers[0].wait(timeout=60) == -signal.SIGKILL
        [(delivery, _)] = operator.deliveries()
        assert (delivery.state, delivery.attempts) == (DeliveryState.WAITING, 1)
        receiver.answer = lambda _taken: Says()
        assert operator.sender().sweep() == 0
        operator.town.clock.pass_(minutes=2)
        assert operator.sender().sweep() == 1
        first, second = receiver.taken
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert operator.deliveries()[0][0].state is DeliveryState.DELIVERED
