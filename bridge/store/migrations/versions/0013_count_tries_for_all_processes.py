"""Count tries to sign in for all processes together.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "try_counts",
        sa.Column("counter", sa.String(length=64), nullable=False),
        sa.Column("times", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("counter", name="pk_try_counts"),
    )
    op.create_index("ix_try_counts_expires_at", "try_counts", ["expires_at"])


def downgrade() -> None:
    op.drop_table("try_counts")
