"""Sign-in links, sent to whoever asked for one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import orjson
from sqlmodel import Session, col, func, select

from bridge.domain.notices import NoticeKind
from bridge.store.notices import NoticeRepository
from bridge.store.seals import Seal
from bridge.store.tables import Network, Notice

MOST: Final = 3
WITHIN: Final = timedelta(minutes=15)
"""No more than so many links are sent to a customer in that time, however often he asks."""


class LinkMail:
    """Has links sent; what the pages need of the notices.

    ``ready`` is False where no mail server is set: then nobody can be sent anything.
    """

    def __init__(
        self,
        *,
        seal: Seal,
        clock: Callable[[], datetime],
        ready: bool,
        wake: Callable[[], None],
    ) -> None:
        self._seal = seal
        self._clock = clock
        self.ready = ready
        self.wake = wake

    def send(
        self,
        session: Session,
        network: Network,
        *,
        customer_id: int,
        email: str,
        url: str,
        expires_at: datetime,
        language: str = "",
    ) -> bool:
        """Have a link sent once the caller has committed, who then calls `wake`.

        As `send_link`; False as well where no mail server is set.
        """
        return self.ready and send_link(
            session,
            network,
            customer_id=customer_id,
            email=email,
            url=url,
            expires_at=expires_at,
            seal=self._seal,
            now=self._clock(),
            language=language,
        )


def send_link(
    session: Session,
    network: Network,
    *,
    customer_id: int,
    email: str,
    url: str,
    expires_at: datetime,
    seal: Seal,
    now: datetime,
    language: str = "",
) -> bool:
    """Have a sign-in link sent, when the caller commits; False when too many were asked for.

    ``email`` is where it goes: the address of his WordPress user, never the billing address.
    ``url`` is kept sealed until it was sent. ``language`` as the page was in, "" for the
    customer's own.
    """
    newest = session.exec(
        select(func.count())
        .select_from(Notice)
        .where(
            Notice.network_id == network.key,
            Notice.customer_id == customer_id,
            Notice.kind == NoticeKind.SIGN_IN,
            col(Notice.created_at) > now - WITHIN,
        )
    ).one()
    if newest >= MOST:
        return False
    minutes = max(1, round((expires_at - now).total_seconds() / 60))
    return NoticeRepository(session).note(
        network.key,
        NoticeKind.SIGN_IN,
        f"{customer_id}:{secrets.token_hex(8)}",
        now=now,
        customer_id=customer_id,
        facts={"email": email, "minutes": minutes, **({"language": language} if language else {})},
        sealed=seal.seal(orjson.dumps({"url": url}).decode()),
        useless_after=expires_at,
    )
