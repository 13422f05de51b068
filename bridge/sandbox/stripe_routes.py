"""Which request is answered by what: routes, and the call that an action gets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bridge.sandbox.stripe_errors import ApiError, StripeObject
from bridge.sandbox.stripe_listing import newest_first, page
from bridge.sandbox.stripe_parameters import EXPAND, PAGE, Kind, Parameters
from bridge.sandbox.stripe_shapes import Shape
from bridge.sandbox.stripe_state import StripeState


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose parameters were read and found right."""

    state: StripeState
    params: Mapping[str, Any]
    key: str = ""
    """The id in the path."""
    shape: Shape = Shape.BASIL
    path: str = ""

    def get(self, kind: str) -> StripeObject:
        """The object that the path names.

        Raises:
            ApiError: ``resource_missing``.
        """
        return self.state.get(kind, self.key)


Action: TypeAlias = Callable[[Call], StripeObject]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path such as ``/v1/customers/{id}``, and what answers it."""

    method: str
    pattern: str
    action: Action
    params: Parameters = field(default_factory=dict)
    required: tuple[str, ...] = ()


def get(pattern: str, action: Action, params: Parameters = EXPAND) -> Route:
    """A route that changes nothing."""
    return Route("GET", pattern, action, params)


def post(pattern: str, action: Action, params: Parameters | None = None, *required: str) -> Route:
    """A route that creates or changes."""
    return Route("POST", pattern, action, {**(params or {}), **EXPAND}, required)


def delete(pattern: str, action: Action, params: Parameters | None = None) -> Route:
    """A route that removes."""
    return Route("DELETE", pattern, action, {**(params or {}), **EXPAND})


def retrieving(kind: str) -> Action:
    """Answers with the object that the path names."""

    def retrieve(call: Call) -> StripeObject:
        return call.get(kind)

    return retrieve


Fits: TypeAlias = Callable[[Call, StripeObject], bool]


def listing(kind: str, fits: Fits = lambda call, thing: True, *, at: str = "created") -> Action:
    """Answers with a page of the objects that fit, newest first."""

    def answer(call: Call) -> StripeObject:
        found = call.state.find(kind, lambda thing: fits(call, thing))
        return page(newest_first(found, at=at), call.params, call.path)

    return answer


def matching(*names: str) -> Fits:
    """Whether the fields of these names equal the parameters of these names, where sent."""

    def fits(call: Call, thing: StripeObject) -> bool:
        wanted = {name: call.params[name] for name in names if name in call.params}
        return all(thing[name] == value for name, value in wanted.items())

    return fits


def paged(**filters: Kind) -> Parameters:
    """Parameters of a list: pages, and these filters."""
    return {**PAGE, **filters}


class Routes:
    """All routes, found by method and path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(_compiled(route.pattern), route) for route in routes]

    def find(self, method: str, path: str) -> tuple[Route, str]:
        """The route and the id in the path.

        Raises:
            ApiError: 404, Stripe has no such address, or the stand-in lacks it.
        """
        for pattern, route in self._routes:
            if route.method == method and (match := pattern.fullmatch(path)):
                return route, match.groupdict().get("id", "")
        raise ApiError(
            f"Unrecognized request URL ({method}: {path}). Please see "
            "https://stripe.com/docs or we can help at https://support.stripe.com/.",
            status=404,
        )


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\{id\}", r"(?P<id>[^/]+)"))
