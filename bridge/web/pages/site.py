"""The pages put into the application: files, headers, the account and the console."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles

from bridge.web.pages.guard import PageGuard
from bridge.web.pages.setup import PageSetup
from bridge.web.pages.templates import STATIC


def install(app: FastAPI, setup: PageSetup, routers: Iterable[APIRouter]) -> None:
    """Serve the pages of these routers, none of which is part of the API's document."""
    app.state.pages = setup
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(PageGuard, payment_origins=setup.payment_origins)
    for router in routers:
        app.include_router(router, include_in_schema=False)

    @app.get("/", include_in_schema=False)
    def root() -> RedirectResponse:
        """Whoever knows the address only is an operator."""
        return RedirectResponse("/console", status_code=303)
