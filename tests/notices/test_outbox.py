"""What is to be told: once, from the moment it was switched on, in the commit of its fact."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from bridge.domain.notices import NoticeKind
from bridge.store.changes import ChangeRepository
from bridge.store.notices import InvalidSender, NoticeNotRetried, NoticeRepository, UnknownNotice
from bridge.store.tables import ChangeState, NoticeState
from tests.notices.town import Town

DONE = NoticeKind.CHANGE_DONE


def test_nothing_is_told_before_it_is_switched_on(each_town: Town) -> None:
    """A new network's customers get no mails by surprise."""
    each_town.prove()
    assert each_town.notices() == []


def test_a_proven_change_is_told_once(each_town: Town) -> None:
    """Proven again after a retry, it is the same fact."""
    each_town.switch()
    change_id = each_town.prove()
    each_town.move(change_id, ChangeState.PROVING)
    each_town.move(change_id, ChangeState.PROVEN)
    assert [(one.kind, one.subject, one.membership_id) for one in each_town.notices()] == [
        (DONE, change_id, 1)
    ]


def test_a_fact_that_is_rolled_back_is_not_told(each_town: Town) -> None:
    """Notice and fact are one commit."""
    each_town.switch()
    change_id = each_town.change()
    with each_town.session() as session:
        ChangeRepository(session).move(
            change_id,
            to=ChangeState.PROVEN,
            came_from=(ChangeState.PROVING,),
            now=each_town.clock(),
        )
        session.rollback()
    assert each_town.notices() == []


def test_what_happened_before_the_switch_is_not_told(town: Town) -> None:
    """Nor what happened between off and on again; switching on twice changes nothing."""
    assert not town.note(DONE, "a")
    town.clock.pass_(hours=1)
    town.switch(DONE)
    before = town.clock() - timedelta(minutes=1)
    assert not town.note(DONE, "b", happened_at=before)
    town.clock.pass_(hours=1)
    town.switch(DONE)
    assert town.note(DONE, "c", happened_at=town.clock() - timedelta(minutes=30))
    town.switch(DONE, is_on=False)
    assert not town.note(DONE, "d")
    town.clock.pass_(hours=1)
    town.switch(DONE)
    assert not town.note(DONE, "e", happened_at=town.clock() - timedelta(minutes=1))


def test_switches_are_for_one_kind_of_one_network(town: Town) -> None:
    """Another kind stays as it was."""
    town.switch(NoticeKind.LIMIT)
    assert not town.note(DONE, "a")
    assert town.note(NoticeKind.LIMIT, "a")


def test_two_who_note_the_same_fact_leave_one(each_town: Town) -> None:
    """The database decides who was first."""
    each_town.switch()
    noted: list[bool] = []

    def note() -> None:
        noted.append(each_town.note(DONE, "the same"))

    threads = [threading.Thread(target=note) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(noted) == [False] * 5 + [True]
    assert len(each_town.notices()) == 1


def test_a_notice_is_held_by_one(each_town: Town) -> None:
    """Until its lease is over, or it was let go."""
    each_town.switch()
    each_town.note(DONE, "a")
    now = each_town.clock()
    with each_town.session() as session:
        notices = NoticeRepository(session)
        [notice_id] = notices.due(now)
        until = now + timedelta(minutes=5)
        assert notices.claim(notice_id, now=now, until=until) is not None
        assert notices.claim(notice_id, now=now, until=until) is None
        assert notices.due(now + timedelta(minutes=4)) == []
        assert notices.due(until) == [notice_id]


def test_who_lost_the_hold_cannot_write(town: Town) -> None:
    """A sender that slept through its lease must not undo what the next one noted."""
    town.switch()
    town.note(DONE, "a")
    now = town.clock()
    with town.session() as session:
        notices = NoticeRepository(session)
        first = notices.claim(1, now=now, until=now)
        assert first is not None
        session.expunge(first)
        second = notices.claim(1, now=now, until=now + timedelta(minutes=5))
        assert second is not None
        assert not notices.save(first, now=now, state=NoticeState.ATTENTION)
        assert notices.save(second, now=now, state=NoticeState.SENT)


def test_only_what_was_not_sent_can_be_retried(town: Town) -> None:
    """A customer is not told twice by a slip of the operator."""
    town.switch()
    town.note(DONE, "a")
    town.note(NoticeKind.SIGN_IN, "b", customer_id=1)
    with town.session() as session:
        notices = NoticeRepository(session)
        again = notices.retry(1, now=town.clock())
        assert again.state is NoticeState.WAITING
        again.state = NoticeState.SENT
        session.flush()
        with pytest.raises(NoticeNotRetried, match="sent"):
            notices.retry(1, now=town.clock())
        with pytest.raises(NoticeNotRetried, match="a link that is gone"):
            notices.retry(2, now=town.clock())
        with pytest.raises(UnknownNotice):
            notices.retry(3, now=town.clock())


def test_a_retry_gives_news_another_week_but_not_a_renewal(town: Town) -> None:
    """That a plan will be renewed last month is no news."""
    town.switch()
    town.note(DONE, "a")
    town.note(NoticeKind.RENEWAL_AHEAD, "b", useless_after=town.clock() + timedelta(days=3))
    town.clock.pass_(days=30)
    with town.session() as session:
        for key in (1, 2):
            NoticeRepository(session).retry(key, now=town.clock())
        session.commit()
    done, renewal = town.notices()
    assert done.useless_after == town.clock() + timedelta(days=7)
    assert renewal.useless_after < town.clock()


@pytest.mark.parametrize(
    "address", ["nobody", "a@b@c", "a b@c.de", "a@b.de\r\nBcc: x@y.z", "<a@b.de>"]
)
def test_a_sender_is_an_address(town: Town, address: str) -> None:
    """Nothing can be smuggled into a header."""
    with town.session() as session, pytest.raises(InvalidSender):
        NoticeRepository(session).set_profile(town.network_id, from_address=address)


def test_old_notices_are_forgotten(town: Town) -> None:
    """What waits for somebody stays."""
    town.switch()
    for subject in "abc":
        town.note(DONE, subject)
    with town.session() as session:
        for key, state in ((1, NoticeState.SENT), (2, NoticeState.ATTENTION)):
            notice = NoticeRepository(session).get(key)
            notice.state = state
            session.add(notice)
        session.flush()
        NoticeRepository(session).forget_old(town.clock() + timedelta(days=181))
        session.commit()
    assert [one.subject for one in town.notices()] == ["b", "c"]
