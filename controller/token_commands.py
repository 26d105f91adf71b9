"""The commands `gradfilter tokens …`, on the controller's own database, so that the first token can be made."""

from typing import Annotated

import typer

from controller import listing
from controller.access.board_tokens import BadKeyError, BoardTokens
from controller.access.tokens import TokenScope
from controller.errors import ServiceError
from controller.job_file import InputError
from controller.local_store import local_settings, local_store
from controller.terminal import show_table

tokens = typer.Typer(help="Make, list and revoke tokens, on the controller's machine.", no_args_is_help=True)


@tokens.command("create")
def create_token(
    user: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is; jobs carry this name.")],
    scope: Annotated[
        TokenScope, typer.Option(help="read: look; submit: also submit and cancel jobs; admin: also change devices.")
    ] = "submit",
) -> None:
    """Make a token and print it, once: the database keeps its digest only."""
    with local_store() as store:
        try:
            made = store.tokens.create(user, scope)
        except ValueError as error:
            raise InputError(str(error)) from error
    typer.echo("keep it: it cannot be shown again. The command line takes it from GRADFILTER_TOKEN.", err=True)
    typer.echo(made)


@tokens.command("list")
def list_tokens() -> None:
    """List the tokens: whose they are and what they allow."""
    with local_store() as store:
        show_table(
            listing.token_table, store.tokens.all(), "there are no tokens; `gradfilter tokens create` makes one."
        )


@tokens.command("revoke")
def revoke_token(token_id: Annotated[str, typer.Argument(metavar="ID", help="As `tokens list` shows it.")]) -> None:
    """Let a token open nothing any more, from now on."""
    with local_store() as store:
        try:
            gone = store.tokens.revoke(token_id)
        except ServiceError as error:
            raise InputError(str(error)) from error
    typer.echo(f"token {gone.id} of {gone.user} is revoked.")


@tokens.command("board")
def show_board_token(
    device: Annotated[str, typer.Argument(metavar="NAME", help="The board's name in the lab.")],
) -> None:
    """Print a board's own token, to be its agent's GRADFILTER_AGENT_TOKEN."""
    try:
        typer.echo(BoardTokens.kept_in(local_settings().board_key).of(device))
    except (BadKeyError, OSError) as error:
        raise InputError(str(error)) from error
