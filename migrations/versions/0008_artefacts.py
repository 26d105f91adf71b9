"""Files that runs left for people, such as profiles."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "artefacts",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_artefacts_run_id_runs"),
        sa.PrimaryKeyConstraint("run_id", "name", name="pk_artefacts"),
    )


def downgrade() -> None:
    """Take the change back, and with it the files."""
    op.drop_table("artefacts")
