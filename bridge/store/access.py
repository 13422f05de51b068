"""Sign-in links and sessions of the pages: all queries on them."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from bridge.store.tables import UsedLink, WebSession

_SEEN_EVERY = timedelta(minutes=5)


class AccessRepository:
    """All queries on links and sessions. The caller commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def use_link(
        self, network_id: int, link_id: str, *, expires_at: datetime, now: datetime
    ) -> bool:
        """Take a link; False when it had been taken, whoever was first.

        Links that have expired are forgotten on the way.
        """
        self._session.execute(delete(UsedLink).where(col(UsedLink.expires_at) < now))
        try:
            with self._session.begin_nested():
                self._session.add(
                    UsedLink(
                        network_id=network_id, link_id=link_id, expires_at=expires_at, used_at=now
                    )
                )
        except IntegrityError:
            return False
        return True

    def open(
        self,
        *,
        now: datetime,
        lifetime: timedelta,
        network_id: int | None = None,
        customer_id: int | None = None,
        operator_id: int | None = None,
        language: str = "",
    ) -> str:
        """A new session for a customer or an operator; its token, which is kept nowhere."""
        self._session.execute(delete(WebSession).where(col(WebSession.expires_at) < now))
        token = secrets.token_urlsafe(32)
        self._session.add(
            WebSession(
                token_hash=_hash(token),
                network_id=network_id,
                customer_id=customer_id,
                operator_id=operator_id,
                language=language,
                created_at=now,
                seen_at=now,
                expires_at=now + lifetime,
            )
        )
        self._session.flush()
        return token

    def find(
        self, token: str, *, now: datetime, idle: timedelta | None = None
    ) -> WebSession | None:
        """The session of a token, unless it is over or was idle for longer than ``idle``."""
        found = self._session.get(WebSession, _hash(token))
        if found is None or found.expires_at <= now:
            return None
        if idle is not None and now - found.seen_at > idle:
            return None
        if now - found.seen_at > _SEEN_EVERY:
            found.seen_at = now
        return found

    def speak(self, token: str, language: str) -> None:
        """Keep the language that somebody chose; nothing happens when his session is over."""
        self._session.execute(
            update(WebSession)
            .where(col(WebSession.token_hash) == _hash(token))
            .values(language=language)
        )

    def close(self, token: str) -> None:
        """End a session; nothing happens when it is over."""
        self._session.execute(delete(WebSession).where(col(WebSession.token_hash) == _hash(token)))

    def close_all_of(self, operator_id: int) -> None:
        """End every session of an operator: after a new password, or a dismissal."""
        self._session.execute(delete(WebSession).where(col(WebSession.operator_id) == operator_id))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
