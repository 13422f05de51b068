"""The kinds of row that a network's REST interface serves."""

from __future__ import annotations

from enum import StrEnum


class Entity(StrEnum):
    """An entity by its route: always singular, the plural is a 404 (domain/entities.md §1)."""

    PRODUCT = "product"
    MEMBERSHIP = "membership"
    CUSTOMER = "customer"
    SITE = "site"
    DISCOUNT_CODE = "discount_code"
    PAYMENT = "payment"
    DOMAIN = "domain"
    EVENT = "event"
    WEBHOOK = "webhook"

    @property
    def id_column(self) -> str:
        """The column a listing is sorted by: sites have no column ``id``."""
        return "blog_id" if self is Entity.SITE else "id"
