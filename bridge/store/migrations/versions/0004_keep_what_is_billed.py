"""Keep what is billed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

_JSON = sa.JSON()
_TIME = sa.DateTime(timezone=True)

revision = "0004"
down_revision = "0003"
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
        "stripe_seen",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=True),
        sa.Column("membership_id", sa.Integer(), nullable=True),
        sa.Column("subscription", sa.String(), nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("facts", _JSON, nullable=False),
        sa.Column("settled", _JSON, nullable=True),
        sa.Column("updated_at", _TIME, nullable=False),
        _of_network("stripe_seen"),
        sa.PrimaryKeyConstraint("account", "id", name="pk_stripe_seen"),
    )
    op.create_index(
        "ix_stripe_seen_membership", "stripe_seen", ["network_id", "membership_id", "kind"]
    )
    op.create_index("ix_stripe_seen_subscription", "stripe_seen", ["account", "subscription"])
    op.create_index("ix_stripe_seen_updated", "stripe_seen", ["updated_at"])

    op.create_table(
        "stripe_payment_ids",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("stripe_id", sa.String(), nullable=False),
        sa.Column("payment", sa.String(), nullable=False),
        sa.Column("assumed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account", "stripe_id", name="pk_stripe_payment_ids"),
    )
    op.create_index("ix_stripe_payment_ids_payment", "stripe_payment_ids", ["account", "payment"])

    op.create_table(
        "billings",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("membership_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("due_at", _TIME, nullable=True),
        sa.Column("held_until", _TIME, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("needs_operator", sa.Boolean(), nullable=False),
        sa.Column("noted", _JSON, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        _of_network("billings"),
        sa.PrimaryKeyConstraint("network_id", "membership_id", name="pk_billings"),
    )
    op.create_index("ix_billings_due", "billings", ["due_at"])

    op.create_table(
        "event_passes",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("compared_to", _TIME, nullable=True),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("pass_from", _TIME, nullable=True),
        sa.Column("pass_to", _TIME, nullable=True),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("alarm", sa.String(), nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        _of_network("event_passes"),
        sa.PrimaryKeyConstraint("network_id", name="pk_event_passes"),
    )


def downgrade() -> None:
    for table in ("event_passes", "billings", "stripe_payment_ids", "stripe_seen"):
        op.drop_table(table)
