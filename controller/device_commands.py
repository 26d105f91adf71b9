"""The commands `gradfilter devices …`."""

from typing import Annotated

import typer
from rich.console import Console

from controller import listing
from controller.discovery import discover
from controller.job_file import InputError
from controller.jobs import DeviceView, NewDevice
from controller.terminal import ControllerUrl, command, connect, given, show_table

devices = typer.Typer(help="List the boards, add, change and remove them.", invoke_without_command=True)

DeviceName = Annotated[str, typer.Argument(metavar="NAME", help="The board's name in the lab.")]


@devices.callback()
def list_by_default(context: typer.Context, controller: ControllerUrl = None) -> None:
    """List the boards, add, change and remove them."""
    context.obj = controller or context.find_root().obj
    if context.invoked_subcommand is None:
        list_devices(context)


@devices.command("list")
def list_devices(context: typer.Context, controller: ControllerUrl = None) -> None:
    """List the boards with their health and what they do now."""
    advice = "no board is registered; start an agent and add it with `gradfilter devices add NAME URL`."
    with connect(context, controller) as client:
        show_table(listing.device_table, client.devices(), advice)


@devices.command("show")
def show_device(context: typer.Context, name: DeviceName, controller: ControllerUrl = None) -> None:
    """Show what a board is, which sensors it reads and what its worker offers."""
    with connect(context, controller) as client:
        Console().print(listing.device_page(client.device(name)))


@devices.command("add")
def add_device(
    context: typer.Context,
    name: DeviceName,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where its agent listens, as http://nano-1:8101.")],
    tag: Annotated[list[str] | None, typer.Option(help="A word to select boards by.")] = None,
    controller: ControllerUrl = None,
) -> None:
    """Register a board by the address of its agent."""
    try:
        new = NewDevice(name=name, url=url, tags=tag or [])
    except ValueError as error:
        raise InputError(str(error)) from error
    with connect(context, controller) as client:
        device = client.add_device(new)
        typer.echo(f"device {device.name} is {device.health}{device.health_reason and ': ' + device.health_reason}")


@devices.command("discover")
def discover_devices(
    context: typer.Context,
    *,
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="How long to listen.")] = 5,
    interface: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Listen on one network: this machine's address there.")
    ] = None,
    controller: ControllerUrl = None,
) -> None:
    """List the agents that announce themselves on this machine's network, and how to register them.

    An agent does where GRADFILTER_AGENT_ANNOUNCE is set.
    """
    with connect(context, controller) as client:
        registered = client.devices()
        found = [
            (board, _known_as(board, registered) or command(client, "devices", "add", board.name, board.url))
            for board in discover(seconds, interface)
        ]
        advice = "no agent announces itself here; one does with GRADFILTER_AGENT_ANNOUNCE=true."
        show_table(listing.discovery_table, found, advice)


def _known_as(board: NewDevice, registered: list[DeviceView]) -> str:
    """The name in the lab of a board that has this address, or of one that is called so; '' where there is neither."""
    by_address = [device.name for device in registered if device.url == board.url]
    by_name = [device.name for device in registered if device.name == board.name]
    return next(iter(by_address + by_name), "")


@devices.command("change")
def change_device(
    context: typer.Context,
    name: DeviceName,
    *,
    url: Annotated[str | None, typer.Option(help="Where its agent listens now.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Its tags from now on, instead of those before.")] = None,
    maintenance: Annotated[bool | None, typer.Option(help="Keep jobs away from it, or let them come again.")] = None,
    sound: Annotated[
        bool, typer.Option("--sound", help="Somebody has looked: let jobs come to a bad board again.")
    ] = False,
    controller: ControllerUrl = None,
) -> None:
    """Change a board's address or tags, or take it out of service for a while."""
    changes = given(url=url, tags=tag or None, maintenance=maintenance, fault="" if sound else None)
    if not changes:
        raise InputError("nothing to change: give --url, --tag, --maintenance, --no-maintenance or --sound.")
    with connect(context, controller) as client:
        device = client.change_device(name, **changes)
        typer.echo(f"device {device.name} is {device.health}.")


@devices.command("mark")
def mark_device(
    context: typer.Context,
    name: DeviceName,
    what: Annotated[str, typer.Argument(metavar="WHAT", help="What was changed, such as 'a new fan'.")],
    controller: ControllerUrl = None,
) -> None:
    """Say that something about a board was changed: its history and its noise floor begin anew."""
    with connect(context, controller) as client:
        client.mark_device(name, what)
        typer.echo(f"device {name} is marked; run `gradfilter control --device {name}` for its noise floor.")


@devices.command("remove")
def remove_device(context: typer.Context, name: DeviceName, controller: ControllerUrl = None) -> None:
    """Forget a board; its results stay."""
    with connect(context, controller) as client:
        client.remove_device(name)
        typer.echo(f"device {name} is removed; its results stay.")
