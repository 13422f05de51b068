"""The address Stripe posts to, as the application knows it: documented, and with its errors.

Errors are raised as `bridge.errors.PlanbridgeError`; the application shows them as problem
JSON (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from webhooks.stripe_door import ADDRESS, Acknowledgement, StripeReceiver, raise_refusal

_PARAMETERS = [
    {"name": "network", "in": "path", "required": True, "schema": {"type": "string"}},
    {"name": "stripe-signature", "in": "header", "required": False, "schema": {"type": "string"}},
]

_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "Signature missing, unreadable, expired or of the future; no event"},
    401: {"description": "The signature does not fit"},
    404: {"description": "No such network"},
    408: {"description": "The body came too slowly"},
    413: {"description": "The body is too large"},
    503: {"description": "Not stored: deliver it again"},
}


class _Direct(APIRoute):
    """A documented route whose function takes the request as it came and makes the answer."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function itself."""
        function: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return function


def stripe_router(receiver: StripeReceiver) -> APIRouter:
    """``POST /webhooks/stripe/{network}``, answering 2xx only after the commit.

    With a `StripeDoor` before the application only refusals come here.
    """
    router = APIRouter(tags=["webhooks"], route_class=_Direct)

    @router.post(
        ADDRESS + "{network}",
        response_model=Acknowledgement,
        responses=_REFUSALS,
        openapi_extra={"parameters": _PARAMETERS},
    )
    async def receive_stripe_event(request: Request) -> Response:
        """Take one event from Stripe, signed with the network's endpoint secret."""
        raise_refusal(request.scope)
        answer = await receiver.take(request.path_params["network"], request.scope, request.receive)
        return Response(answer, media_type="application/json")

    return router
