"""Work that warms a board and measures nothing: one busy process for each core, until it is told to stop."""

import os
import subprocess
import sys

# It ends by itself when the agent, whose process id it is told, is gone.
_PROGRAM = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    sum(range(100000))\n"


class WarmLoad:
    """Off until warm() is called; close() leaves no process behind."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def warm(self) -> None:
        """Keep every core busy that the agent may use."""
        command = [sys.executable, "-c", _PROGRAM, str(os.getpid())]
        while len(self._processes) < len(os.sched_getaffinity(0)):
            self._processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))

    def close(self) -> None:
        """Stop at once; it may be warmed again."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self._processes = []
