"""Models about customers: memberships, customers, payments (domain/entities.md §2)."""

from __future__ import annotations

from types import MappingProxyType

from bridge.sandbox.forms import (
    ARRAY,
    BOOL,
    BOOL_TEXT,
    DATE,
    DECIMAL_TEXT,
    INT,
    INT_TEXT,
    NUMBER,
    RAW,
    TEXT,
    UNREAD,
)
from bridge.sandbox.models import Field, Model, always, by_loading, head, unless_loaded
from bridge.sandbox.releases import BEFORE_2_4_8

PERIODS = ("day", "week", "month", "year")
MEMBERSHIP_STATUSES = ("pending", "active", "trialing", "expired", "on-hold", "cancelled")
PAYMENT_STATUSES = (
    "pending",
    "completed",
    "refunded",
    "partially-refunded",
    "partially-paid",
    "failed",
    "cancelled",
    "draft",
)


MEMBERSHIP = Model(
    name="membership",
    label="Membership",
    fields=(
        *head(),
        Field("customer_id", INT, 0),
        Field("user_id", INT, 0),
        Field("plan_id", INT, 0),
        Field("addon_products", ARRAY, []),
        Field("currency", TEXT, False),
        Field("initial_amount", NUMBER, 0),
        Field("recurring", BOOL, False),
        Field("auto_renew", BOOL, False),
        Field("duration", INT, 1),
        Field("duration_unit", TEXT, "month"),
        Field("amount", NUMBER, 0),
        Field("date_activated", DATE, None),
        Field("date_trial_end", DATE, None),
        Field("date_renewed", DATE, None),
        Field("date_cancellation", DATE, None),
        Field("date_expiration", DATE, None),
        Field("date_payment_plan_completed", DATE, None),
        Field("times_billed", INT_TEXT, 0),
        Field("billing_cycles", INT_TEXT, 0),
        Field("status", TEXT, "pending"),
        Field("gateway_customer_id", TEXT, False),
        Field("gateway_subscription_id", TEXT, False),
        Field("gateway", TEXT, ""),
        Field("signup_method", TEXT, ""),
        Field("upgraded_from", INT_TEXT, False),
        Field("disabled", BOOL, False),
        Field("discount_code", RAW, by_loading(False, None), in_meta=True),
        Field("cancellation_reason", UNREAD, None, in_meta=True),
        Field("network_id", RAW, None, absent=BEFORE_2_4_8),
        Field("billing_address", UNREAD, None, in_meta=True),
        Field("notes", RAW, None, fixed=True),
    ),
    searched=("gateway", "status"),
    unlisted=frozenset({"billing_address", "cancellation_reason", "discount_code"}),
    opaque=frozenset({"billing_address"}),
    enums=MappingProxyType({"status": MEMBERSHIP_STATUSES, "duration_unit": PERIODS}),
)

CUSTOMER = Model(
    name="customer",
    label="Customer",
    fields=(
        Field("id", INT_TEXT, 0),
        Field("slug", fixed=True),
        Field("date_created", fixed=True),
        Field("date_modified", UNREAD, "", fixed=True),
        Field("migrated_from_id", RAW, None, fixed=True),
        Field("user_id", INT_TEXT, 0),
        Field("type", TEXT, "customer"),
        Field("date_registered", DATE, None),
        Field("email_verification", TEXT, "none"),
        Field("last_login", DATE, None),
        Field("has_trialed", BOOL, by_loading(False, "0"), in_meta=True),
        Field("vip", BOOL_TEXT, False),
        Field("ips", UNREAD, None),
        Field("signup_form", TEXT, "by-admin"),
        Field("extra_information", ARRAY, "", in_meta=True),
        Field("network_id", RAW, None, absent=BEFORE_2_4_8),
        Field("_user", RAW, None, fixed=True),
        Field("billing_address", ARRAY, by_loading([], {}), in_meta=True),
        Field("notes", RAW, by_loading([], None), in_meta=True, fixed=True),
    ),
    modified=False,
    always_saved=True,
    searched=("type", "signup_form"),
    unlisted=frozenset({"billing_address"}),
    opaque=frozenset({"billing_address"}),
    echoes=MappingProxyType({"has_trialed": unless_loaded("0"), "extra_information": always("")}),
    enums=MappingProxyType({"email_verification": ("none", "pending", "verified")}),
)

PAYMENT = Model(
    name="payment",
    label="Payment",
    fields=(
        *head(),
        Field("product_id", INT_TEXT, False),
        Field("customer_id", INT, 0),
        Field("membership_id", INT_TEXT, 0),
        Field("parent_id", INT_TEXT, ""),
        Field("currency", TEXT, ""),
        Field("subtotal", DECIMAL_TEXT, 0),
        Field("refund_total", DECIMAL_TEXT, 0),
        Field("discount_total", NUMBER, 0),
        Field("tax_total", DECIMAL_TEXT, 0),
        Field("discount_code", TEXT, ""),
        Field("total", DECIMAL_TEXT, 0),
        Field("status", TEXT, "completed"),
        Field("gateway", TEXT, ""),
        Field("gateway_payment_id", TEXT, ""),
        Field("line_items", ARRAY, [], in_meta=True),
        Field("invoice_number", UNREAD, "", in_meta=True),
        Field("cancel_membership_on_refund", UNREAD, "0", in_meta=True),
        Field("notes", RAW, None, fixed=True),
    ),
    searched=("gateway", "status"),
    unlisted=frozenset({"line_items"}),
    echoes=MappingProxyType(
        {"invoice_number": always(""), "cancel_membership_on_refund": always("0")}
    ),
    enums=MappingProxyType({"status": PAYMENT_STATUSES}),
)
