"""The controller's own settings and database, for the commands that work on its machine without asking it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError

from controller.job_file import InputError
from controller.settings import Settings

if TYPE_CHECKING:
    from controller.store import Store


def local_settings() -> Settings:
    """The settings that a controller started here would have."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"the controller's setting {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
    except (ValueError, OSError) as error:
        raise InputError(f"the controller's settings cannot be read: {error}.") from error


@contextmanager
def local_store() -> Iterator["Store"]:
    """That controller's database, brought up to date; the controller may be running."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - the other commands need no database

    from controller.store import Store  # noqa: PLC0415 - as above

    try:
        store = Store(local_settings().database)
        store.database.migrate()
    except (OSError, SQLAlchemyError) as error:
        raise InputError(f"the controller's database cannot be opened: {str(error).splitlines()[0]}.") from error
    try:
        yield store
    finally:
        store.close()
