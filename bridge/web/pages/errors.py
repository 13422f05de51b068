"""Errors as pages, for those who look at pages: never a traceback, never JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import quote

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from bridge.errors import PlanbridgeError
from bridge.web.pages.languages import Language, asked_for
from bridge.web.pages.templates import page
from bridge.web.pages.wording import recorded

Handler = Callable[[Request, Exception], Awaitable[Response]]

log = structlog.get_logger(__name__)


def is_page(request: Request) -> bool:
    """Whether the request is for a page, not for the API."""
    return request.url.path.startswith(("/account/", "/console"))


async def error_page(request: Request, error: Exception) -> Response:
    """The page for an error; somebody who is not signed in is led to where he can."""
    sign_in = getattr(error, "sign_in", "")
    if sign_in and request.headers.get("HX-Request") == "true":
        return Response(status_code=200, headers={"HX-Redirect": sign_in})
    if sign_in:
        return RedirectResponse(sign_in, status_code=303)
    language = asked_for(request, getattr(request.state, "language", ""))
    status, title, text = _told(error, language)
    if request.url.path.startswith("/console") and isinstance(error, PlanbridgeError):
        text = recorded(language, error)  # whoever gets so far is an operator
    context = {"title": title, "text": text, "status": status, "home": _home(request)}
    return page(request, "error.html", language, context, status=status)


def _home(request: Request) -> str:
    """Where somebody can go on; "" where nobody knows."""
    parts = request.url.path.split("/")
    if parts[1] == "console":
        return "/console"
    return f"/account/{quote(parts[2])}/" if len(parts) > 2 and parts[2] else ""


def _told(error: Exception, language: Language) -> tuple[int, str, str]:
    """Status, heading and sentence. What the error itself says is for operators only."""
    status = 500
    if isinstance(error, PlanbridgeError):
        status = error.status
    elif isinstance(error, HTTPException):
        status = error.status_code
    elif isinstance(error, RequestValidationError):
        status = 404 if any("path" in item["loc"] for item in error.errors()) else 422
    else:
        log.error("unexpected error", exc_info=error)
    _ = language.gettext
    told = {
        403: (
            _("This cannot be accepted"),
            _("The page is too old or the link was already used. Go back and try again."),
        ),
        404: (_("Not found"), _("There is nothing here, or it is not yours to see.")),
        405: (_("Not found"), _("There is nothing here, or it is not yours to see.")),
        409: (
            _("Not possible right now"),
            _("Something else is under way. Go back to your account to see what."),
        ),
        413: (_("Too much"), _("What was sent is too large.")),
        422: (_("This was not understood"), _("Check what you entered and try again.")),
        429: (_("Too many tries"), _("Wait a minute, then try again.")),
        502: (
            _("No answer"),
            _("A service we depend on does not answer. Nothing was lost; try again soon."),
        ),
        503: (
            _("Not available right now"),
            _("Nothing was lost. Try again in a moment."),
        ),
    }
    usual = (
        _("Something went wrong"),
        _("It has been written down. Nothing was lost; try again in a moment."),
    )
    title, text = told.get(status, usual if status >= 500 else told[422])
    return (status if status in set(HTTPStatus) else 500), title, text
