"""An operator's own settings: language and password."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from bridge.store import passwords
from bridge.store.access import AccessRepository
from bridge.store.operators import OperatorRepository
from bridge.store.passwords import WeakPassword
from bridge.web.console.attempts import TooManyAttempts, take_attempt
from bridge.web.console.frame import console_page, done, own_path
from bridge.web.console.sessions import SIGNED_IN, AReader, Who, caller, open_session
from bridge.web.console.setup import TheConsole
from bridge.web.pages.forms import OwnForm
from bridge.web.pages.languages import LANGUAGES
from bridge.web.pages.setup import TheSetup
from bridge.web.service import ASession, TheService

router = APIRouter(prefix="/console", dependencies=SIGNED_IN)


@router.get("/language")
def choose_language(who: AReader, session: ASession, to: str = "", back: str = "") -> Response:
    """Keep a language for the rest of the session."""
    found = AccessRepository(session).find(who.token, now=who.clock())
    if found is not None and to in LANGUAGES:
        found.language = to
        session.add(found)
        session.commit()
    return RedirectResponse(own_path(back), status_code=303)


@router.get("/me")
def me(request: Request, who: AReader) -> Response:
    """Who is signed in, and the form for another password."""
    return _shown(request, who)


@router.post("/me/password")
def change_password(
    request: Request,
    who: AReader,
    form: OwnForm,
    session: ASession,
    service: TheService,
    console: TheConsole,
    setup: TheSetup,
) -> Response:
    """Change one's own password, knowing the old one. Other sessions end."""
    operators = OperatorRepository(session)
    operator = operators.get(who.email)
    old, new = str(form.get("old", "")), str(form.get("new", ""))
    try:
        take_attempt(service, caller=caller(request), account=who.email)
    except TooManyAttempts:
        return _shown(request, who, trouble="many", status=429)
    if operator.password_hash and not passwords.matches(operator.password_hash, old):
        return _shown(request, who, trouble="wrong", status=422)
    if not operator.password_hash:
        return _shown(request, who, trouble="none", status=422)
    if new != str(form.get("again", "")):
        return _shown(request, who, trouble="differ", status=422)
    try:
        operators.set_password(operator, new)
    except WeakPassword:
        return _shown(request, who, trouble="weak", status=422)
    who.audit(session, "password.change", subject=who.email)
    response = done("/console/me", "password")
    open_session(
        request, response, session, service, setup=setup, operator=operator, through="password"
    )
    return response


def _shown(request: Request, who: Who, *, trouble: str = "", status: int = 200) -> Response:
    return console_page(request, "me.html", who, {"trouble": trouble}, section="me", status=status)
