"""Operators: appointed, let in, kept out; the last owner stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session

from bridge.errors import InvalidInput
from bridge.store.access import AccessRepository
from bridge.store.audit import AuditLog
from bridge.store.operators import (
    LastOwner,
    OperatorExists,
    OperatorRepository,
    UnknownOperator,
)
from bridge.store.passwords import WeakPassword
from bridge.store.tables import Operator, Role
from tests.conftest import NOW

PASSWORD = "correct horse battery staple"


@pytest.fixture
def operators(session: Session) -> OperatorRepository:
    return OperatorRepository(session)


@pytest.fixture
def owner(operators: OperatorRepository) -> Operator:
    return operators.add("owner@example.com", role=Role.OWNER, password=PASSWORD, now=NOW)


class TestAppointing:
    def test_an_address_is_one_whatever_its_case(self, operators: OperatorRepository) -> None:
        operators.add(" Somebody@Example.COM ", now=NOW)
        assert operators.get("somebody@example.com").email == "somebody@example.com"
        with pytest.raises(OperatorExists):
            operators.add("SOMEBODY@example.com", now=NOW)

    def test_after_a_taken_address_the_session_goes_on(
        self, operators: OperatorRepository, session: Session, owner: Operator
    ) -> None:
        """What was done in the same transaction before is not lost."""
        with pytest.raises(OperatorExists):
            operators.add(owner.email, now=NOW)
        session.commit()
        assert operators.find("owner@example.com") is not None

    @pytest.mark.parametrize("email", ["", "nobody", "a b@example.com", "@example.com", "a@b"])
    def test_what_is_no_address(self, operators: OperatorRepository, email: str) -> None:
        with pytest.raises(InvalidInput):
            operators.add(email, now=NOW)

    @pytest.mark.parametrize("password", ["elevenchars", "ababababababab", "x" * 1001])
    def test_weak_passwords(self, operators: OperatorRepository, password: str) -> None:
        with pytest.raises(WeakPassword):
            operators.add("weak@example.com", password=password, now=NOW)

    def test_nobody_of_that_address(self, operators: OperatorRepository) -> None:
        with pytest.raises(UnknownOperator):
            operators.get("nobody@example.com")


class TestPasswords:
    def test_the_right_one(self, operators: OperatorRepository, owner: Operator) -> None:
        assert operators.with_password("OWNER@example.com", PASSWORD) == owner
        assert operators.with_password("owner@example.com", PASSWORD + " ") is None
        assert owner.password_hash.startswith("$argon2id$")
        assert owner.password_hash not in repr(owner)

    def test_without_a_password_none_is_right(self, operators: OperatorRepository) -> None:
        operators.add("oidc@example.com", now=NOW)
        for guess in ("", "the password of nobody"):
            assert operators.with_password("oidc@example.com", guess) is None

    def test_a_new_one_ends_every_session(
        self, operators: OperatorRepository, owner: Operator, session: Session
    ) -> None:
        access = AccessRepository(session)
        token = access.open(now=NOW, lifetime=timedelta(hours=1), operator_id=owner.key)
        operators.set_password(owner, "another long phrase here")
        assert access.find(token, now=NOW) is None
        assert operators.with_password(owner.email, PASSWORD) is None


class TestIdentities:
    def test_first_by_address_then_by_subject(
        self, operators: OperatorRepository, owner: Operator
    ) -> None:
        assert operators.with_identity("iss|1", verified_email="Owner@example.com") == owner
        assert operators.with_identity("iss|1", verified_email="") == owner
        assert operators.with_identity("iss|2", verified_email="owner@example.com") is None

    def test_never_by_an_address_that_is_not_verified(
        self, operators: OperatorRepository, owner: Operator
    ) -> None:
        assert operators.with_identity("iss|1", verified_email="") is None


class TestOwners:
    def test_the_last_one_stays(self, operators: OperatorRepository, owner: Operator) -> None:
        with pytest.raises(LastOwner):
            operators.set_role(owner, Role.READER)
        with pytest.raises(LastOwner):
            operators.set_active(owner, False)
        operators.set_role(owner, Role.OWNER)

    def test_a_dismissed_owner_does_not_count(
        self, operators: OperatorRepository, owner: Operator
    ) -> None:
        other = operators.add("other@example.com", role=Role.OWNER, now=NOW)
        operators.set_active(other, False)
        with pytest.raises(LastOwner):
            operators.set_active(owner, False)
        operators.set_active(other, True)
        operators.set_active(owner, False)
        assert operators.with_password(owner.email, PASSWORD) is None


class TestAudit:
    def test_goes_with_the_deed(self, session: Session, operators: OperatorRepository) -> None:
        """Rolled back together: nothing is written down that was not done."""
        log = AuditLog(session)
        operators.add("gone@example.com", now=NOW)
        log.write("operator.add", actor="x", now=NOW, subject="gone@example.com")
        session.rollback()
        assert operators.find("gone@example.com") is None
        assert log.list() == []

    def test_is_filtered(self, session: Session) -> None:
        log = AuditLog(session)
        for number, action in enumerate(("change.retry", "change.revoke", "sign-in", "changexx")):
            log.write(action, actor=f"person {number % 2}", now=NOW, network="main")
        session.flush()
        assert [one.action for one in log.list(action="change.")] == [
            "change.revoke",
            "change.retry",
        ]
        assert len(log.list(actor="person 0")) == 2
        assert log.list(action="%") == []
