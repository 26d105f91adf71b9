"""A real PostgreSQL server of the tests' own, on loopback, in a folder that is removed afterwards.

with PostgreSQL() as server:
    store = Store(server.new_database())
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from typing_extensions import Self

from tests.debian import program

PACKAGE = "postgresql"
DEADLINE_S = 30.0
_HASTE = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")


class PostgreSQL:
    """One server. It refuses to run as root, so there it runs as the user whom Debian's package makes.

    is_durable: whether commits survive a power cut, as a lab's must; for tests they need not.
    """

    def __init__(self, *, is_durable: bool = False) -> None:
        self._options = () if is_durable else _HASTE
        self._postgres, self._initdb = program("postgres", PACKAGE), program("initdb", PACKAGE)
        self._user = {"user": "postgres"} if os.geteuid() == 0 else {}
        self._databases = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="gradfilter-postgresql-"))
        if self._user:
            account = pwd.getpwnam(self._user["user"])
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        command = [self._initdb, "-D", self._data, "-U", "lab", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(command, cwd="/", check=True, capture_output=True, **self._user)
        self._port = _free_port()
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [self._postgres, "-D", self._data, "-h", "127.0.0.1", "-p", str(self._port), "-k", self._folder]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._options], cwd="/", stdout=log, stderr=log, start_new_session=True, **self._user
            )
        end = time.monotonic() + DEADLINE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"PostgreSQL did not start:\n{(self._folder / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server and every connection to it at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(DEADLINE_S)
            self._process = None

    def new_database(self) -> str:
        """The URL of a database with nothing in it: a schema, as a database of its own would be a thousand files."""
        self._databases += 1
        name = f"lab_{self._databases}"
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{self._url}?options=-csearch_path%3D{name}"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _url(self) -> str:
        return f"postgresql://lab@127.0.0.1:{self._port}/postgres"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
