"""python-wordpress-xmlrpc, made to work: its calls, with the few fields that we want.

Two defects of 2.3 are met here, for its own modules alone: ``collections.Iterable`` is gone
since Python 3.10, which breaks every call that answers with a list, and an empty map, which
PHP sends as an empty list (domain/live-findings.md §5).
"""

from __future__ import annotations

from collections import abc
from collections.abc import Mapping, Sequence

from wordpress_xmlrpc import Client, WordPressBase, XmlrpcMethod, base
from wordpress_xmlrpc.exceptions import (
    FieldConversionError,
    InvalidCredentialsError,
    UnsupportedXmlrpcMethodError,
    XmlrpcDisabledError,
)
from wordpress_xmlrpc.methods import options, posts, users

__all__ = [
    "Client",
    "InvalidCredentialsError",
    "Options",
    "PostIds",
    "PostTypes",
    "Roles",
    "UnexpectedShape",
    "UnsupportedXmlrpcMethodError",
    "XmlrpcDisabledError",
]

base.collections = abc  # all that the library looks up there is Iterable


class _Entry(WordPressBase):  # type: ignore[misc]  # the library has no types
    definition: Mapping[str, str] = {"id": "post_id"}


class _Member(WordPressBase):  # type: ignore[misc]
    definition: Mapping[str, str] = {"id": "user_id", "roles": "roles"}


class _Type(WordPressBase):  # type: ignore[misc]
    definition: Mapping[str, str] = {"name": "name", "public": "public"}


class UnexpectedShape(ValueError):
    """The answer is not of the shape that the call has."""


class _Call(XmlrpcMethod):  # type: ignore[misc]
    """Reads an answer as the library does, and says so where that fails."""

    kind: type

    def process_result(self, raw_result: object) -> object:
        answer = raw_result or self.kind()
        if not isinstance(answer, self.kind):
            raise UnexpectedShape
        try:
            return super().process_result(answer)
        except (FieldConversionError, AttributeError, LookupError, TypeError, ValueError):
            raise UnexpectedShape from None


class Options(_Call, options.GetOptions):  # type: ignore[misc]
    """All options, each with ``name`` and ``value``."""

    kind = dict

    def __init__(self) -> None:
        super().__init__([])


class PostTypes(_Call, posts.GetPostTypes):  # type: ignore[misc]
    """Every registered post type by name, each with ``public``; none for one without rights."""

    kind = dict
    optional_args = ("filter", "fields")
    results_class = _Type

    def __init__(self) -> None:
        # WordPress leaves out all but public ones unless told, and adds labels and rights.
        super().__init__({}, [])


class PostIds(_Call, posts.GetPosts):  # type: ignore[misc]
    """One page of a post type's entries in some states, each with ``id`` only."""

    kind = list
    results_class = _Entry

    def __init__(
        self, post_type: str, *, statuses: Sequence[str], number: int, offset: int
    ) -> None:
        wanted = {
            "post_type": post_type,
            "post_status": list(statuses),
            "number": number,
            "offset": offset,
            "orderby": "ID",
            "order": "ASC",
        }
        super().__init__(wanted, ["post_id"])


class Roles(_Call, users.GetUsers):  # type: ignore[misc]
    """One page of the site's members, each with ``id`` and ``roles``."""

    kind = list
    results_class = _Member

    def __init__(self, *, number: int, offset: int) -> None:
        super().__init__({"number": number, "offset": offset}, ["roles"])
