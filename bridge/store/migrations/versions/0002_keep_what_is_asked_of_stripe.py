"""Keep what is asked of Stripe."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

_JSON = sa.JSON()
_TIME = sa.DateTime(timezone=True)

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("networks") as networks:
        networks.add_column(
            sa.Column("sealed_stripe_key", sa.String(), nullable=False, server_default="")
        )
    with op.batch_alter_table("networks") as networks:
        networks.alter_column("sealed_stripe_key", server_default=None)

    op.create_table(
        "collections",
        sa.Column("change_id", sa.String(40), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("membership_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("plan", _JSON, nullable=False),
        sa.Column("stripe_customer", sa.String(), nullable=False),
        sa.Column("stripe_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("success_url", sa.String(), nullable=False),
        sa.Column("cancel_url", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["change_id"],
            ["changes.id"],
            name="fk_collections_change_id_changes",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["network_id"],
            ["networks.id"],
            name="fk_collections_network_id_networks",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("change_id", name="pk_collections"),
    )
    op.create_index("ix_collections_membership", "collections", ["network_id", "membership_id"])
    op.create_index("ix_collections_state", "collections", ["state", "due_at"])

    op.create_table(
        "stripe_customers",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stripe_id", sa.String(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"],
            ["networks.id"],
            name="fk_stripe_customers_network_id_networks",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("network_id", "customer_id", name="pk_stripe_customers"),
    )


def downgrade() -> None:
    op.drop_table("stripe_customers")
    op.drop_table("collections")
    with op.batch_alter_table("networks") as networks:
        networks.drop_column("sealed_stripe_key")
