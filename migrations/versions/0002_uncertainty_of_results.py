"""What a meter may be wrong by, beside each result."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change, and have every result made again from its record when the controller starts."""
    with op.batch_alter_table("measurements") as measurements:
        measurements.add_column(sa.Column("standard_uncertainty", sa.Double(), nullable=True))
    op.execute("UPDATE records SET measured_by = ''")


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("measurements") as measurements:
        measurements.drop_column("standard_uncertainty")
