"""What the pages need beside the service: keys, and the address they are known by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from bridge.web.pages.links import LinkKeys

STRIPE_ORIGINS = (
    "https://checkout.stripe.com",
    "https://billing.stripe.com",
    "https://invoice.stripe.com",
)


@dataclass(frozen=True, slots=True)
class PageSetup:
    """How the pages are set up.

    Attributes:
        links: The keys of sign-in links.
        form_key: What form tokens are made with.
        public_url: Where browsers reach the service, without a slash at the end; "" takes
            the address of the request.
        payment_origins: Where a form may lead to: Stripe's own pages.
        session_lifetime: How long somebody stays signed in.
    """

    links: LinkKeys
    form_key: bytes = field(repr=False)
    public_url: str = ""
    payment_origins: tuple[str, ...] = STRIPE_ORIGINS
    session_lifetime: timedelta = timedelta(hours=12)

    @classmethod
    def of(
        cls,
        keys: Sequence[bytes],
        *,
        public_url: str = "",
        payment_origins: Sequence[str] = (),
        session_lifetime: timedelta = timedelta(hours=12),
    ) -> PageSetup:
        """From the keys of the settings, newest first; each use has a key of its own."""
        return cls(
            links=LinkKeys(keys),
            form_key=hashlib.sha256(b"planbridge form tokens\0" + keys[0]).digest(),
            public_url=public_url.rstrip("/"),
            payment_origins=(*STRIPE_ORIGINS, *payment_origins),
            session_lifetime=session_lifetime,
        )

    def address(self, request: Request, path: str) -> str:
        """The absolute address of a path of ours, for Stripe and for mails."""
        return f"{self.public_url or str(request.base_url).rstrip('/')}{path}"

    def secure(self, request: Request) -> bool:
        """Whether browsers come by TLS, so that cookies may be kept to it."""
        return urlsplit(self.public_url or str(request.base_url)).scheme == "https"


def the_setup(request: Request) -> PageSetup:
    """The set-up of the application that received the request."""
    setup: PageSetup = request.app.state.pages
    return setup


TheSetup = Annotated[PageSetup, Depends(the_setup)]
