"""Made-up Jetsons with the real jtop.service, for the tests that need one."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.agent.sensors.jtop_board import JtopSampling, Service
from tests.boards.jetson import Jetson
from tests.boards.jetson_stats import NEWEST, python_with
from tests.missing import missing


class JtopLab:
    """Boards, services and samplers of one test. Whatever runs on a board ends with it."""

    def __init__(self, folder: Path) -> None:
        self.python = python_with(NEWEST)
        self._folder, self._made = folder, ExitStack()

    def board(self, name: str = "jetson-orin-nano") -> Jetson:
        try:
            board = Jetson(name, self._folder / name)
        except OSError as error:
            missing(f"{error}. A made-up Jetson needs util-linux, and root or the right to make user namespaces.")
        return self._made.enter_context(closing(board))

    def service(self, board: Jetson, python: Path | None = None) -> Service:
        try:
            return Service(board, python or self.python)
        except OSError as error:
            missing(str(error))

    def sampling(self, board: Jetson, python: Path | None = None, before: tuple[str, ...] = ()) -> JtopSampling:
        out = self._folder / f"{board.name}.samples"
        return self._made.enter_context(closing(JtopSampling(board, python or self.python, out, *before)))

    def close(self) -> None:
        self._made.close()


@pytest.fixture
def jtop_lab(tmp_path: Path) -> Iterator[JtopLab]:
    """A JtopLab, with the services' logs shown when the test fails."""
    lab = JtopLab(tmp_path)
    try:
        yield lab
    finally:
        lab.close()
        for log in sorted(tmp_path.glob("*/service.log")):
            print(f"--- {log.parent.name}\n{log.read_text()[-3000:]}")
