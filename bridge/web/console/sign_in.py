"""Signing in with a password or through a provider, and signing out."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from bridge.errors import PlanbridgeError
from bridge.store.audit import AuditLog
from bridge.store.operators import OperatorRepository
from bridge.store.seals import Seal, SealBroken
from bridge.web.console.attempts import TooManyAttempts, take_attempt
from bridge.web.console.frame import own_path
from bridge.web.console.oidc import Begun, OidcProvider, SignInRefused
from bridge.web.console.sessions import (
    AReader,
    caller,
    close_session,
    open_session,
    signed_in,
)
from bridge.web.console.setup import ConsoleSetup, TheConsole
from bridge.web.pages.forms import OwnForm
from bridge.web.pages.guard import policy
from bridge.web.pages.languages import chosen
from bridge.web.pages.setup import PageSetup, TheSetup
from bridge.web.pages.templates import page
from bridge.web.service import ASession, TheService

router = APIRouter(prefix="/console")

_BEGUN = "planbridge_oidc"
_BEGUN_PATH = "/console/oidc"
_MINUTES = 10


@router.get("/sign-in")
def sign_in_page(
    request: Request, session: ASession, service: TheService, console: TheConsole, to: str = ""
) -> Response:
    """Ask who it is; who is signed in goes on."""
    if signed_in(request, session, service, console) is not None:
        return RedirectResponse(own_path(to), status_code=303)
    return _asked(request, console, to=to)


@router.post("/sign-in")
def sign_in(
    request: Request,
    form: OwnForm,
    session: ASession,
    service: TheService,
    console: TheConsole,
    setup: TheSetup,
) -> Response:
    """Sign in with address and password. Whatever is wrong, the answer is the same."""
    email, password = (
        str(form.get("email", "")).strip().lower()[:254],
        str(form.get("password", "")),
    )
    to = str(form.get("to", ""))
    try:
        take_attempt(service, caller=caller(request), account=email)
    except TooManyAttempts:
        return _asked(request, console, to=to, email=email, trouble="many", status=429)
    operators = OperatorRepository(session)
    operator = operators.with_password(email, password)
    if operator is None:
        AuditLog(session).write(
            "sign-in.refused", actor=email, now=service.clock(), detail={"from": caller(request)}
        )
        session.commit()
        return _asked(request, console, to=to, email=email, trouble="wrong", status=403)
    response = RedirectResponse(own_path(to), status_code=303)
    open_session(
        request, response, session, service, setup=setup, operator=operator, through="password"
    )
    return response


@router.post("/sign-out")
def sign_out(who: AReader, form: OwnForm, session: ASession) -> Response:
    """Sign out."""
    response = RedirectResponse("/console/sign-in", status_code=303)
    close_session(response, session, who)
    return response


@router.post("/oidc")
def begin_oidc(
    request: Request, form: OwnForm, service: TheService, console: TheConsole, setup: TheSetup
) -> Response:
    """Send the browser to the provider."""
    provider = _provider(console)
    address, begun = provider.begin(_callback(request, setup))
    response = RedirectResponse(address, status_code=303)
    kept = {"state": begun.state, "nonce": begun.nonce, "verifier": begun.verifier}
    response.set_cookie(
        _BEGUN,
        service.seal.seal(json.dumps({**kept, "to": own_path(str(form.get("to", "")))})),
        path=_BEGUN_PATH,
        max_age=_MINUTES * 60,
        httponly=True,
        samesite="lax",
        secure=setup.secure(request),
    )
    return response


@router.get("/oidc/callback")
def finish_oidc(
    request: Request,
    session: ASession,
    service: TheService,
    console: TheConsole,
    setup: TheSetup,
    code: str = "",
    state: str = "",
) -> Response:
    """Take the browser back from the provider."""
    kept = _kept(request, service.seal)
    provider = _provider(console)
    try:
        if not kept:
            raise SignInRefused(why="it was not begun here, or too long ago")
        begun = Begun(kept["state"], kept["nonce"], kept["verifier"])
        identity = provider.finish(
            begun, code=code, state=state, redirect_uri=_callback(request, setup)
        )
        operator = OperatorRepository(session).with_identity(
            identity.subject, verified_email=identity.email
        )
        if operator is None:
            raise SignInRefused(why=f"{identity.email or identity.subject} is no operator here")
    except PlanbridgeError as refused:
        AuditLog(session).write(
            "sign-in.refused",
            actor="oidc",
            now=service.clock(),
            detail={"from": caller(request), "why": str(refused.fields.get("why", ""))},
        )
        session.commit()
        response: Response = _asked(request, console, trouble="provider", status=refused.status)
    else:
        response = RedirectResponse(own_path(kept["to"]), status_code=303)
        open_session(
            request, response, session, service, setup=setup, operator=operator, through="oidc"
        )
    response.delete_cookie(_BEGUN, path=_BEGUN_PATH)
    return response


def _asked(
    request: Request,
    console: ConsoleSetup,
    *,
    to: str = "",
    email: str = "",
    trouble: str = "",
    status: int = 200,
) -> Response:
    language = chosen(request.query_params.get("lang"), request.headers.get("accept-language"))
    context = {
        "to": own_path(to),
        "email": email,
        "trouble": trouble,
        "provider": console.oidc.issuer if console.oidc else "",
    }
    response = page(request, "console/sign_in.html", language, context, status=status)
    if console.oidc is not None:
        targets = console.oidc.form_targets()
        response.headers["Content-Security-Policy"] = policy(targets)
    return response


def _provider(console: ConsoleSetup) -> OidcProvider:
    if console.oidc is None:
        raise SignInRefused(why="no provider is set up")
    return console.oidc


def _callback(request: Request, setup: PageSetup) -> str:
    return setup.address(request, f"{_BEGUN_PATH}/callback")


def _kept(request: Request, seal: Seal) -> dict[str, Any]:
    try:
        kept = json.loads(seal.open(request.cookies.get(_BEGUN, "")))
    except (SealBroken, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
