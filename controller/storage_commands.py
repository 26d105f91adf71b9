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
    app.command()(retention)


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


def retention(
    *,
    days: Annotated[float | None, typer.Option(min=0, help="Keep series and files of runs that ended since.")] = None,
    most_bytes: Annotated[int | None, typer.Option("--bytes", min=0, help="Keep so many bytes, the newest.")] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Drop the rest; without, only say how much it is.")] = False,
) -> None:
    """Drop sensor series and files of old runs; records and results stay. Without a limit, by the settings."""
    from controller.making_room import policy_of  # noqa: PLC0415 - the other commands need no database
    from controller.store import Policy  # noqa: PLC0415 - as above

    given = Policy(days, most_bytes)
    policy = policy_of(local_settings()) if given == Policy() else given
    if policy == Policy():
        raise InputError("nothing says what to keep: give --days or --bytes, or set keep_series_days.")
    with local_store() as store:
        found = store.retention.sweep(policy) if drop else store.retention.surplus(policy)
    size = f"{found.size_bytes / 1e6:.1f} MB of series and files, of {found.runs} runs"
    typer.echo(f"{size}, were dropped." if drop else f"{size}, would be dropped by --drop.")
