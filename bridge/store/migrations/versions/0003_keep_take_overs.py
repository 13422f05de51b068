"""Keep memberships taken over from the plugin's gateway."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

_JSON = sa.JSON()
_TIME = sa.DateTime(timezone=True)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _of_network(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_network_id_networks"
    return sa.ForeignKeyConstraint(["network_id"], ["networks.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "adoptions",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("membership_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.String(40), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("before", _JSON, nullable=False),
        sa.Column("writes", _JSON, nullable=False),
        sa.Column("marks", _JSON, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("begun_at", _TIME, nullable=False),
        sa.Column("adopted_at", _TIME, nullable=True),
        sa.Column("reverted_at", _TIME, nullable=True),
        _of_network("adoptions"),
        sa.PrimaryKeyConstraint("network_id", "membership_id", name="pk_adoptions"),
    )
    op.create_index("ix_adoptions_state", "adoptions", ["network_id", "state"])

    op.create_table(
        "adoption_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("membership_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(40), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("detail", _JSON, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        _of_network("adoption_steps"),
        sa.PrimaryKeyConstraint("id", name="pk_adoption_steps"),
    )
    op.create_index(
        "ix_adoption_steps_membership", "adoption_steps", ["network_id", "membership_id"]
    )

    op.create_table(
        "plugin_endpoints",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("disabled_at", _TIME, nullable=False),
        sa.Column("enabled_at", _TIME, nullable=True),
        _of_network("plugin_endpoints"),
        sa.PrimaryKeyConstraint("network_id", "endpoint_id", name="pk_plugin_endpoints"),
    )


def downgrade() -> None:
    op.drop_table("plugin_endpoints")
    op.drop_table("adoption_steps")
    op.drop_table("adoptions")
