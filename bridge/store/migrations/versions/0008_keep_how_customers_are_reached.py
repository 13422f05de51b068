"""Keep customers' e-mail, locale and name, and how each network is to be treated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NEW = ("locale", "display_name", "billing_email")


def upgrade() -> None:
    with op.batch_alter_table("customers") as table:
        for name in _NEW:
            table.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("contact_read_at", sa.DateTime(timezone=True), nullable=True))
    # What stood there was the billing address's.
    op.execute("UPDATE customers SET billing_email = email, email = ''")
    with op.batch_alter_table("customers") as table:
        for name in _NEW:
            table.alter_column(name, server_default=None)
    with op.batch_alter_table("networks") as table:
        table.add_column(sa.Column("options", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("networks") as table:
        table.alter_column("options", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("networks") as table:
        table.drop_column("options")
    op.execute("UPDATE customers SET email = billing_email")
    with op.batch_alter_table("customers") as table:
        for name in ("contact_read_at", *_NEW):
            table.drop_column(name)
