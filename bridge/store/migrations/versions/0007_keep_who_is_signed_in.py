"""Keep who is signed in to the pages, operators, what they did, and brands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

_JSON = sa.JSON()
_TIME = sa.DateTime(timezone=True)

revision = "0007"
down_revision = "0006"
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
        "used_links",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("link_id", sa.String(64), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=False),
        _of_network("used_links"),
        sa.PrimaryKeyConstraint("network_id", "link_id", name="pk_used_links"),
    )
    op.create_table(
        "operators",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("oidc_subject", sa.String(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("signed_in_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_operators"),
        sa.UniqueConstraint("email", name="uq_operators_email"),
        sa.UniqueConstraint("oidc_subject", name="uq_operators_oidc_subject"),
    )
    op.create_table(
        "web_sessions",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("operator_id", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        _of_network("web_sessions"),
        sa.ForeignKeyConstraint(
            ["operator_id"],
            ["operators.id"],
            name="fk_web_sessions_operator_id_operators",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_web_sessions"),
    )
    op.create_index("ix_web_sessions_customer", "web_sessions", ["network_id", "customer_id"])
    op.create_index("ix_web_sessions_operator", "web_sessions", ["operator_id"])
    op.create_index("ix_web_sessions_expires_at", "web_sessions", ["expires_at"])
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("membership_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_at", "audit_entries", ["at"])
    op.create_index("ix_audit_entries_network", "audit_entries", ["network", "at"])
    op.create_table(
        "network_brands",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("colour", sa.String(7), nullable=False),
        sa.Column("logo", sa.LargeBinary(), nullable=False),
        sa.Column("logo_type", sa.String(40), nullable=False),
        sa.Column("support_email", sa.String(), nullable=False),
        _of_network("network_brands"),
        sa.PrimaryKeyConstraint("network_id", name="pk_network_brands"),
    )


def downgrade() -> None:
    op.drop_table("network_brands")
    op.drop_table("audit_entries")
    op.drop_table("web_sessions")
    op.drop_table("operators")
    op.drop_table("used_links")
