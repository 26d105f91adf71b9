"""What the commands share: the connection, and how they print, write and fail."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from controller.client import DEFAULT_URL, Client
from controller.job_file import InputError

FAILED, AT_FAULT, INTERRUPTED = 1, 2, 130
PIPED_WIDTH = 200  # columns of a table that goes into a file or another program

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, as submit printed it.")]
ControllerUrl = Annotated[str | None, typer.Option("--controller", metavar="URL", help="Where the controller listens.")]


def connect(context: typer.Context, controller: str | None) -> Client:
    """The client of the controller named after the command, before it, or in the environment.

    A token comes from the environment alone, since other users of a machine can read what is typed.
    """
    token, ca_file = os.environ.get("GRADFILTER_TOKEN"), os.environ.get("GRADFILTER_CA")
    return Client(controller or context.obj, token=token or None, ca_file=ca_file or None)


def given(**values: Any) -> dict[str, Any]:
    """The flags that were typed."""
    return {name: value for name, value in values.items() if value is not None}


def show_table(table: Callable[[Sequence[Any]], Table], rows: Sequence[Any], advice: str) -> None:
    """Print rows as a table; without rows, what to do about it."""
    if rows:
        Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table(rows))
    else:
        typer.echo(advice, err=True)


def deliver_files(files: Mapping[str, bytes], folder: Path, advice: str) -> None:
    """Write documents into a folder, which is made where it is missing; without any, what to do about it."""
    if not files:
        typer.echo(advice, err=True)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise InputError(f"cannot write into {str(folder)!r}: {error.strerror}.") from error
    typer.echo(f"{len(files)} files written into {folder}", err=True)


def deliver(text: str, output: Path | None) -> None:
    """Print a document, or write it to a file."""
    if output is None:
        typer.echo(text.rstrip("\n"))
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {str(output)!r}: {error.strerror}.") from error
    typer.echo(f"written to {output}", err=True)


def command(client: Client, *words: str) -> str:
    """A command to type next, with the controller's address where it is not the usual one."""
    where = "" if client.base_url == DEFAULT_URL else f" --controller {client.base_url}"
    return f"`gradfilter {' '.join(words)}{where}`"


def fail(sentence: str, status: int, fields: list[tuple[str, str]] | None = None) -> NoReturn:
    """Say what is wrong on standard error and end."""
    complain(sentence, fields)
    raise SystemExit(status)


def complain(sentence: str, fields: list[tuple[str, str]] | None = None) -> None:
    """Say what is wrong on standard error."""
    typer.echo(f"gradfilter: {sentence}", err=True)
    for field, message in fields or []:
        if message not in sentence:
            typer.echo(f"  {field}: {message}" if field else f"  {message}", err=True)
        elif field not in sentence:
            typer.echo(f"  in the field {field}", err=True)
