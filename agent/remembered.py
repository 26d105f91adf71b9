"""A short text that the agent must know again after a restart."""

import errno
import logging
from pathlib import Path

from agent.run_folder import write_durably

_log = logging.getLogger(__name__)


class Remembered:
    """The text of a file. On a full disk it is remembered for as long as the agent lives, or until there is room:
    else nobody could have runs deleted any more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.text = self._on_disk = path.read_text() if path.exists() else ""

    def keep(self, text: str) -> None:
        """Remember this from now on.

        Raises:
            OSError: it cannot be written, and not because the disk is full.
        """
        self.text = text
        if text == self._on_disk:
            return
        try:
            write_durably(self._path, text.encode())
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            _log.warning("%s is not written, since the disk is full: %s", self._path.name, error)
        else:
            self._on_disk = text
