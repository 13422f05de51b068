"""Models about what is sold: products and discount codes (domain/entities.md §2.1, §2.6)."""

from __future__ import annotations

from types import MappingProxyType

from bridge.sandbox.customer_models import PERIODS
from bridge.sandbox.forms import (
    BOOL,
    DATE,
    DECIMAL_TEXT,
    INT,
    INT_TEXT,
    NUMBER,
    RAW,
    TEXT,
    UNREAD,
    Form,
    Json,
    integer,
    keep,
    truthy,
)
from bridge.sandbox.models import Field, Model, always, by_loading, head, unless_loaded
from bridge.sandbox.releases import BEFORE_2_4_8, BEFORE_HEAD


def _ids(value: Json) -> list[int]:
    items = value.split(",") if isinstance(value, str) else value or []
    return [integer(each) for each in items]


def _listed_features(value: Json) -> Json:
    return value or False


TAXABLE = Form(put=truthy, store=truthy, read=lambda _: True)
TAX_CATEGORY = Form(put=keep, store=keep, read=lambda value: value or "default")
FEATURES = Form(put=keep, store=keep, read=_listed_features)
ADDONS = Form(put=_ids, store=_ids, read=keep)

PRODUCT = Model(
    name="product",
    label="Product",
    fields=(
        *head(slug=True),
        Field("name"),
        Field("description"),
        Field("currency"),
        Field("pricing_type", TEXT, "paid"),
        Field("setup_fee", NUMBER, 0),
        Field("parent_id", INT_TEXT, 0),
        Field("recurring", BOOL, True),
        Field("trial_duration", INT_TEXT, 0),
        Field("trial_duration_unit", TEXT, "day"),
        Field("duration", INT_TEXT, 1),
        Field("duration_unit", TEXT, "month"),
        Field("amount", NUMBER, 0),
        Field("billing_cycles", INT, 0),
        Field("list_order", INT_TEXT, 0),
        Field("active", BOOL, True),
        Field("type", TEXT, "plan"),
        Field("featured_image_id", INT_TEXT, 0, in_meta=True),
        Field("taxable", TAXABLE, True),
        Field("tax_category", TAX_CATEGORY, "", in_meta=True),
        Field("feature_list", FEATURES, by_loading(False, None), in_meta=True),
        Field("customer_role", RAW, None, fixed=True),
        Field("price_variations", UNREAD, None, in_meta=True),
        Field("available_addons", ADDONS, [], in_meta=True),
        Field("product_group", setter="group"),
        Field("network_id", RAW, None, absent=BEFORE_2_4_8),
        Field("demo_behavior", UNREAD, "delete_after_time", in_meta=True, absent=BEFORE_HEAD),
        Field("contact_us_label", TEXT, "", in_meta=True),
        Field("contact_us_link", TEXT, by_loading("", None), in_meta=True),
        Field("legacy_options", BOOL, by_loading(False, None), in_meta=True),
        Field("pwyw_minimum_amount", NUMBER, "0", in_meta=True, absent=BEFORE_2_4_8),
        Field("pwyw_suggested_amount", NUMBER, "0", in_meta=True, absent=BEFORE_2_4_8),
        Field("pwyw_recurring_mode", TEXT, "customer_choice", in_meta=True, absent=BEFORE_2_4_8),
        Field("limitations", RAW, [], fixed=True),
        Field("featured_plan", RAW, None, fixed=True),
    ),
    searched=("name", "slug"),
    unlisted=frozenset({"price_variations", "list_order"}),
    echoes=MappingProxyType(
        {
            "tax_category": unless_loaded(""),
            "contact_us_label": unless_loaded(""),
            "demo_behavior": always("delete_after_time"),
            "pwyw_minimum_amount": unless_loaded("0"),
            "pwyw_suggested_amount": unless_loaded("0"),
            "pwyw_recurring_mode": unless_loaded("customer_choice"),
        }
    ),
    enums=MappingProxyType(
        {
            "pricing_type": ("free", "paid", "contact_us", "pay_what_you_want"),
            "type": ("plan", "service", "package", "demo"),
            "duration_unit": PERIODS,
        }
    ),
)

DISCOUNT_CODE = Model(
    name="discount_code",
    label="Discount Code",
    fields=(
        *head(migrated=None),
        Field("name"),
        Field("code"),
        Field("description", TEXT, None),
        Field("uses", INT, 0),
        Field("max_uses", INT, 1),
        Field("apply_to_renewals", BOOL, False),
        Field("type", TEXT, "percentage"),
        Field("value", DECIMAL_TEXT, 0),
        Field("setup_fee_type", TEXT, "percentage"),
        Field("setup_fee_value", DECIMAL_TEXT, by_loading(0, None)),
        Field("active", BOOL, True),
        Field("limit_products", UNREAD, "0", in_meta=True),
        Field("allowed_products", UNREAD, None, in_meta=True),
        Field("limit_billing_periods", UNREAD, "0", in_meta=True, absent=BEFORE_2_4_8),
        Field("allowed_billing_periods", UNREAD, None, in_meta=True, absent=BEFORE_2_4_8),
        Field("date_start", DATE, None),
        Field("date_expiration", DATE, None),
    ),
    searched=("name", "code"),
    echoes=MappingProxyType({"limit_products": always("0"), "limit_billing_periods": always("0")}),
    enums=MappingProxyType(
        {
            "type": ("percentage", "absolute"),
            "setup_fee_type": ("percentage", "absolute"),
        }
    ),
)
