"""The terms of a network as JSON: how they are kept in ``networks.terms``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from bridge.domain.terms import NetworkTerms

_TERMS: Final = TypeAdapter(NetworkTerms)


def terms_to_json(terms: NetworkTerms) -> dict[str, Any]:
    """Plain JSON; tax rates as decimal text in per cent."""
    document: dict[str, Any] = _TERMS.dump_python(terms, mode="json")
    return document


def terms_from_json(document: Mapping[str, Any]) -> NetworkTerms:
    """The terms again; what is missing has its default, so that ``{}`` is a new network."""
    return _TERMS.validate_python(document)
