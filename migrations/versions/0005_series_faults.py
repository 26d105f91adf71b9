"""Jobs that belong together, boards that take no jobs until somebody looks, and whose turn it is."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change; a job of before is a series by itself."""
    op.add_column("devices", sa.Column("fault", sa.Text(), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("series", sa.Integer(), nullable=True))
    op.execute("UPDATE jobs SET series = id")
    op.create_index("ix_jobs_series", "jobs", ["series"])
    op.create_index("ix_jobs_user_started_at", "jobs", ["user", "started_at"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_jobs_user_started_at", table_name="jobs")
    op.drop_index("ix_jobs_series", table_name="jobs")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("series")
    with op.batch_alter_table("devices") as devices:
        devices.drop_column("fault")
