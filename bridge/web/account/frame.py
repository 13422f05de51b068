"""What every account page is drawn with: the network, its brand, who looks, in which language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from bridge.store.brands import brand_of
from bridge.store.tables import Network
from bridge.web.pages.languages import Language
from bridge.web.pages.sessions import Visitor
from bridge.web.pages.templates import page


def open_page(
    request: Request,
    name: str,
    language: Language,
    *,
    session: Session,
    network: Network,
    context: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HTMLResponse:
    """A page for somebody who need not be signed in."""
    shown = {"network": network.name, "brand": brand_of(session, network), **(context or {})}
    return page(request, f"account/{name}", language, shown, status=status)


def own_page(
    request: Request,
    name: str,
    visitor: Visitor,
    *,
    session: Session,
    context: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HTMLResponse:
    """A page for a customer who is signed in."""
    return open_page(
        request,
        name,
        visitor.language,
        session=session,
        network=visitor.network,
        context={"visitor": visitor, **(context or {})},
        status=status,
    )
