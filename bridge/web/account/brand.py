"""What makes an account look like its network: colour and logo. No sign-in needed."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from bridge.errors import NotFound
from bridge.store.brands import brand_of
from bridge.web.pages.branding import style_sheet
from bridge.web.service import ASession, TheNetwork

router = APIRouter(prefix="/account/{network}")

_HOUR = {"Cache-Control": "public, max-age=3600"}


@router.get("/brand.css")
def brand_style(network: TheNetwork, session: ASession) -> Response:
    """The network's colour as CSS variables."""
    css = style_sheet(brand_of(session, network).colour)
    return Response(css, media_type="text/css", headers=_HOUR)


@router.get("/logo")
def logo(network: TheNetwork, session: ASession) -> Response:
    """The network's logo. Whatever an SVG image holds, nothing of it runs."""
    brand = brand_of(session, network)
    if not brand.logo:
        raise NotFound(what="logo", key=network.name)
    headers = {**_HOUR, "Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(brand.logo, media_type=brand.logo_type, headers=headers)
