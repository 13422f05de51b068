"""The writer: one commit for all that wait, an answer only after it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, event

from bridge.store.events import EventRepository, NewEvent
from bridge.store.tables import EventState
from webhooks.dispatch import Dispatcher
from webhooks.endpoints import EndpointInfo, Endpoints
from webhooks.inbox import EventNotStored, Inbox, InboxClosed, InboxFull, Receipt

from .delivery import NOW, QUOTE_KEY, add_network, stored


def an_event(number: int, *, network_id: int = 1) -> NewEvent:
    """An event like any other."""
    return NewEvent(
        network_id=network_id,
        account="acct_1",
        event_id=f"evt_{number}",
        type="customer.updated",
        api_version="",
        livemode=False,
        payload=b'{"data": {"object": {}}}',
        created=NOW,
        received_at=NOW,
    )


@contextmanager
def transactions_counted(engine: Engine) -> Iterator[list[int]]:
    """How often something is made safe: a commit, or on PostgreSQL a statement by itself."""
    made: list[int] = []

    def count(*_: object) -> None:
        made.append(1)

    name = "after_cursor_execute" if engine.dialect.name == "postgresql" else "commit"
    event.listen(engine, name, count)
    yield made
    event.remove(engine, name, count)


async def deliver_all(inbox: Inbox, events: list[NewEvent]) -> list[Receipt | BaseException]:
    """Deliver all events before the writer starts, so that they wait together."""
    waiting = [asyncio.create_task(inbox.deliver(one)) for one in events]
    await asyncio.sleep(0)
    inbox.start()
    return await asyncio.gather(*waiting, return_exceptions=True)


def test_all_who_wait_share_one_commit(engine: Engine) -> None:
    """Fifty requests, one transaction, fifty answers."""
    add_network(engine)
    inbox = Inbox(engine)
    with transactions_counted(engine) as made:
        answers = asyncio.run(deliver_all(inbox, [an_event(number) for number in range(50)]))
        inbox.close()
    assert answers == [Receipt(duplicate=False)] * 50
    assert len(made) == 1
    assert len(stored(engine)) == 50


def test_the_same_event_twice_in_one_commit_is_one_row(engine: Engine) -> None:
    """Of those who wait together, the first is new and the others are duplicates."""
    add_network(engine)
    inbox = Inbox(engine)
    answers = asyncio.run(deliver_all(inbox, [an_event(1)] * 10 + [an_event(2)]))
    inbox.close()
    new, again = Receipt(duplicate=False), Receipt(duplicate=True)
    assert answers == [new] + [again] * 9 + [new]
    assert {row.event_id for row in stored(engine)} == {"evt_1", "evt_2"}


def test_among_many_the_known_ones_are_told_apart(engine: Engine) -> None:
    """In whatever order and in more than one statement: known, new, known, new."""
    add_network(engine)
    inbox = Inbox(engine)
    known = range(0, 300, 3)
    asyncio.run(deliver_all(inbox, [an_event(number) for number in known]))
    answers = asyncio.run(deliver_all(inbox, [an_event(number) for number in range(300)]))
    again = asyncio.run(deliver_all(inbox, [an_event(number) for number in range(300)]))
    inbox.close()
    assert answers == [Receipt(duplicate=number in known) for number in range(300)]
    assert again == [Receipt(duplicate=True)] * 300
    assert len(stored(engine)) == 300


def test_a_database_that_was_away_costs_nobody_an_answer(engine: Engine) -> None:
    """The server ended the writer's connection between two events: the second is stored, too."""
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no server")
    add_network(engine)
    inbox = Inbox(engine)
    assert asyncio.run(deliver_all(inbox, [an_event(1)])) == [Receipt(duplicate=False)]
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with engine.connect() as connection:
        ended = connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid, 5000) {others}")
        assert True in ended.scalars().all()
    assert asyncio.run(deliver_all(inbox, [an_event(2)])) == [Receipt(duplicate=False)]
    inbox.close()
    assert len(stored(engine)) == 2


def test_a_loop_that_ended_leaves_the_writer_to_the_next(engine: Engine) -> None:
    """Its client left before the writer was called; the next loop's event takes it along."""
    add_network(engine)
    inbox = Inbox(engine)
    inbox.start()
    left = asyncio.new_event_loop()
    leaving = inbox.deliver(an_event(1))
    left.call_soon(leaving.send, None)
    left.call_soon(left.stop)
    left.run_forever()
    leaving.close()
    left.close()
    assert asyncio.run(deliver_all(inbox, [an_event(2)])) == [Receipt(duplicate=False)]
    inbox.close()
    assert {row.event_id for row in stored(engine)} == {"evt_1", "evt_2"}


def test_the_same_id_on_two_accounts_is_two_events(engine: Engine) -> None:
    """Ids are unique within an account."""
    add_network(engine)
    inbox = Inbox(engine)
    pair = [an_event(1), replace(an_event(1), account="acct_2")]
    assert asyncio.run(deliver_all(inbox, pair)) == [Receipt(duplicate=False)] * 2
    inbox.close()
    assert len(stored(engine)) == 2


def test_one_event_that_cannot_be_stored_does_not_spoil_the_others(engine: Engine) -> None:
    """Its network was removed a moment ago: it is refused, the rest are stored."""
    add_network(engine)
    inbox = Inbox(engine)
    events = [an_event(1), an_event(2, network_id=99), an_event(3)]
    first, second, third = asyncio.run(deliver_all(inbox, events))
    inbox.close()
    assert first == third == Receipt(duplicate=False)
    assert isinstance(second, EventNotStored)
    assert "evt_2" not in str(second)
    assert {row.event_id for row in stored(engine)} == {"evt_1", "evt_3"}


def test_the_writer_outlives_whatever_goes_wrong(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for ever: those in hand are refused, the next are stored."""
    add_network(engine)
    inbox = Inbox(engine, on_stored=lambda: 1 // 0)  # type: ignore[arg-type,return-value]

    def broken(*_: object) -> set[tuple[str, str]]:
        message = "not an error of the database"
        raise RuntimeError(message)

    with monkeypatch.context() as patch:
        patch.setattr(EventRepository, "insert_new", broken)
        (answer,) = asyncio.run(deliver_all(inbox, [an_event(1)]))
    assert isinstance(answer, EventNotStored)
    for number in (1, 2):
        assert asyncio.run(deliver_all(inbox, [an_event(number)])) == [Receipt(duplicate=False)]
    inbox.close()


def test_a_full_inbox_refuses_and_what_waits_is_written_on_close(engine: Engine) -> None:
    """503 for one too many; a graceful stop writes the others first."""
    add_network(engine)
    inbox = Inbox(engine, capacity=3)

    async def run() -> list[Receipt | BaseException]:
        waiting = [asyncio.create_task(inbox.deliver(an_event(number))) for number in range(4)]
        await asyncio.sleep(0)
        await asyncio.to_thread(inbox.close)
        return await asyncio.gather(*waiting, return_exceptions=True)

    *answers, refused = asyncio.run(run())
    assert answers == [Receipt(duplicate=False)] * 3
    assert isinstance(refused, InboxFull)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
    assert len(stored(engine)) == 3


def test_a_closed_inbox_takes_nothing(engine: Engine) -> None:
    """It says so instead of letting the client wait."""
    inbox = Inbox(engine)
    inbox.start()
    inbox.close()
    with pytest.raises(InboxClosed):
        asyncio.run(inbox.deliver(an_event(1)))


def test_a_client_that_left_does_not_undo_its_event(engine: Engine) -> None:
    """The event is stored all the same, and the writer goes on."""
    add_network(engine)
    inbox = Inbox(engine)
    inbox.start()

    async def run() -> Receipt:
        leaving = asyncio.create_task(inbox.deliver(an_event(1)))
        await asyncio.sleep(0)
        leaving.cancel()
        return await inbox.deliver(an_event(2))

    assert asyncio.run(run()) == Receipt(duplicate=False)
    inbox.close()
    assert {row.event_id for row in stored(engine)} == {"evt_1", "evt_2"}


STORE_AND_WAIT = """
import asyncio, signal, sys
from datetime import UTC, datetime
from bridge.store.engine import make_engine
from bridge.store.events import NewEvent
from webhooks.inbox import Inbox

now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
event = NewEvent(1, "acct_1", "evt_1", "customer.updated", "", False, b"{}", now, now)
inbox = Inbox(make_engine(sys.argv[1]))
inbox.start()
asyncio.run(inbox.deliver(event))
print("stored", flush=True)
signal.pause()
"""


def test_an_event_acknowledged_before_a_kill_is_handled_after_it(engine: Engine) -> None:
    """kill -9 between the commit and the handling: the row is there, the next start takes it."""
    add_network(engine)
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", STORE_AND_WAIT, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stored\n"
        process.kill()
    assert [row.state for row in stored(engine)] == [EventState.WAITING]
    now = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
    worker = Dispatcher(engine, clock=lambda: now, wake=lambda _: None, quote_key=QUOTE_KEY)
    assert worker.run_due() == 1
    assert [row.state for row in stored(engine)] == [EventState.IGNORED]


def test_endpoints_are_read_once_until_they_age_or_are_invalidated() -> None:
    """A rotated secret is known after the ttl, or at once when somebody says so."""
    secrets = [("old",), ("new",), ("newest",)]
    reads: list[int] = []
    now = [0.0]

    def load() -> list[EndpointInfo]:
        reads.append(1)
        return [EndpointInfo(network_id=1, name="main", secrets=secrets[len(reads) - 1])]

    table = Endpoints(load, ttl=10, monotonic=lambda: now[0])

    async def secret(name: str = "main") -> tuple[str, ...] | None:
        found = await table.find(name)
        return found.secrets if found else None

    async def run() -> None:
        assert await asyncio.gather(*(secret() for _ in range(5))) == [("old",)] * 5
        assert await secret("other") is None
        now[0] = 9.9
        assert await secret() == ("old",)
        now[0] = 10.0
        assert await secret() == ("new",)
        table.invalidate()
        assert await secret() == ("newest",)

    asyncio.run(run())
    assert len(reads) == 3


def test_secrets_are_not_shown() -> None:
    """Not in a repr that ends up in a log."""
    assert "whsec" not in repr(EndpointInfo(network_id=1, name="main", secrets=("whsec_x",)))
