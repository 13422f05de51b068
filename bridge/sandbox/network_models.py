"""Models about the network itself: sites, domains, events, webhooks, forms and e-mails."""

from __future__ import annotations

from types import MappingProxyType

from bridge.sandbox.catalogue_models import DISCOUNT_CODE, PRODUCT
from bridge.sandbox.customer_models import CUSTOMER, MEMBERSHIP, PAYMENT
from bridge.sandbox.forms import (
    ARRAY,
    BOOL,
    BOOL_TEXT,
    DATE,
    INT_TEXT,
    NO_DATE,
    RAW,
    TEXT,
    UNREAD,
    Form,
    Json,
    integer,
    keep,
    text,
)
from bridge.sandbox.models import Field, Model, always, by_loading, head
from bridge.sandbox.releases import Release

SITE_TYPES = (
    "default",
    "site_template",
    "customer_owned",
    "pending",
    "external",
    "main",
    "demo",
)


def _owner_text(value: Json) -> Json:
    return str(value) if value is not None else False


def _stored_id(value: Json) -> int | None:
    return None if value is None or value is False else integer(value)


def _stored_template(value: Json) -> int | None:
    return None if value is None else integer(value)


def _stored_active(value: Json) -> str | None:
    return None if value is None or value is True else text(value)


OWNER = Form(put=keep, store=_stored_id, read=_owner_text)
TEMPLATE = Form(put=keep, store=_stored_template, read=_owner_text)
SITE_TYPE = Form(put=keep, store=keep, read=keep)
SITE_ACTIVE = Form(put=keep, store=_stored_active, read=lambda value: value or True)


def _as_number(value: Json, _release: Release) -> Json:
    return integer(value)


SITE = Model(
    name="site",
    label="Site",
    fields=(
        Field("slug", fixed=True),
        Field("date_created", fixed=True),
        Field("date_modified", fixed=True),
        Field("migrated_from_id", RAW, None, fixed=True),
        Field("title"),
        Field("description", TEXT, "", in_meta=True),
        Field("blog_id", INT_TEXT, 0),
        Field("site_id", INT_TEXT, 1),
        Field("domain"),
        Field("path"),
        Field("site_path", RAW, None, fixed=True),
        Field("registered", DATE, None),
        Field("last_updated", DATE, None),
        Field("is_publishing", RAW, None, fixed=True),
        Field("active", SITE_ACTIVE, by_loading(True, None), in_meta=True),
        Field("public", BOOL_TEXT, True),
        Field("archived", BOOL_TEXT, None),
        Field("mature", BOOL_TEXT, None),
        Field("spam", BOOL_TEXT, None),
        Field("deleted", BOOL_TEXT, None),
        Field("lang_id", INT_TEXT, None),
        Field("customer_id", OWNER, False, in_meta=True),
        Field("membership_id", OWNER, False, in_meta=True),
        Field("template_id", TEMPLATE, False, in_meta=True),
        Field("type", SITE_TYPE, None, in_meta=True),
        Field("featured_image_id", UNREAD, 0, in_meta=True),
        Field("categories", ARRAY, by_loading([], None), in_meta=True),
        Field("transient", UNREAD, False, fixed=True),
        Field("signup_options", RAW, None, fixed=True),
        Field("signup_meta", RAW, None, fixed=True),
        Field("notes", RAW, by_loading([], None), in_meta=True, fixed=True),
    ),
    modified=False,
    always_saved=True,
    id_column="blog_id",
    searched=("domain", "path"),
    aliases=MappingProxyType({"name": "title"}),
    echoes=MappingProxyType({"blog_id": _as_number, "transient": always(False)}),
    meta_columns=MappingProxyType(
        {
            "wu_type": "type",
            "wu_customer_id": "customer_id",
            "wu_membership_id": "membership_id",
            "wu_template_id": "template_id",
        }
    ),
)

DOMAIN = Model(
    name="domain",
    label="Domain",
    fields=(
        *head(migrated=None),
        Field("blog_id", INT_TEXT, 0),
        Field("domain"),
        Field("active", BOOL_TEXT, True),
        Field("primary_domain", BOOL_TEXT, False),
        Field("secure", BOOL_TEXT, False),
        Field("stage", TEXT, "checking-dns"),
    ),
    modified=False,
    searched=("domain",),
    enums=MappingProxyType(
        {
            "stage": (
                "checking-dns",
                "checking-ssl-cert",
                "done-without-ssl",
                "done",
                "failed",
                "ssl-failed",
            )
        }
    ),
)

EVENT = Model(
    name="event",
    label="Event",
    fields=(
        Field("id", INT_TEXT, 0),
        Field("slug"),
        Field("date_created", DATE, None),
        Field("date_modified", fixed=True),
        Field("migrated_from_id", RAW, None, fixed=True),
        Field("severity", INT_TEXT, 3),
        Field("initiator", TEXT, "system"),
        Field("author_id", INT_TEXT, 0),
        Field("object_type"),
        Field("object_id", INT_TEXT, 0),
        Field("payload", RAW, {}),
        Field("message", TEXT, "No Message"),
    ),
    modified=False,
    searched=("severity", "slug", "payload"),
    enums=MappingProxyType({"initiator": ("system", "manual")}),
)

WEBHOOK = Model(
    name="webhook",
    label="Webhook",
    fields=(
        *head(),
        Field("name"),
        Field("webhook_url"),
        Field("event"),
        Field("event_count", INT_TEXT, 0),
        Field("active", BOOL, True),
        Field("hidden", BOOL_TEXT, False),
        Field("integration"),
        Field("date_last_failed", RAW, NO_DATE),
    ),
    searched=("name", "webhook_url", "event"),
)

CHECKOUT_FORM = Model(
    name="checkout_form",
    label="Checkout Form",
    fields=(
        *head(migrated=None, slug=True),
        Field("name"),
        Field("active", BOOL, True),
        Field("settings", RAW, []),
        Field("custom_css", RAW, None),
        Field("allowed_countries"),
        Field("thank_you_page_id", RAW, "", in_meta=True),
        Field("conversion_snippets", RAW, "", in_meta=True),
        Field("template", RAW, None, fixed=True),
        Field("steps_to_show", RAW, None, fixed=True),
    ),
    searched=("name", "slug"),
    echoes=MappingProxyType({"custom_css": lambda value, _: value or ""}),
)

_POST_FIELDS = (
    Field("author_id", INT_TEXT, 0),
    Field("type"),
    Field("title"),
    Field("name"),
    Field("content"),
    Field("excerpt"),
    Field("list_order", INT_TEXT, 10),
    Field("status", TEXT, "publish"),
)

EMAIL = Model(
    name="email",
    label="Email",
    fields=(
        *head(migrated=None, slug=True),
        *_POST_FIELDS,
        Field("allowed_types", RAW, ["system_email"], fixed=True),
        Field("allowed_status", RAW, ["publish", "draft"], fixed=True),
        Field("schedule", BOOL, False, in_meta=True),
        Field("target", UNREAD, None),
        Field("send_copy_to_admin", UNREAD, None),
        Field("event", TEXT, "", in_meta=True),
        Field("active", UNREAD, None),
        Field("legacy", UNREAD, None),
        Field("style", UNREAD, None),
    ),
    searched=("title", "slug"),
)

BROADCAST = Model(
    name="broadcast",
    label="Broadcast",
    fields=(
        *head(migrated=None, slug=True),
        *_POST_FIELDS,
        Field("notice_type", TEXT, "success", in_meta=True),
    ),
    searched=("title", "content"),
)

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        PRODUCT,
        MEMBERSHIP,
        CUSTOMER,
        SITE,
        PAYMENT,
        DISCOUNT_CODE,
        DOMAIN,
        EVENT,
        WEBHOOK,
        CHECKOUT_FORM,
        EMAIL,
        BROADCAST,
    )
}
"""Every kind of object, by the name in its route (singular, domain/entities.md §1)."""
