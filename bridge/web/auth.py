"""The operator's bearer token."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

_scheme = HTTPBearer(auto_error=False, description="The operator's token (`planbridge token`).")


def require_token(token: str) -> Callable[..., None]:
    """A dependency that lets only the operator's token through, in constant time."""

    def check(
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)],
    ) -> None:
        if given is None or not hmac.compare_digest(given.credentials.encode(), token.encode()):
            raise HTTPException(
                401,
                "The operator's bearer token is missing or wrong. "
                "`planbridge token` on the server shows it.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    return check
