"""Headers that every page carries: what a browser may load, frame, keep and pass on."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PAGES = ("/account/", "/console", "/static/")
_LONG = "public, max-age=31536000, immutable"


def policy(form_targets: Sequence[str]) -> str:
    """The content security policy of a page whose forms may lead to these origins.

    A form's redirect counts as its target, so Stripe's pages have to be named.
    """
    forms = " ".join(("'self'", *form_targets))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    )


class PageGuard:
    """Adds the headers to answers below the paths of the pages; leaves the API as it is."""

    def __init__(self, app: ASGIApp, *, payment_origins: Sequence[str]) -> None:
        self._app = app
        self._policy = policy(payment_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not scope["path"].startswith(_PAGES):
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", self._policy)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
                static = scope["path"].startswith("/static/") and b"v=" in scope["query_string"]
                headers.setdefault("Cache-Control", _LONG if static else "no-store")
            await send(message)

        await self._app(scope, receive, guarded)
