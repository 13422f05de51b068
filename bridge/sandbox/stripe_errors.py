"""What Stripe answers when it refuses: the error object of its API.

https://docs.stripe.com/api/errors. `ApiError` is thrown where a request stops and becomes
the answer; it never leaves the stand-in as an exception of ours.
"""

from __future__ import annotations

from typing import Any, TypeAlias

StripeObject: TypeAlias = dict[str, Any]
"""A Stripe object as JSON data. Keys that start with ``_`` are the stand-in's own."""


class ApiError(Exception):
    """A refusal.

    Args:
        message: The sentence in ``error.message``.
        status: HTTP status.
        kind: ``error.type``.
        code: ``error.code``; left out when empty.
        param: The parameter at fault; left out when empty.
        keeps_effects: What was done before the refusal stays, as a declined intent does.
        headers: Extra headers of the answer.
        more: Further members of ``error``, such as ``payment_intent``.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str = "",
        param: str = "",
        keeps_effects: bool = False,
        headers: dict[str, str] | None = None,
        more: StripeObject | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.keeps_effects = keeps_effects
        self.headers = headers or {}
        self.more = more or {}

    def body(self) -> StripeObject:
        """The answer's body."""
        error: StripeObject = {"message": self.message, "type": self.kind}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        return {"error": {**error, **self.more}}


def no_such(what: str, key: str, *, param: str = "id", status: int = 404) -> ApiError:
    """``resource_missing``: 404 for the object of the URL, 400 for one named in a parameter."""
    return ApiError(f"No such {what}: '{key}'", status=status, code="resource_missing", param=param)


def missing(param: str) -> ApiError:
    """``parameter_missing``."""
    return ApiError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown(params: list[str]) -> ApiError:
    """``parameter_unknown``, for all of them at once."""
    names = ", ".join(params)
    plural = "s" if len(params) > 1 else ""
    return ApiError(
        f"Received unknown parameter{plural}: {names}", code="parameter_unknown", param=params[0]
    )


def invalid(message: str, param: str, *, code: str = "") -> ApiError:
    """A parameter whose value cannot be."""
    return ApiError(message, param=param, code=code)


def declined(
    message: str, *, code: str, decline_code: str = "", more: StripeObject | None = None
) -> ApiError:
    """402 ``card_error``. What was tried is on record, so the effects stay."""
    members: StripeObject = {"decline_code": decline_code} if decline_code else {}
    return ApiError(
        message,
        status=402,
        kind="card_error",
        code=code,
        keeps_effects=True,
        more={**members, **(more or {})},
    )
