"""lab.py URL COMMAND NAME [ARGUMENT ...]: what the playbooks tell the lab's controller about a board, on its own host.

    register NAME ADDRESS [TAG ...]    a new board, or its new address and tags
    ready NAME VERSION SECONDS         wait until its agent of this version answers, and says what its worker offers
    drain NAME SECONDS                 no new job, and wait for the end of the one that uses the board
    resume NAME                        jobs again
    remove NAME SECONDS                drain, then forget

Says what it changed; nothing where nothing was to be changed. $GRADFILTER_CA: the certificates that it trusts.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from controller.client import Client, ControllerError
from controller.jobs import DeviceView, NewDevice

TOKEN = Path("/etc/gradfilter/deploy.token")
_PAUSE_S = 1.0


def register(client: Client, name: str, address: str, *tags: str) -> None:
    """Add the board, or bring its entry up to date."""
    device = _find(client, name)
    if device is None:
        client.add_device(NewDevice(name=name, url=address, tags=list(tags)))
    elif (device.url, set(device.tags)) != (address, {*tags, *_of_its_agent(device)}):
        client.change_device(name, url=address, tags=list(tags))
    else:
        return
    print(f"{name} is registered at {address}")


def ready(client: Client, name: str, version: str, seconds: str) -> None:
    """Wait until jobs for the board are taken, as its agent has asked the worker; TimeoutError says what is missing.

    What the controller heard of it before is not enough: that may have been another agent, or one that has ended since.
    """
    until = time.monotonic() + float(seconds)
    heard_before = client.device(name).last_seen_at
    while missing := _missing(client.device(name), version, heard_before):
        if time.monotonic() > until:
            raise TimeoutError(f"{name} takes no jobs after {seconds} s: {missing}")
        time.sleep(_PAUSE_S)


def _missing(device: DeviceView, version: str, heard_before: str | None) -> str:
    """What the controller has yet to hear from the board; '' where it has heard all since then."""
    description = device.description
    if description is None:
        return device.health_reason or "its agent has not been asked yet"
    if description.agent_version != version:
        return f"its agent says that it is {description.agent_version}, not {version}"
    if description.worker is None:
        return description.worker_error
    if device.last_seen_at == heard_before and device.job is None:
        return device.health_reason or "its agent has not been asked again yet"
    return device.health_reason if device.health == "offline" else ""  # one at work is so once it leaves its job alone


def drain(client: Client, name: str, seconds: str) -> None:
    """Take the board out of service; TimeoutError when its job does not end in time."""
    device = _find(client, name)
    if device is None:
        return
    if device.health != "maintenance":
        client.change_device(name, maintenance=True)
        print(f"{name} is out of service")
    until = time.monotonic() + float(seconds)
    while (job := client.device(name).job) is not None:
        if time.monotonic() > until:
            resume(client, name)
            raise TimeoutError(
                f"job {job} uses {name} for more than {seconds} s: wait, cancel it, or raise gradfilter_drain_s"
            )
        time.sleep(_PAUSE_S)


def resume(client: Client, name: str) -> None:
    """Give the board jobs again."""
    client.change_device(name, maintenance=False)
    print(f"{name} is in service")


def remove(client: Client, name: str, seconds: str) -> None:
    """Forget the board once nothing uses it."""
    drain(client, name, seconds)
    if _find(client, name) is not None:
        client.remove_device(name)
        print(f"{name} is forgotten")


def _find(client: Client, name: str) -> DeviceView | None:
    return next((device for device in client.devices() if device.name == name), None)


def _of_its_agent(device: DeviceView) -> list[str]:
    """The tags that the board has of itself, which the inventory does not know."""
    return [] if device.description is None else device.description.tags


def main(address: str, command: str, *arguments: str) -> int:
    """Do what the command says; the exit status."""
    commands: dict[str, Callable[..., None]] = {
        "register": register,
        "ready": ready,
        "drain": drain,
        "resume": resume,
        "remove": remove,
    }
    try:
        token, ca_file = TOKEN.read_text(encoding="ascii").strip(), os.environ.get("GRADFILTER_CA") or None
        with Client(address, token=token, ca_file=ca_file) as client:
            commands[command](client, *arguments)
    except (ControllerError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
