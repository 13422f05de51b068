"""Forms that only our own pages can send (protection against cross-site requests).

Every form carries a token made from the visitor's cookie with a key that only we have:
the session's cookie, or before sign-in a cookie made for the form. The browser's own word
on where the request comes from (``Sec-Fetch-Site``, ``Origin``) has to agree.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from starlette.datastructures import FormData

from bridge.errors import InvalidInput
from bridge.web.pages.setup import PageSetup, the_setup

FIELD = "_token"
COOKIE = "planbridge_form"
MAX_FIELDS = 500
MAX_UPLOAD = 512 * 1024
MAX_TYPED = 2000
SESSION_COOKIES = ("planbridge_account", "planbridge_console")


class ForeignForm(InvalidInput):
    """This form was not sent from the page it belongs to, or the page is too old."""

    hint = "Go back, load the page again and repeat."
    status = 403


class UploadTooLarge(InvalidInput):
    """What was sent is larger than 512 KiB."""

    status = 413


def typed(form: FormData, name: str) -> str:
    """What was typed into a field, without spaces around it; "" where there is no such field."""
    return str(form.get(name, "")).strip()[:MAX_TYPED]


def form_token(request: Request) -> str:
    """The token for the forms of the page that answers this request."""
    setup = the_setup(request)
    return _token(setup.form_key, _owner(request) or _fresh(request))


def keep_form_cookie(request: Request, response: Response) -> None:
    """Send the cookie that the page's token was made from, if it was made just now."""
    fresh = getattr(request.state, "form_cookie", "")
    if fresh:
        response.set_cookie(
            COOKIE,
            fresh,
            httponly=True,
            samesite="strict",
            secure=the_setup(request).secure(request),
        )


async def own_form(request: Request) -> FormData:
    """The fields of a form of ours.

    Raises:
        ForeignForm: another site sent it, or its token does not fit.
    """
    return await _checked(request, max_files=0)


async def own_upload(request: Request) -> FormData:
    """The fields of a form of ours that may bring one file.

    Raises:
        ForeignForm: another site sent it, or its token does not fit.
        UploadTooLarge: more than 512 KiB, or nobody says how much.
    """
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > MAX_UPLOAD:
        raise UploadTooLarge
    return await _checked(request, max_files=1)


async def _checked(request: Request, *, max_files: int) -> FormData:
    setup = the_setup(request)
    _own_origin(request, setup)
    form = await request.form(max_files=max_files, max_fields=MAX_FIELDS)
    given = str(form.get(FIELD, "")) or request.headers.get("X-Form-Token", "")
    owner = _owner(request)
    if not owner or not hmac.compare_digest(_token(setup.form_key, owner).encode(), given.encode()):
        raise ForeignForm
    return form


OwnForm = Annotated[FormData, Depends(own_form)]
OwnUpload = Annotated[FormData, Depends(own_upload)]


def _own_origin(request: Request, setup: PageSetup) -> None:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForeignForm
        return
    origin = request.headers.get("origin")
    ours = {urlsplit(setup.public_url).netloc, request.headers.get("host", "")} - {""}
    if origin is not None and _place(origin) not in ours:
        raise ForeignForm


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # such as http://[::1
        raise ForeignForm from None


def _owner(request: Request) -> str:
    """The cookie that the visitor's forms are bound to."""
    path = request.url.path
    wanted = SESSION_COOKIES[1] if path.startswith("/console") else SESSION_COOKIES[0]
    return request.cookies.get(wanted) or request.cookies.get(COOKIE) or ""


def _fresh(request: Request) -> str:
    if not getattr(request.state, "form_cookie", ""):
        request.state.form_cookie = secrets.token_urlsafe(24)
    return str(request.state.form_cookie)


def _token(key: bytes, owner: str) -> str:
    digest = hmac.new(key, owner.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
