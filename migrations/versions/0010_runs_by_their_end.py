"""Indexes of runs in the order in which they ended, which is the order of results."""

from collections.abc import Sequence

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NEW = (("device", "finished_at", "number"), ("variant", "finished_at", "number"), ("finished_at", "number"))
_OLD = (("device", "number"), ("variant", "number"), ("finished_at",))


def upgrade() -> None:
    """Apply the change."""
    _exchange(_OLD, _NEW)


def downgrade() -> None:
    """Take the change back."""
    _exchange(_NEW, _OLD)


def _exchange(old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> None:
    """Indexes of the runs, by their columns."""
    for columns in old:
        op.drop_index(f"ix_runs_{'_'.join(columns)}", "runs")
    for columns in new:
        op.create_index(f"ix_runs_{'_'.join(columns)}", "runs", list(columns))
