"""The operator's bearer token."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

_scheme = HTTPBearer(auto_error=False, description="The operator's token (`planbridge token`).")


def require_token(*tokens: str) -> Callable[..., None]:
    """A dependency that lets only one of these tokens through, in constant time."""
    allowed = [token.encode() for token in tokens if token]

    def check(
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)],
    ) -> None:
        said = given.credentials.encode() if given else b""
        if not any(hmac.compare_digest(said, token) for token in allowed):
            raise HTTPException(
                401,
                "The operator's bearer token is missing or wrong. "
                "`planbridge token` on the server shows it.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    return check
