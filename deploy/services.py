"""The two services as ordinary processes of this host, with the commands of the systemd units."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from controller.client import Client, ControllerError
from controller.jobs import DeviceView, NewDevice

HOST = "127.0.0.1"
DEVICE = "this-computer"
_BIN = Path(sys.executable).parent
_START_S = 60.0
_STOP_S = 15.0
_TAIL_LINES = 20


class LabError(RuntimeError):
    """The lab cannot start, or one of its services ended; str() holds the tail of its log."""


@dataclass
class Service:
    """One process in a session of its own, so that Ctrl-C reaches the starter and not the service."""

    name: str
    command: list[str]
    settings: dict[str, str]
    log: Path
    lock: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the process; it inherits the lock, which so lasts as long as the process."""
        # Settings meant for another lab would mix the two: the demo must never write into a real database.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRADFILTER_")}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**inherited, "NO_PROXY": HOST, **self.settings},
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[self.lock],
            )

    def check(self) -> None:
        """Raise LabError if the process has ended."""
        status = self.process.poll() if self.process else None
        if status is not None:
            raise LabError(f"the {self.name} ended with status {status}; the end of {self.log}:\n{self.tail()}")

    def tail(self) -> str:
        """The last lines of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join("    " + line for line in lines[-_TAIL_LINES:])

    def stop(self) -> None:
        """End the process: asked first, then made to, with everything in its session."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None


@dataclass
class Lab:
    """A controller and one agent that run."""

    controller: Service
    agent: Service
    controller_url: str
    agent_url: str
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        # The client's waits go through the lab, so that they end when a service does.
        self.client = Client(self.controller_url, sleep=self.pause)

    def check(self) -> None:
        """Raise LabError if a service has ended."""
        self.controller.check()
        self.agent.check()

    def pause(self, seconds: float) -> None:
        """Sleep, unless a service has ended."""
        self.check()
        time.sleep(seconds)


@contextmanager
def running_lab(folder: Path, ports: tuple[int, int] = (0, 0)) -> Iterator[Lab]:
    """Start the lab with its data in folder, register the board, and stop everything at the end.

    ports: of the controller and the agent, where they are free; 0 takes any.

    Raises:
        LabError: a service did not start, or another lab uses the folder.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    controller_port, agent_port = (free_port(port) for port in ports)
    with ExitStack() as stack:
        lock = stack.enter_context(_locked(folder / "lock"))
        controller = _controller(folder, controller_port, lock)
        agent = _agent(folder, agent_port, lock)
        lab = Lab(controller, agent, f"http://{HOST}:{controller_port}", f"http://{HOST}:{agent_port}")
        for service in (agent, controller):
            stack.callback(service.stop)
            service.start()
        # Closed before the services are stopped: an open event stream would keep the controller waiting.
        stack.callback(lab.client.close)
        try:
            _wait_for_controller(lab)
            _register(lab)
            yield lab
        except ControllerError as error:
            if error.refused:
                raise
            raise LabError(f"{error}\nthe controller's log ends:\n{controller.tail()}") from error


def _controller(folder: Path, port: int, lock: int) -> Service:
    data = folder / "controller"
    settings = {
        "GRADFILTER_CONTROLLER_HOST": HOST,
        "GRADFILTER_CONTROLLER_PORT": str(port),
        "GRADFILTER_CONTROLLER_DATA_DIR": str(data),
    }
    return Service("controller", [_program("gradfilter"), "controller"], settings, folder / "controller.log", lock)


def _agent(folder: Path, port: int, lock: int) -> Service:
    settings = {
        "GRADFILTER_AGENT_HOST": HOST,
        "GRADFILTER_AGENT_PORT": str(port),
        "GRADFILTER_AGENT_DATA_DIR": str(folder / "agent"),
        "GRADFILTER_AGENT_WORKER_PYTHON": sys.executable,
    }
    return Service("agent", [_program("gradfilter-agent")], settings, folder / "agent.log", lock)


def _program(name: str) -> str:
    path = _BIN / name
    if not path.exists():
        raise LabError(f"there is no {path}: install the project into this Python (make setup).")
    return str(path)


def free_port(wanted: int = 0) -> int:
    """The wanted port of the loopback interface, or any other if something listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Hold a lock that the services inherit, so that two labs never share a database, not even after a kill."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            advice = f"wait for its end, or end it: `fuser {path}` names its processes"
            raise LabError(f"{path.parent} is in use by another lab; {advice}.") from error
        yield file.fileno()


def _wait_for_controller(lab: Lab) -> None:
    end = time.monotonic() + _START_S
    while not _answers(lab.client):
        if time.monotonic() > end:
            raise LabError(
                f"the controller did not answer within {_START_S:g} s; its log ends:\n{lab.controller.tail()}"
            )
        lab.pause(0.1)


def _answers(client: Client) -> bool:
    try:
        client.health()
    except ControllerError:
        return False
    return True


def _register(lab: Lab) -> None:
    """Tell the controller where the board's agent listens, and wait until it has described itself."""
    known = {device.name for device in lab.client.devices()}
    if DEVICE in known:
        lab.client.change_device(DEVICE, url=lab.agent_url)
    else:
        lab.client.add_device(NewDevice(name=DEVICE, url=lab.agent_url))
    end = time.monotonic() + _START_S
    while not _is_ready(device := lab.client.device(DEVICE)):
        if time.monotonic() > end:
            sentence = f"the agent was not ready within {_START_S:g} s ({device.health_reason})"
            raise LabError(f"{sentence}; its log ends:\n{lab.agent.tail()}")
        lab.pause(0.2)


def _is_ready(device: DeviceView) -> bool:
    return device.health == "online" and device.description is not None and device.description.worker is not None
