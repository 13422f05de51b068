"""Lay the first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

_JSON = sa.JSON()
_TIME = sa.DateTime(timezone=True)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _of_network(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_network_id_networks"
    return sa.ForeignKeyConstraint(["network_id"], ["networks.id"], name=name, ondelete="CASCADE")


def _mirrored(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("raw", _JSON, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("seen_pass", sa.Integer(), nullable=False),
        sa.Column("synced_at", _TIME, nullable=False),
        _of_network(table),
        sa.PrimaryKeyConstraint("network_id", "id", name=f"pk_{table}"),
    ]


def upgrade() -> None:
    op.create_table(
        "networks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("sealed_credentials", sa.String(), nullable=False),
        sa.Column("sealed_stripe_secrets", sa.String(), nullable=False),
        sa.Column("stripe_account", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("terms", _JSON, nullable=False),
        sa.Column("capabilities", _JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("checked_at", _TIME, nullable=True),
        sa.Column("synced_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_networks"),
    )
    op.create_index("ix_networks_name", "networks", ["name"], unique=True)

    op.create_table(
        "customers",
        *_mirrored("customers"),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("has_trialed", sa.Boolean(), nullable=True),
        sa.Column("email_verification", sa.String(), nullable=False),
        sa.Column("date_registered", _TIME, nullable=True),
    )
    op.create_index("ix_customers_email", "customers", ["email"])

    op.create_table(
        "discount_codes",
        *_mirrored("discount_codes"),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("setup_fee_type", sa.String(), nullable=False),
        sa.Column("setup_fee_value", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("apply_to_renewals", sa.Boolean(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=False),
        sa.Column("allowed_products", _JSON, nullable=True),
        sa.Column("allowed_periods", _JSON, nullable=True),
        sa.Column("date_start", _TIME, nullable=True),
        sa.Column("date_expiration", _TIME, nullable=True),
    )
    op.create_index("ix_discount_codes_code", "discount_codes", ["code"])

    op.create_table(
        "domains",
        *_mirrored("domains"),
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("primary_domain", sa.Boolean(), nullable=False),
        sa.Column("secure", sa.Boolean(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("date_modified", _TIME, nullable=True),
    )
    op.create_index("ix_domains_domain", "domains", ["domain"])

    op.create_table(
        "limits_rows",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(16), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("limits", _JSON, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("read_at", _TIME, nullable=False),
        _of_network("limits_rows"),
        sa.PrimaryKeyConstraint("network_id", "owner", "owner_id", "kind", name="pk_limits_rows"),
    )
    op.create_table(
        "memberships",
        *_mirrored("memberships"),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("addons", _JSON, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("initial_amount", sa.BigInteger(), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("duration_unit", sa.String(), nullable=False),
        sa.Column("recurring", sa.Boolean(), nullable=False),
        sa.Column("auto_renew", sa.Boolean(), nullable=False),
        sa.Column("billing_cycles", sa.Integer(), nullable=False),
        sa.Column("times_billed", sa.Integer(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("gateway_customer_id", sa.String(), nullable=False),
        sa.Column("gateway_subscription_id", sa.String(), nullable=False),
        sa.Column("discount", _JSON, nullable=True),
        sa.Column("date_created", _TIME, nullable=True),
        sa.Column("date_renewed", _TIME, nullable=True),
        sa.Column("date_expiration", _TIME, nullable=True),
        sa.Column("date_trial_end", _TIME, nullable=True),
        sa.Column("date_cancellation", _TIME, nullable=True),
        sa.Column("date_modified", _TIME, nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
    )
    op.create_index("ix_memberships_customer", "memberships", ["network_id", "customer_id"])
    op.create_index(
        "ix_memberships_subscription", "memberships", ["network_id", "gateway_subscription_id"]
    )

    op.create_table(
        "payments",
        *_mirrored("payments"),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("membership_id", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("subtotal", sa.BigInteger(), nullable=False),
        sa.Column("tax_total", sa.BigInteger(), nullable=False),
        sa.Column("discount_total", sa.BigInteger(), nullable=False),
        sa.Column("refund_total", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("gateway_payment_id", sa.String(), nullable=False),
        sa.Column("date_created", _TIME, nullable=True),
    )
    op.create_index("ix_payments_gateway_payment_id", "payments", ["gateway_payment_id"])
    op.create_index("ix_payments_membership", "payments", ["network_id", "membership_id"])

    op.create_table(
        "price_variations",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("duration_unit", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        _of_network("price_variations"),
        sa.PrimaryKeyConstraint(
            "network_id", "product_id", "duration", "duration_unit", name="pk_price_variations"
        ),
    )
    op.create_table(
        "products",
        *_mirrored("products"),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("pricing_type", sa.String(), nullable=False),
        sa.Column("plan_group", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("setup_fee", sa.BigInteger(), nullable=False),
        sa.Column("recurring", sa.Boolean(), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("duration_unit", sa.String(), nullable=False),
        sa.Column("trial_duration", sa.Integer(), nullable=False),
        sa.Column("trial_duration_unit", sa.String(), nullable=False),
        sa.Column("billing_cycles", sa.Integer(), nullable=False),
        sa.Column("list_order", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("taxable", sa.Boolean(), nullable=False),
        sa.Column("tax_category", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("feature_list", _JSON, nullable=False),
        sa.Column("contact_us_label", sa.String(), nullable=False),
        sa.Column("contact_us_link", sa.String(), nullable=False),
        sa.Column("pwyw_minimum", sa.BigInteger(), nullable=False),
        sa.Column("pwyw_suggested", sa.BigInteger(), nullable=False),
        sa.Column("pwyw_recurring_mode", sa.String(), nullable=False),
        sa.Column("available_addons", _JSON, nullable=True),
        sa.Column("variations_source", sa.String(), nullable=False),
        sa.Column("addons_source", sa.String(), nullable=False),
    )
    op.create_table(
        "quotes",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("membership_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("due_now", sa.BigInteger(), nullable=False),
        sa.Column("request", _JSON, nullable=False),
        sa.Column("document", _JSON, nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        _of_network("quotes"),
        sa.PrimaryKeyConstraint("id", name="pk_quotes"),
    )
    op.create_index("ix_quotes_membership_id", "quotes", ["membership_id"])
    op.create_index("ix_quotes_network_id", "quotes", ["network_id"])

    op.create_table(
        "seen_prices",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("duration_unit", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("membership_id", sa.Integer(), nullable=False),
        sa.Column("seen_pass", sa.Integer(), nullable=False),
        _of_network("seen_prices"),
        sa.PrimaryKeyConstraint(
            "network_id", "product_id", "duration", "duration_unit", "amount", name="pk_seen_prices"
        ),
    )
    op.create_table(
        "sites",
        *_mirrored("sites"),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("membership_id", sa.Integer(), nullable=True),
    )
    op.create_index("ix_sites_membership", "sites", ["network_id", "membership_id"])

    op.create_table(
        "sync_passes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("next_page", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(40), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        _of_network("sync_passes"),
        sa.PrimaryKeyConstraint("id", name="pk_sync_passes"),
    )
    op.create_index("ix_sync_passes_network", "sync_passes", ["network_id", "entity", "state"])

    op.create_table(
        "webhook_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("api_version", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("change_id", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("handled_at", _TIME, nullable=True),
        _of_network("webhook_events"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_events"),
    )
    op.create_index("ix_webhook_events_network_id", "webhook_events", ["network_id"])
    op.create_index("ix_webhook_events_state", "webhook_events", ["state", "id"])
    op.create_index("ix_webhook_events_type", "webhook_events", ["type"])
    op.create_index("uq_webhook_events", "webhook_events", ["account", "event_id"], unique=True)

    op.create_table(
        "changes",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("membership_id", sa.Integer(), nullable=False),
        sa.Column("quote_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("target", _JSON, nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount_due", sa.BigInteger(), nullable=False),
        sa.Column("amount_paid", sa.BigInteger(), nullable=True),
        sa.Column("payment_key", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("effective_at", _TIME, nullable=False),
        sa.Column("paid_at", _TIME, nullable=True),
        sa.Column("applied_at", _TIME, nullable=True),
        sa.Column("proven_at", _TIME, nullable=True),
        sa.Column("updated_at", _TIME, nullable=False),
        _of_network("changes"),
        sa.ForeignKeyConstraint(["quote_id"], ["quotes.id"], name="fk_changes_quote_id_quotes"),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
    )
    op.create_index("ix_changes_membership_id", "changes", ["membership_id"])
    op.create_index("ix_changes_network_id", "changes", ["network_id"])
    op.create_index("ix_changes_quote_id", "changes", ["quote_id"])
    op.create_index("ix_changes_state", "changes", ["state"])
    op.create_index(
        "uq_changes_open_membership",
        "changes",
        ["network_id", "membership_id"],
        unique=True,
        sqlite_where=sa.text("is_open = 1"),
        postgresql_where=sa.text("is_open"),
    )
    op.create_index("uq_changes_payment", "changes", ["network_id", "payment_key"], unique=True)

    op.create_table(
        "change_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("change_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("detail", _JSON, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["change_id"],
            ["changes.id"],
            name="fk_change_steps_change_id_changes",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_change_steps"),
    )
    op.create_index(
        "uq_change_steps", "change_steps", ["change_id", "name", "subject"], unique=True
    )


def downgrade() -> None:
    op.drop_table("change_steps")
    op.drop_table("changes")
    op.drop_table("webhook_events")
    op.drop_table("sync_passes")
    op.drop_table("sites")
    op.drop_table("seen_prices")
    op.drop_table("quotes")
    op.drop_table("products")
    op.drop_table("price_variations")
    op.drop_table("payments")
    op.drop_table("memberships")
    op.drop_table("limits_rows")
    op.drop_table("domains")
    op.drop_table("discount_codes")
    op.drop_table("customers")
    op.drop_table("networks")
