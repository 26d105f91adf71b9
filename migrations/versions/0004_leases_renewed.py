"""Leases tell when they were renewed and how long they last, since no two controllers' clocks are the same."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change; whoever holds a lease renews it within the usual 15 seconds."""
    with op.batch_alter_table("leases") as leases:
        leases.alter_column("expires_at", new_column_name="renewed_at")
        leases.add_column(sa.Column("lasts_s", sa.Double(), nullable=False, server_default="15"))


def downgrade() -> None:
    """Take the change back; a renewal becomes an expiry in the past, so that every lease is over."""
    with op.batch_alter_table("leases") as leases:
        leases.drop_column("lasts_s")
        leases.alter_column("renewed_at", new_column_name="expires_at")
