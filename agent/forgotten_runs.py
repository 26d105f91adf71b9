"""The runs that this board was told to forget: an order for one that arrives late must not measure it again."""

from pathlib import Path

from agent.errors import ForgottenRun
from agent.remembered import Remembered

_KEPT = 256  # orders that are later than so many runs are not expected


class ForgottenRuns:
    """The newest of them, across restarts."""

    def __init__(self, path: Path) -> None:
        self._remembered = Remembered(path)

    def add(self, run_id: str) -> None:
        """This run is over for good."""
        others = [one for one in self._remembered.text.split() if one != run_id]
        self._remembered.keep("\n".join([*others, run_id][-_KEPT:]))

    def check(self, run_id: str) -> None:
        """Accept a run that was not forgotten.

        Raises:
            ForgottenRun: it was.
        """
        if run_id in self._remembered.text.split():
            raise ForgottenRun(f"run {run_id!r} was deleted here and is not done again. Choose a new run id.")
