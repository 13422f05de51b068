"""What the operator is told of what could not go out."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.alarms import alarms
from bridge.hooks.signing import new_secret
from bridge.store.hooks import HookRepository
from tests.notices.post_box import PostBox
from tests.notices.town import Town


def heard(town: Town, *, has_mail: bool) -> Mapping[str, str]:
    return {name: ask() for name, ask in alarms(town.engine, town.clock, has_mail=has_mail).items()}


def test_all_is_well(town: Town) -> None:
    """Silence."""
    assert set(heard(town, has_mail=False).values()) == {""}


def test_notices_that_wait_for_a_mail_server(town: Town, box: PostBox) -> None:
    """Named with the setting that is missing."""
    town.switch()
    town.prove()
    assert "PLANBRIDGE_SMTP_HOST" in heard(town, has_mail=False)["notices"]
    assert heard(town, has_mail=True)["notices"] == ""
    box.handler.rcpt = lambda _address: "550 no such user"
    town.sender(box.office()).sweep()
    said = heard(town, has_mail=True)["notices"]
    assert said == "notices of main that could not be sent: 1 (planbridge notices list)"


def test_endpoints_that_were_switched_off(town: Town) -> None:
    """Named with the reason."""
    with town.session() as session:
        hooks = HookRepository(session)
        endpoint = hooks.add(
            town.network_id,
            "https://a.example/",
            types=(),
            secret=new_secret(),
            seal=town.seal,
            now=town.clock(),
        )
        hooks.disable(endpoint.id, why="it answered 410 Gone", now=town.clock())
        session.commit()
    said = heard(town, has_mail=True)["hooks"]
    assert endpoint.id in said
    assert "410 Gone" in said


def test_a_database_that_is_away_is_said(town: Town) -> None:
    """Not taken for silence."""
    with town.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE notices")
    assert heard(town, has_mail=True)["notices"].startswith("nobody knows")
