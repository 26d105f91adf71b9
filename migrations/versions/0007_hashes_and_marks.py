"""Hashes of raw data as they were stored, and marks of what was changed about a device."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change; records of before have no hash."""
    with op.batch_alter_table("records") as records:
        records.add_column(sa.Column("digest", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "marks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_marks"),
    )
    op.create_index("ix_marks_device", "marks", ["device"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_marks_device", "marks")
    op.drop_table("marks")
    with op.batch_alter_table("records") as records:
        records.drop_column("digest")
