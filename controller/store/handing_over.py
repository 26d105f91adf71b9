"""Before another release takes over: bring the database down to the newest schema that it knows.

    python -m controller.store.handing_over PYTHON

The release that is left runs it, since only the newer of two knows the way down; PYTHON is the other one's. Rows that
fit the older schema stay. It says what it did; nothing where the other release knows the schema as it is.
"""

import subprocess
import sys

from alembic.script import ScriptDirectory
from sqlalchemy import text

from controller.settings import Settings
from controller.store.database import Database, migrations

_SAY_NEWEST = "from controller.store.handing_over import newest; print(newest())"


def newest() -> str:
    """The schema of this release."""
    return str(ScriptDirectory.from_config(migrations()).get_current_head())


def hand_over(database: Database, wanted: str) -> str:
    """Take the schema back if it is newer than the wanted one; what it was, '' where it may stay.

    Raises:
        MigrationError: rows would be left that refer to nothing; nothing is changed.
    """
    known = [script.revision for script in ScriptDirectory.from_config(migrations()).walk_revisions()]
    with database.reading() as session:
        current = str(session.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    if wanted not in known[known.index(current) + 1 :]:
        return ""
    database.take_back(wanted)
    return current


def main(other_python: str) -> None:
    """Hand over the database of this host's settings to the release of the other Python."""
    asked = subprocess.run([other_python, "-c", _SAY_NEWEST], capture_output=True, text=True, check=True)
    wanted = asked.stdout.strip()
    database = Database(Settings().database)
    if before := hand_over(database, wanted):
        print(f"the database was taken back from schema {before} to {wanted}")  # noqa: T201 - a program's word
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
