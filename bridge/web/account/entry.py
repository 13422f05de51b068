"""Coming in and going out: sign-in links, links by e-mail, sign-out, the language.

A link opens with a button, not by itself: mail scanners follow links, and each link opens
once.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session
from starlette.background import BackgroundTask

from bridge.store.access import AccessRepository
from bridge.store.audit import AuditLog
from bridge.store.people import customer_contact, customers_by_email
from bridge.store.tables import Network
from bridge.web.account.frame import open_page
from bridge.web.pages.asking import take_wish
from bridge.web.pages.forms import OwnForm
from bridge.web.pages.languages import COOKIE as LANGUAGE_COOKIE
from bridge.web.pages.languages import LANGUAGES, Language, asked_for
from bridge.web.pages.links import LIFETIME, Link, LinkRefused, Refusal
from bridge.web.pages.sessions import (
    COOKIE,
    TheVisitor,
    account_path,
    of_request,
    sign_in,
    sign_out,
)
from bridge.web.pages.setup import PageSetup, TheSetup
from bridge.web.service import ASession, Service, TheNetwork, TheService

router = APIRouter(prefix="/account/{network}")

_YEAR = timedelta(days=365)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_QUERY = re.compile(r"[A-Za-z0-9_.=&%+-]{1,1200}")
_INSIDE = re.compile(r"[A-Za-z0-9_./-]{0,200}")

To = Annotated[str, Query(max_length=200)]


@router.get("/enter")
def look_at_link(
    network: TheNetwork,
    request: Request,
    session: ASession,
    service: TheService,
    setup: TheSetup,
    token: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """What a link opens, and the button that opens it. Nothing is taken yet."""
    try:
        link = setup.links.read(network.name, token, now=service.clock())
    except LinkRefused as refused:
        return _refused(request, refused.code, session=session, network=network, service=service)
    language = _language_of(request, link, session, network)
    here = f"{account_path(network.name)}/enter?token={token}"
    context = {"token": token, "lang": language.code, "switch": here}
    return open_page(
        request, "enter.html", language, session=session, network=network, context=context
    )


@router.post("/enter")
def use_link(
    network: TheNetwork,
    request: Request,
    form: OwnForm,
    session: ASession,
    service: TheService,
    setup: TheSetup,
) -> Response:
    """Take the link and sign its customer in."""
    now = service.clock()
    try:
        link = setup.links.read(network.name, str(form.get("token", "")), now=now)
    except LinkRefused as refused:
        return _refused(request, refused.code, session=session, network=network, service=service)
    access = AccessRepository(session)
    if not access.use_link(network.key, link.id, expires_at=link.expires_at, now=now):
        session.rollback()
        return _refused(request, Refusal.USED, session=session, network=network, service=service)
    language = _language_of(request, link, session, network)
    AuditLog(session).write(
        "account.enter",
        actor=f"customer {link.customer_id}",
        now=now,
        network=network.name,
        subject=f"customer {link.customer_id}",
    )
    answer = RedirectResponse(f"{account_path(network.name)}/{link.to}", status_code=303)
    sign_in(
        request,
        answer,
        session,
        service,
        setup=setup,
        network=network,
        customer_id=link.customer_id,
        language=language.code,
    )
    return answer


@router.get("/sign-in")
def show_sign_in(
    network: TheNetwork,
    request: Request,
    session: ASession,
    service: TheService,
    setup: TheSetup,
    to: To = "",
) -> Response:
    """Where somebody gets in who has no link at hand."""
    if of_request(request, session, service, network) is not None:
        return RedirectResponse(f"{account_path(network.name)}/{_inside(to)}", status_code=303)
    context = {"mailed": service.links.ready, "sent": False, "to": _inside(to)}
    return open_page(
        request,
        "sign-in.html",
        asked_for(request),
        session=session,
        network=network,
        context=context,
    )


@router.post("/sign-in")
def ask_for_link(
    network: TheNetwork,
    request: Request,
    form: OwnForm,
    session: ASession,
    service: TheService,
    setup: TheSetup,
) -> Response:
    """Send a link to whoever is known by an address. The answer is always the same.

    It is looked up and sent after the answer, so that not even its time tells anything.
    """
    language = asked_for(request)
    email = str(form.get("email", "")).strip().lower()
    to = _inside(str(form.get("to", "")))
    usable = _EMAIL.fullmatch(email) is not None
    context = {"mailed": service.links.ready, "sent": usable, "wrong": not usable, "to": to}
    answer = open_page(
        request,
        "sign-in.html",
        language,
        session=session,
        network=network,
        context=context,
        status=200 if usable else 422,
    )
    caller = request.client.host if request.client else ""
    if (
        usable
        and service.links.ready
        and take_wish(service, caller=caller, network=network.name, email=email)
    ):
        answer.background = BackgroundTask(
            _send_links,
            service,
            setup,
            network=network,
            email=email,
            to=to,
            language=language,
            base=setup.address(request, account_path(network.name)),
        )
    return answer


@router.post("/sign-out")
def leave(visitor: TheVisitor, form: OwnForm, session: ASession) -> Response:
    """End the session."""
    answer = RedirectResponse(f"{visitor.home}/sign-in", status_code=303)
    sign_out(answer, session, visitor)
    return answer


@router.get("/language")
def choose_language(
    network: TheNetwork,
    request: Request,
    session: ASession,
    setup: TheSetup,
    to: To = "",
    back: Annotated[str, Query(max_length=1500)] = "",
) -> Response:
    """Keep a language, and go back to where somebody was: never anywhere else."""
    home = account_path(network.name)
    path, _, query = back.partition("?")
    inside = _inside(path.removeprefix(f"{home}/")) if path.startswith(f"{home}/") else ""
    if inside and query and _QUERY.fullmatch(query):
        inside = f"{inside}?{query}"
    answer = RedirectResponse(f"{home}/{inside}", status_code=303)
    if to in LANGUAGES:
        AccessRepository(session).speak(request.cookies.get(COOKIE, ""), to)
        session.commit()
        answer.set_cookie(
            LANGUAGE_COOKIE,
            to,
            path=home,
            max_age=int(_YEAR.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=setup.secure(request),
        )
    return answer


def _inside(path: str) -> str:
    """A path below the account, or "" for anything that might lead elsewhere."""
    safe = _INSIDE.fullmatch(path) and ".." not in path and "//" not in path
    return path if safe and not path.startswith("/") else ""


def _language_of(request: Request, link: Link, session: Session, network: Network) -> Language:
    """The link's, the one chosen before, the customer's own, the browser's."""
    locale = customer_contact(session, network.key, link.customer_id).locale
    return asked_for(request, link.language, request.cookies.get(LANGUAGE_COOKIE, ""), locale)


def _refused(
    request: Request, code: Refusal, *, session: Session, network: Network, service: Service
) -> Response:
    context = {"refusal": code.value, "mailed": service.links.ready}
    return open_page(
        request,
        "link-refused.html",
        asked_for(request),
        session=session,
        network=network,
        context=context,
        status=LinkRefused.status,
    )


def _send_links(
    service: Service,
    setup: PageSetup,
    *,
    network: Network,
    email: str,
    to: str,
    language: Language,
    base: str,
) -> None:
    now = service.clock()
    with Session(service.store, expire_on_commit=False) as session:
        for customer_id in customers_by_email(session, network.key, email):
            token = setup.links.issue(
                network.name, customer_id, now=now, language=language.code, to=to
            )
            service.links.send(
                session,
                network,
                customer_id=customer_id,
                email=email,
                url=f"{base}/enter?token={token}",
                expires_at=now + LIFETIME,
                language=language.code,
            )
        session.commit()
    service.links.wake()
