"""The commands `gradfilter backup`, `restore` and `export`: on the controller's machine, on its own database."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from controller.job_file import InputError
from controller.local_store import local_settings, local_store


def add_storage_commands(app: typer.Typer) -> None:
    """Let the command line have them."""
    app.command()(backup)
    app.command()(restore)
    app.command()(export)


def backup(file: Annotated[Path, typer.Argument(help="Where the copy goes; it must not be there yet.")]) -> None:
    """Copy the controller's SQLite database, also while it runs. board.key and settings are files of their own."""
    from controller.store.backup import BackupError, back_up  # noqa: PLC0415 - the other commands need no database

    try:
        size_bytes = back_up(local_settings().database, file)
    except (BackupError, OSError) as error:
        raise InputError(str(error)) from error
    typer.echo(f"{file}: {size_bytes / 1e6:.1f} MB, whole.")


def restore(file: Annotated[Path, typer.Argument(help="What `gradfilter backup` wrote.")]) -> None:
    """Put a copy in the place of a database that was moved away, for a controller that is stopped."""
    from controller.store import backup as copies  # noqa: PLC0415 - as above

    try:
        copies.restore(file, local_settings().database)
    except (copies.BackupError, OSError) as error:
        raise InputError(str(error)) from error
    typer.echo(f"{file} is now the controller's database; start it with `gradfilter controller`.")


def export(
    folder: Annotated[Path, typer.Argument(help="A folder that is empty or not there.")],
    file_format: Annotated[Literal["parquet", "csv"], typer.Option("--format")] = "parquet",
) -> None:
    """Write everything that the controller knows, but its tokens, as files with a manifest of checksums."""
    from controller.store import export as exporting  # noqa: PLC0415 - as above

    with local_store() as store:
        try:
            files = exporting.export(store.database, folder, file_format)
        except OSError as error:
            raise InputError(str(error)) from error
    rows = sum(file.rows for file in files)
    typer.echo(f"{len(files)} files with {rows} rows in {folder}; {exporting.MANIFEST} has their checksums.")
