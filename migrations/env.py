"""Runs migrations on the connection that the controller hands over, or on `-x url=...` of the alembic command."""

from alembic import context
from sqlalchemy import Connection, create_engine

from controller.tables import Base


def migrate(connection: Connection) -> None:
    """Apply what was asked for in one transaction; batch mode is how SQLite alters a table."""
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    migrate(handed_over)
else:
    url = context.get_x_argument(as_dictionary=True).get("url")
    if url is None:
        raise SystemExit("say which database: alembic -c migrations/alembic.ini -x url=sqlite:///path ...")
    with create_engine(url).connect() as own:
        migrate(own)
