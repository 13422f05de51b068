"""Keep credit that exceeded a price, for the membership's next change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("change_id", sa.String(40), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("membership_id", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["change_id"],
            ["changes.id"],
            name="fk_ledger_entries_change_id_changes",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["network_id"],
            ["networks.id"],
            name="fk_ledger_entries_network_id_networks",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("change_id", name="pk_ledger_entries"),
    )
    op.create_index(
        "ix_ledger_entries_membership", "ledger_entries", ["network_id", "membership_id"]
    )


def downgrade() -> None:
    op.drop_index("ix_ledger_entries_membership", table_name="ledger_entries")
    op.drop_table("ledger_entries")
