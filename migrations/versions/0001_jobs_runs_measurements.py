"""Jobs, runs and what they measured."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "devices",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("maintenance", sa.Boolean(), nullable=False),
        sa.Column("answers", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.Text(), nullable=False),
        sa.Column("last_seen_at", sa.Text(), nullable=True),
        sa.Column("description", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_devices"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_device", "jobs", ["device"])
    op.create_index("ix_jobs_model", "jobs", ["model"])
    op.create_index("ix_jobs_state", "jobs", ["state"])
    op.create_table(
        "leases",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_leases_job_id_jobs"),
        sa.PrimaryKeyConstraint("device", name="pk_leases"),
    )
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("on_agent", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_runs_job_id_jobs"),
        sa.PrimaryKeyConstraint("number", name="pk_runs"),
        sa.UniqueConstraint("id", name="uq_runs_id"),
        sa.UniqueConstraint(
            "job_id", "purpose", "variant", "block", "attempt", name="uq_runs_job_id_purpose_variant_block_attempt"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_device", "runs", ["device"])
    op.create_index("ix_runs_state", "runs", ["state"])
    op.create_table(
        "measurements",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_measurements_run_id_runs"),
        sa.PrimaryKeyConstraint("run_id", "metric", "part", name="pk_measurements"),
    )
    op.create_index("ix_measurements_metric_run_id", "measurements", ["metric", "run_id"])
    op.create_table(
        "records",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("measured_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_records_run_id_runs"),
        sa.PrimaryKeyConstraint("run_id", name="pk_records"),
    )
    op.create_index("ix_records_measured_by", "records", ["measured_by"])
    op.create_table(
        "run_methods",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_methods_run_id_runs"),
        sa.PrimaryKeyConstraint("run_id", "method", name="pk_run_methods"),
    )
    op.create_table(
        "series",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("parquet", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_series_run_id_runs"),
        sa.PrimaryKeyConstraint("run_id", name="pk_series"),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("series")
    op.drop_table("run_methods")
    op.drop_index("ix_records_measured_by", table_name="records")
    op.drop_table("records")
    op.drop_index("ix_measurements_metric_run_id", table_name="measurements")
    op.drop_table("measurements")
    op.drop_index("ix_runs_state", table_name="runs")
    op.drop_index("ix_runs_device", table_name="runs")
    op.drop_table("runs")
    op.drop_table("leases")
    op.drop_index("ix_jobs_state", table_name="jobs")
    op.drop_index("ix_jobs_model", table_name="jobs")
    op.drop_index("ix_jobs_device", table_name="jobs")
    op.drop_table("jobs")
    op.drop_table("devices")
