"""What every page of the console has around it, and what it says after something was done."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from bridge.web.console import words
from bridge.web.console.sessions import Who
from bridge.web.pages.languages import Language
from bridge.web.pages.templates import page
from bridge.web.pages.wording import recorded, status_words

_WORDS = (
    words.change_state_words,
    words.collecting_words,
    words.job_words,
    words.kind_words,
    words.notice_state_words,
    words.notice_words,
    words.source_words,
    words.standing_words,
    words.step_state_words,
    words.step_words,
    words.thing_words,
)
"""What templates call by name, with a code."""


def console_page(
    request: Request,
    name: str,
    who: Who,
    context: Mapping[str, Any] | None = None,
    *,
    section: str,
    status: int = 200,
) -> HTMLResponse:
    """A page of the console; ``section`` is the entry of the menu that it belongs to.

    Templates say ``recorded(...)`` around whatever the program wrote down as a sentence.
    """
    told = _told(who.language).get(request.query_params.get("done", ""), "")
    return page(
        request,
        f"console/{name}",
        who.language,
        {
            "who": who,
            "section": section,
            "told": told,
            "status_words": status_words,
            "recorded": partial(recorded, who.language),
            **{each.__name__: partial(each, who.language) for each in _WORDS},
            **(context or {}),
        },
        status=status,
    )


def done(path: str, what: str, **query: object) -> RedirectResponse:
    """Lead to a page after something was done; a reload of it repeats nothing."""
    return RedirectResponse(f"{path}?{urlencode({'done': what, **query})}", status_code=303)


def own_path(path: str) -> str:
    """A path of the console that somebody gave, or its first page: never another site."""
    return path if path == "/console" or _below(path) else "/console"


def _below(path: str) -> bool:
    return path.startswith(("/console/", "/console?")) and "\\" not in path and path.isprintable()


def _told(language: Language) -> dict[str, str]:
    _ = language.gettext
    return {
        "saved": _("Saved."),
        "added": _("Added."),
        "removed": _("Removed."),
        "password": _("The password was changed. Other sessions have ended."),
        "asked": _("It is under way."),
        "retried": _("It is tried again now."),
        "revoked": _("It was taken back."),
        "closed": _("It was closed by hand."),
        "replayed": _("The events are handled once more."),
        "repaired": _("The limits were written and read back."),
        "stuck": _("The limits were written, but the site still shows others."),
        "accepted": _("What the site shows is kept as sold."),
        "nothing": _("There was nothing to do."),
        "paused": _("Paused."),
        "resumed": _("Resumed."),
        "requested": _("The change was asked for."),
        "collected": _("The amount was collected."),
        "waits": _("The customer has to pay on Stripe's page; the address is below."),
    }
