"""What retention dropped, and indexes for what is asked of a million runs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NEW = (("device", "number"), ("variant", "number"), ("state", "purpose"), ("finished_at",))
_OLD = (("device",), ("state",))


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "dropped",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("foreign_load", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_dropped_run_id_runs"),
        sa.PrimaryKeyConstraint("run_id", name="pk_dropped"),
    )
    _exchange(_OLD, _NEW)
    op.create_index("ix_run_methods_method", "run_methods", ["method"])


def downgrade() -> None:
    """Take the change back: what was dropped stays so, and nobody knows it any more."""
    op.drop_index("ix_run_methods_method", "run_methods")
    _exchange(_NEW, _OLD)
    op.drop_table("dropped")


def _exchange(old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> None:
    """Indexes of the runs, by their columns."""
    for columns in old:
        op.drop_index(f"ix_runs_{'_'.join(columns)}", "runs")
    for columns in new:
        op.create_index(f"ix_runs_{'_'.join(columns)}", "runs", list(columns))
