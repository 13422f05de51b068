"""Find rows for the console.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_sites_domain", "sites", ["domain"])
    op.create_index("ix_customers_billing_email", "customers", ["billing_email"])
    op.create_index("ix_changes_proven_at", "changes", ["proven_at"])
    op.create_index("ix_webhook_events_received", "webhook_events", ["received_at", "state"])
    op.create_index(
        "ix_webhook_events_change",
        "webhook_events",
        ["change_id"],
        sqlite_where=sa.text("change_id IS NOT NULL"),
        postgresql_where=sa.text("change_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_events_change", "webhook_events")
    op.drop_index("ix_webhook_events_received", "webhook_events")
    op.drop_index("ix_changes_proven_at", "changes")
    op.drop_index("ix_customers_billing_email", "customers")
    op.drop_index("ix_sites_domain", "sites")
