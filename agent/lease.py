"""The fencing token: the highest that was ever seen is kept on disk, and who comes with a smaller one is refused.

A controller that was cut off may still believe that it holds the board; its token is smaller than that of
whoever got the lease after it.
"""

import threading
from pathlib import Path

from agent.errors import StaleLease
from agent.remembered import Remembered


class Lease:
    """The highest token seen, across restarts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._remembered = Remembered(path)
        self._lock = threading.Lock()

    def check(self, token: int) -> None:
        """Accept a token that is as high as any before.

        Raises:
            StaleLease: a higher one was seen.
        """
        with self._lock:
            highest = int(self._remembered.text or 0)
            if token < highest:
                raise StaleLease(
                    f"the lease with token {token} is over: this board has seen token {highest}. "
                    "Take a new lease before the next call. If no controller of this lab ever had that token, stop the "
                    f"agent, remove {self._path} and start it again."
                )
            self._remembered.keep(str(token))
