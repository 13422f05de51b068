"""Sign-in links by mail: to one address, sealed until sent, a few at a time."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from bridge.notices.links import MOST, LinkMail, send_link
from bridge.store.tables import Network, NoticeState
from tests.notices.post_box import PostBox
from tests.notices.town import ZOE, Town

URL = "https://plans.example.com/account/main/enter?token=very-secret-token"


def ask(town: Town, *, language: str = "", customer: int = ZOE) -> bool:
    with town.session() as session:
        sent = send_link(
            session,
            session.get_one(Network, town.network_id),
            customer_id=customer,
            email="zoe@example.com",
            url=URL,
            expires_at=town.clock() + timedelta(minutes=15),
            seal=town.seal,
            now=town.clock(),
            language=language,
        )
        session.commit()
    return sent


def test_the_link_arrives_without_any_switch(town: Town, box: PostBox) -> None:
    """Whoever asks gets it, in the language of the page."""
    assert ask(town, language="en")
    town.sender(box.office()).sweep()
    [mail] = box.mails
    assert mail["Subject"] == "Your sign-in link for Atelier Web"
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        assert URL in body.get_content()
        assert "within 15 minutes" in body.get_content()


def test_the_link_is_in_the_database_sealed_and_then_not_at_all(town: Town, box: PostBox) -> None:
    """Who reads the database or a backup of it cannot sign in."""
    ask(town)

    def dump() -> str:
        with town.engine.connect() as connection:
            return str(connection.execute(text("SELECT * FROM notices")).all())

    assert "very-secret-token" not in dump()
    assert town.notices()[0].sealed
    town.sender(box.office()).sweep()
    assert "very-secret-token" not in dump()
    [notice] = town.notices()
    assert (notice.state, notice.sealed) == (NoticeState.SENT, "")


def test_a_link_that_has_expired_is_not_sent(town: Town, box: PostBox) -> None:
    """The customer asks again; nothing is left of it."""
    ask(town)
    town.clock.pass_(minutes=15, seconds=1)
    town.sender(box.office()).sweep()
    assert box.mails == []
    [notice] = town.notices()
    assert (notice.state, notice.sealed) == (NoticeState.DROPPED, "")


def test_nobody_can_fill_somebodys_mailbox(town: Town) -> None:
    """Three in a quarter of an hour; others are not held up."""
    assert [ask(town) for _ in range(MOST + 2)] == [True] * MOST + [False] * 2
    assert ask(town, customer=99)
    town.clock.pass_(minutes=15, seconds=1)
    assert ask(town)


def test_the_pages_know_whether_there_is_a_mail_server(town: Town) -> None:
    """Without one nothing is promised, and nothing is kept."""
    woken: list[bool] = []
    for ready in (False, True):
        links = LinkMail(
            seal=town.seal, clock=town.clock, ready=ready, wake=lambda: woken.append(True)
        )
        with town.session() as session:
            sent = links.send(
                session,
                session.get_one(Network, town.network_id),
                customer_id=ZOE,
                email="zoe@example.com",
                url=URL,
                expires_at=town.clock() + timedelta(minutes=15),
            )
            session.commit()
        links.wake()
        assert (links.ready, sent) == (ready, ready)
        assert len(town.notices()) == int(ready)
    assert woken == [True, True]
