"""Which operator is looking, and what he may do. Every route below ``/console`` asks here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request, Response
from sqlmodel import Session

from bridge.errors import InvalidInput
from bridge.store.access import AccessRepository
from bridge.store.audit import AuditLog
from bridge.store.operators import OperatorRepository
from bridge.store.tables import Operator, Role
from bridge.web.console.setup import ConsoleSetup, TheConsole
from bridge.web.pages.forms import SESSION_COOKIES
from bridge.web.pages.languages import Language, chosen
from bridge.web.pages.sessions import SignInNeeded
from bridge.web.pages.setup import PageSetup
from bridge.web.service import ASession, Clock, Service, TheService

COOKIE = SESSION_COOKIES[1]
PATH = "/console"
_RANK = {Role.READER: 0, Role.OPERATOR: 1, Role.OWNER: 2}


class NotAllowed(InvalidInput):
    """Your role does not allow this: it takes {role}."""

    hint = "An owner can change your role."
    status = 403


@dataclass(frozen=True, slots=True)
class Who:
    """The operator who is signed in, and in which language he reads."""

    operator: Operator
    language: Language
    token: str = field(repr=False)
    clock: Clock = field(repr=False)

    @property
    def email(self) -> str:
        """His address."""
        return self.operator.email

    @property
    def acts(self) -> bool:
        """Whether he may change anything."""
        return self.may(Role.OPERATOR)

    @property
    def owns(self) -> bool:
        """Whether he may appoint others."""
        return self.may(Role.OWNER)

    def may(self, role: Role) -> bool:
        """Whether his role is this one or a higher."""
        return _RANK[self.operator.role] >= _RANK[role]

    def audit(
        self,
        session: Session,
        action: str,
        *,
        network: str = "",
        membership_id: int | None = None,
        subject: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down what he does, in the transaction of the deed."""
        AuditLog(session).write(
            action,
            actor=self.email,
            now=self.clock(),
            network=network,
            membership_id=membership_id,
            subject=subject,
            detail=detail,
        )


def open_session(
    request: Request,
    response: Response,
    session: Session,
    service: Service,
    *,
    setup: PageSetup,
    operator: Operator,
    through: str,
) -> None:
    """Sign an operator in under a new token; an older session of the browser ends."""
    access = AccessRepository(session)
    access.close(request.cookies.get(COOKIE, ""))
    now = service.clock()
    token = access.open(now=now, lifetime=setup.session_lifetime, operator_id=operator.key)
    OperatorRepository(session).note_sign_in(operator, now=now)
    AuditLog(session).write(
        "sign-in",
        actor=operator.email,
        now=now,
        detail={"through": through, "from": caller(request)},
    )
    session.commit()
    response.set_cookie(
        COOKIE,
        token,
        path=PATH,
        max_age=int(setup.session_lifetime.total_seconds()),
        httponly=True,
        # The way back from a provider counts as one from another site, which Strict forbids.
        samesite="lax" if through == "oidc" else "strict",
        secure=setup.secure(request),
    )


def close_session(response: Response, session: Session, who: Who) -> None:
    """Sign an operator out."""
    AccessRepository(session).close(who.token)
    who.audit(session, "sign-out")
    session.commit()
    response.delete_cookie(COOKIE, path=PATH)


def caller(request: Request) -> str:
    """The address that a request comes from."""
    return request.client.host if request.client else ""


def signed_in(
    request: Request, session: Session, service: Service, console: ConsoleSetup
) -> Who | None:
    """The operator of the request's cookie; None when nobody is signed in (any more)."""
    token = request.cookies.get(COOKIE, "")
    if not token:
        return None
    found = AccessRepository(session).find(token, now=service.clock(), idle=console.idle)
    if found is None or found.operator_id is None:
        return None
    if session.dirty:
        session.commit()
    operator = OperatorRepository(session).by_id(found.operator_id)
    if operator is None or not operator.active:
        return None
    language = chosen(
        request.query_params.get("lang"), found.language, request.headers.get("accept-language")
    )
    request.state.language = language.code  # for the page of an error
    return Who(operator, language, token, service.clock)


def the_operator(
    request: Request, session: ASession, service: TheService, console: TheConsole
) -> Who:
    """The operator who is signed in, whatever his role.

    Raises:
        SignInNeeded: nobody is, or it has been too long.
    """
    who = signed_in(request, session, service, console)
    if who is None:
        back = request.url.path if request.method == "GET" else PATH
        query = f"?{request.url.query}" if request.method == "GET" and request.url.query else ""
        raise SignInNeeded(sign_in=f"{PATH}/sign-in?to={quote(back + query, safe='/')}")
    return who


def _acting(who: Annotated[Who, Depends(the_operator)]) -> Who:
    return _with(who, Role.OPERATOR)


def _owning(who: Annotated[Who, Depends(the_operator)]) -> Who:
    return _with(who, Role.OWNER)


def _with(who: Who, role: Role) -> Who:
    if not who.may(role):
        raise NotAllowed(role=role.value)
    return who


AReader = Annotated[Who, Depends(the_operator)]
"""Somebody who is signed in: he may look."""
AnActor = Annotated[Who, Depends(_acting)]
"""An operator or an owner: he may act."""
AnOwner = Annotated[Who, Depends(_owning)]
"""An owner: he may appoint others as well."""

SIGNED_IN = [Depends(the_operator)]
"""Of each section's router: it is asked before anything else, so that whoever is not signed in
learns nothing, not even whether a network is known."""
