"""Who may use the console: all queries on operators."""

from __future__ import annotations

import builtins
import re
from datetime import datetime

from sqlalchemy import func, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from bridge.errors import Conflict, InvalidInput, NotFound
from bridge.store import passwords
from bridge.store.access import AccessRepository
from bridge.store.tables import Operator, Role

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|[^@\s]+@localhost")


class UnknownOperator(NotFound):
    """There is no operator {email!r}."""

    hint = "`planbridge operator list` shows the known ones."


class OperatorExists(Conflict):
    """There is an operator {email!r} already."""

    hint = "Change the role or the password of the one that is there."


class LastOwner(Conflict):
    """{email} is the last owner: without one, nobody could appoint operators."""

    hint = "Make somebody else an owner first."


class OperatorRepository:
    """All queries on operators. The caller commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        email: str,
        *,
        name: str = "",
        role: Role = Role.OPERATOR,
        password: str = "",
        now: datetime,
    ) -> Operator:
        """Appoint an operator. Without a password, sign-in is by OIDC only.

        Raises:
            InvalidInput: not an e-mail address.
            WeakPassword: the password cannot be used.
            OperatorExists: the address is taken.
        """
        address = _address(email)
        if not _EMAIL.fullmatch(address) or len(address) > 254:
            raise InvalidInput(what=repr(email), why="expected an e-mail address")
        if self.find(address) is not None:
            raise OperatorExists(email=address)
        operator = Operator(
            email=address,
            name=name.strip()[:200],
            role=role,
            password_hash=passwords.hashed(password) if password else "",
            created_at=now,
        )
        self._session.add(operator)
        try:
            self._session.flush()
        except IntegrityError:  # somebody was faster
            self._session.rollback()
            raise OperatorExists(email=address) from None
        return operator

    def find(self, email: str) -> Operator | None:
        """The operator of an address, whatever its case, or None."""
        return self._session.exec(
            select(Operator).where(Operator.email == _address(email))
        ).one_or_none()

    def get(self, email: str) -> Operator:
        """The operator of an address.

        Raises:
            UnknownOperator: there is none.
        """
        operator = self.find(email)
        if operator is None:
            raise UnknownOperator(email=email)
        return operator

    def by_id(self, operator_id: int) -> Operator | None:
        """The operator of that id, or None."""
        return self._session.get(Operator, operator_id)

    def list(self) -> builtins.list[Operator]:
        """All operators, by address."""
        return [*self._session.exec(select(Operator).order_by(Operator.email))]

    def with_password(self, email: str, password: str) -> Operator | None:
        """The active operator of this address and password, or None.

        The same work is done for an address that nobody has. A hash made with older
        parameters is made anew.
        """
        operator = self.find(email)
        kept = operator.password_hash if operator is not None and operator.active else ""
        if not passwords.matches(kept, password) or operator is None:
            return None
        if passwords.outdated(kept):
            operator.password_hash = passwords.hashed(password)
            self._session.add(operator)
        return operator

    def with_identity(self, subject: str, *, verified_email: str) -> Operator | None:
        """The active operator whom an OIDC provider vouches for, or None.

        ``subject`` is ``issuer|subject``. Who comes for the first time is known by the
        address that the provider has verified, from then on by the subject alone.
        """
        operator = self._session.exec(
            select(Operator).where(Operator.oidc_subject == subject)
        ).one_or_none()
        if operator is None and verified_email:
            operator = self.find(verified_email)
            if operator is not None and operator.oidc_subject is not None:
                return None
        if operator is None or not operator.active:
            return None
        operator.oidc_subject = subject
        self._session.add(operator)
        return operator

    def note_sign_in(self, operator: Operator, *, now: datetime) -> None:
        """Note when an operator signed in last."""
        operator.signed_in_at = now
        self._session.add(operator)

    def set_password(self, operator: Operator, password: str) -> None:
        """Give a new password; every session of the operator ends.

        Raises:
            WeakPassword: it cannot be used.
        """
        operator.password_hash = passwords.hashed(password)
        self._session.add(operator)
        AccessRepository(self._session).close_all_of(operator.key)

    def set_role(self, operator: Operator, role: Role) -> None:
        """Give another role.

        Raises:
            LastOwner: nobody would be left to appoint operators.
        """
        if role is not Role.OWNER:
            self._require_another_owner(operator)
        operator.role = role
        self._session.add(operator)
        self._session.flush()

    def set_active(self, operator: Operator, active: bool) -> None:
        """Let somebody in again, or not any more: then every session ends.

        Raises:
            LastOwner: nobody would be left to appoint operators.
        """
        if not active:
            self._require_another_owner(operator)
            AccessRepository(self._session).close_all_of(operator.key)
        operator.active = active
        self._session.add(operator)
        self._session.flush()

    def _require_another_owner(self, operator: Operator) -> None:
        if operator.role is not Role.OWNER or not operator.active:
            return
        # A write first, so that two owners cannot dismiss each other at the same time.
        owners = (col(Operator.role) == Role.OWNER, col(Operator.active).is_(True))
        self._session.connection().execute(update(Operator).where(*owners).values(active=True))
        counted = select(func.count()).select_from(Operator).where(*owners)
        if self._session.exec(counted).one() <= 1:
            raise LastOwner(email=operator.email)


def _address(email: str) -> str:
    return email.strip().lower()
