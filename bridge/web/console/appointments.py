"""Who may use the console: owners appoint, dismiss and change roles."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bridge.errors import InvalidInput
from bridge.store.operators import OperatorRepository, UnknownOperator
from bridge.store.tables import Operator, Role
from bridge.web.console.frame import console_page, done
from bridge.web.console.sessions import SIGNED_IN, AnOwner
from bridge.web.pages.forms import OwnForm
from bridge.web.service import ASession, TheService

router = APIRouter(prefix="/console/operators", dependencies=SIGNED_IN)
_PATH = "/console/operators"


@router.get("")
def list_operators(request: Request, who: AnOwner, session: ASession) -> Response:
    """Everybody who may use the console."""
    context = {"operators": OperatorRepository(session).list(), "roles": [*Role]}
    return console_page(request, "operators.html", who, context, section="operators")


@router.post("")
def add_operator(who: AnOwner, form: OwnForm, session: ASession, service: TheService) -> Response:
    """Appoint somebody."""
    added = OperatorRepository(session).add(
        str(form.get("email", "")),
        name=str(form.get("name", "")),
        role=_role(str(form.get("role", ""))),
        password=str(form.get("password", "")),
        now=service.clock(),
    )
    who.audit(session, "operator.add", subject=added.email, detail={"role": added.role.value})
    session.commit()
    return done(_PATH, "added")


@router.post("/{operator_id}/role")
def change_role(who: AnOwner, operator_id: int, form: OwnForm, session: ASession) -> Response:
    """Give somebody another role."""
    operator = _operator(session, operator_id)
    before, role = operator.role, _role(str(form.get("role", "")))
    OperatorRepository(session).set_role(operator, role)
    detail = {"from": before.value, "to": role.value}
    who.audit(session, "operator.role", subject=operator.email, detail=detail)
    session.commit()
    return done(_PATH, "saved")


@router.post("/{operator_id}/active")
def change_active(who: AnOwner, operator_id: int, form: OwnForm, session: ASession) -> Response:
    """Dismiss somebody, or let him in again."""
    operator = _operator(session, operator_id)
    active = form.get("active") == "yes"
    OperatorRepository(session).set_active(operator, active)
    what = "operator.enable" if active else "operator.disable"
    who.audit(session, what, subject=operator.email)
    session.commit()
    return done(_PATH, "saved")


@router.post("/{operator_id}/password")
def give_password(who: AnOwner, operator_id: int, form: OwnForm, session: ASession) -> Response:
    """Give somebody a new password; his sessions end."""
    operator = _operator(session, operator_id)
    OperatorRepository(session).set_password(operator, str(form.get("password", "")))
    who.audit(session, "operator.password", subject=operator.email)
    session.commit()
    return done(_PATH, "saved")


def _operator(session: ASession, operator_id: int) -> Operator:
    found = OperatorRepository(session).by_id(operator_id)
    if found is None:
        raise UnknownOperator(email=operator_id)
    return found


def _role(text: str) -> Role:
    if text not in set(Role):
        raise InvalidInput(what="the role", why=f"expected one of {', '.join(Role)}")
    return Role(text)
