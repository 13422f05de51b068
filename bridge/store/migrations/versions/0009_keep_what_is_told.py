"""Keep notices to customers, and events for the operator's systems."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

_JSON = sa.JSON()
_TIME = sa.DateTime(timezone=True)

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _of_network(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["network_id"],
        ["networks.id"],
        name=f"fk_{table}_network_id_networks",
        ondelete="CASCADE",
    )


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("membership_id", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("facts", _JSON, nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("useless_after", _TIME, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("sent_at", _TIME, nullable=True),
        _of_network("notices"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("network_id", "kind", "subject", name="uq_notices_fact"),
    )
    op.create_index("ix_notices_due", "notices", ["state", "due_at"])
    op.create_index("ix_notices_membership", "notices", ["network_id", "membership_id"])
    op.create_table(
        "notice_switches",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("surveyed_at", _TIME, nullable=True),
        _of_network("notice_switches"),
        sa.PrimaryKeyConstraint("network_id", "kind", name="pk_notice_switches"),
    )
    op.create_table(
        "notice_profiles",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("from_name", sa.String(), nullable=False),
        sa.Column("from_address", sa.String(), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("renewal_days", sa.Integer(), nullable=False),
        _of_network("notice_profiles"),
        sa.PrimaryKeyConstraint("network_id", name="pk_notice_profiles"),
    )
    op.create_table(
        "limit_marks",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(16), nullable=False),
        sa.Column("owner_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("module", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("told", _JSON, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        _of_network("limit_marks"),
        sa.PrimaryKeyConstraint(
            "network_id", "owner", "owner_id", "module", "item", name="pk_limit_marks"
        ),
    )
    op.create_table(
        "site_uses",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("posts", _JSON, nullable=True),
        sa.Column("users", _JSON, nullable=True),
        sa.Column("untold", sa.String(), nullable=False),
        sa.Column("read_at", _TIME, nullable=False),
        _of_network("site_uses"),
        sa.PrimaryKeyConstraint("network_id", "site_id", name="pk_site_uses"),
    )
    op.create_table(
        "outgoing_events",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("membership_id", sa.Integer(), nullable=True),
        sa.Column("data", _JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        _of_network("outgoing_events"),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing_events"),
        sa.UniqueConstraint("network_id", "type", "subject", name="uq_outgoing_events_fact"),
    )
    op.create_index("ix_outgoing_events_created", "outgoing_events", ["created_at"])
    op.create_table(
        "hook_endpoints",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("sealed_secret", sa.String(), nullable=False),
        sa.Column("types", _JSON, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("failing_since", _TIME, nullable=True),
        sa.Column("disabled_why", sa.String(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        _of_network("hook_endpoints"),
        sa.PrimaryKeyConstraint("id", name="pk_hook_endpoints"),
    )
    op.create_index("ix_hook_endpoints_network_id", "hook_endpoints", ["network_id"])
    op.create_table(
        "hook_deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("endpoint_id", sa.String(40), nullable=False),
        sa.Column("event_id", sa.String(40), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("delivered_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["hook_endpoints.id"],
            name="fk_hook_deliveries_endpoint_id_hook_endpoints",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["outgoing_events.id"],
            name="fk_hook_deliveries_event_id_outgoing_events",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_hook_deliveries"),
        sa.UniqueConstraint("endpoint_id", "event_id", name="uq_hook_deliveries_event"),
    )
    op.create_index("ix_hook_deliveries_due", "hook_deliveries", ["state", "due_at"])
    op.create_index("ix_hook_deliveries_event", "hook_deliveries", ["event_id"])


def downgrade() -> None:
    op.drop_table("hook_deliveries")
    op.drop_table("hook_endpoints")
    op.drop_table("outgoing_events")
    op.drop_table("site_uses")
    op.drop_table("limit_marks")
    op.drop_table("notice_profiles")
    op.drop_table("notice_switches")
    op.drop_table("notices")
