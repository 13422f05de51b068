"""Keep drift, schedules and heartbeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

_JSON = sa.JSON()
_TIME = sa.DateTime(timezone=True)

revision = "0006"
down_revision = "0005"
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
        "drift_scans",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(20), nullable=False),
        sa.Column("cursor", sa.Integer(), nullable=False),
        sa.Column("sites", sa.Integer(), nullable=False),
        sa.Column("drifted", sa.Integer(), nullable=False),
        sa.Column("repaired", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("unproven", sa.Integer(), nullable=False),
        sa.Column("notes", _JSON, nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("started_at", _TIME, nullable=True),
        sa.Column("finished_at", _TIME, nullable=True),
        _of_network("drift_scans"),
        sa.PrimaryKeyConstraint("network_id", name="pk_drift_scans"),
    )
    op.create_table(
        "drift_findings",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("membership_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("differences", _JSON, nullable=False),
        sa.Column("overrides", _JSON, nullable=False),
        sa.Column("expected", _JSON, nullable=False),
        sa.Column("shown", _JSON, nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("found_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("repaired_at", _TIME, nullable=True),
        _of_network("drift_findings"),
        sa.PrimaryKeyConstraint("network_id", "site_id", name="pk_drift_findings"),
    )
    op.create_table(
        "job_schedules",
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("running_by", sa.String(), nullable=False),
        sa.Column("started_at", _TIME, nullable=True),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.Column("succeeded_at", _TIME, nullable=True),
        sa.Column("succeeded", sa.Boolean(), nullable=True),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        _of_network("job_schedules"),
        sa.PrimaryKeyConstraint("network_id", "job", name="pk_job_schedules"),
    )
    op.create_index("ix_job_schedules_due", "job_schedules", ["due_at"])
    op.create_table(
        "heartbeats",
        sa.Column("executor_id", sa.String(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("beat_at", _TIME, nullable=False),
        sa.Column("stopped_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("executor_id", name="pk_heartbeats"),
    )


def downgrade() -> None:
    for table in ("heartbeats", "job_schedules", "drift_findings", "drift_scans"):
        op.drop_table(table)
