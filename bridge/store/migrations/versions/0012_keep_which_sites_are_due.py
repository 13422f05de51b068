"""Keep for the sake of which products sites are to be read again.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "due_products",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cursor", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"],
            ["networks.id"],
            name="fk_due_products_network_id_networks",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("network_id", "product_id", name="pk_due_products"),
    )


def downgrade() -> None:
    op.drop_table("due_products")
