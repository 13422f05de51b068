"""Drawing a page: the templates, and what every one of them can use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from bridge.web.pages.forms import form_token, keep_form_cookie
from bridge.web.pages.languages import Language, menu

STATIC = Path(str(files("bridge.web.pages"))) / "static"
_TEMPLATES = Path(str(files("bridge.web.pages"))) / "templates"


def page(
    request: Request,
    name: str,
    language: Language,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> HTMLResponse:
    """A template as the answer to a request, in a language.

    Templates use ``_()``, ``ngettext()`` and ``{% trans %}`` for sentences; ``money(minor,
    currency)``, ``number``, ``day``, ``moment`` and ``listed`` for values; ``form_token`` in
    every form; ``asset('style.css')`` for a file of ours. ``partial`` is True when htmx asks
    for a part of the page.
    """
    text = (
        _environment()
        .get_template(name)
        .render(
            {
                "request": request,
                "path": request.url.path,
                "language": language,
                "languages": menu(language),
                "form_token": form_token(request),
                "partial": request.headers.get("HX-Request") == "true",
                **(context or {}),
            }
        )
    )
    response = HTMLResponse(text, status_code=status)
    keep_form_cookie(request, response)
    return response


def asset(name: str) -> str:
    """The address of a file of ours; it changes with its content, so it may be kept long."""
    return f"/static/{name}?v={_version(name)}"


@cache
def _version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        _gettext, _ngettext, newstyle=True, pgettext=_pgettext
    )
    environment.globals |= {
        "asset": asset,
        "money": pass_context(lambda here, *values: _language(here).money(*values)),
        "number": pass_context(lambda here, value: _language(here).number(value)),
        "day": pass_context(lambda here, when: _language(here).date(when)),
        "moment": pass_context(lambda here, when: _language(here).moment(when)),
        "listed": pass_context(lambda here, items: _language(here).listed(items)),
    }
    return environment


def _language(context: Context) -> Language:
    found: Language = context["language"]
    return found


@pass_context
def _gettext(context: Context, message: str) -> str:
    return _language(context).gettext(message)


@pass_context
def _ngettext(context: Context, one: str, many: str, count: int) -> str:
    return _language(context).translations.ngettext(one, many, count)


@pass_context
def _pgettext(context: Context, about: str, message: str) -> str:
    return _language(context).pgettext(about, message)
