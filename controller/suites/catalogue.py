"""The suites that there are: found by their files, checked against the schema when they are read."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gradfilter.bench.schema import ConvLayerWorkload, DeviceSelector, JobSpec
from gradfilter.bench.schema.checks import REFUSE_UNKNOWN_KEYS, check_length, check_unique, check_word

FOLDER = Path(__file__).parent
_ANY_BOARD = DeviceSelector(name="any")  # a job must name a board to be checked


class SuiteError(ValueError):
    """There is no such suite or job in it, or its file is not one; str() says which and what there is."""


@dataclass
class SuiteJob:
    """A job of a suite. job: as it is submitted, without its device.

    scale_batch: on a board with little memory its shapes' batches are halved, and its note says so.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    name: str
    job: dict[str, Any]
    scale_batch: bool = False

    def __post_init__(self) -> None:
        check_word("jobs.name", self.name)
        workload = self.spec.workload  # read here, so that a job that the schema refuses is no suite's
        if self.scale_batch and not isinstance(workload, ConvLayerWorkload):
            raise ValueError(f"scale_batch of job {self.name!r} needs a conv_layer workload: it alone has an estimate.")

    @property
    def spec(self) -> JobSpec:
        """The job as the schema knows it, on no particular board."""
        return self.for_board(_ANY_BOARD)

    def for_board(self, device: DeviceSelector) -> JobSpec:
        """The job as the schema knows it, on this board."""
        spec: JobSpec = _reader(JobSpec).validate_python({**self.job, "device": device})
        return spec


@dataclass
class Suite:
    """A named set of jobs. source: the publication, '' for none. about: what a user must know before running it."""

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    name: str
    title: str
    source: str
    about: str
    jobs: list[SuiteJob]

    def __post_init__(self) -> None:
        check_word("name", self.name)
        check_length("jobs", self.jobs, 1, 1000)
        check_unique("jobs.name", [job.name for job in self.jobs])

    def chosen(self, names: list[str]) -> list[SuiteJob]:
        """The jobs of these names in the order of the suite, all without names.

        Raises:
            SuiteError: the suite has no such job.
        """
        offered = [job.name for job in self.jobs]
        unknown = [name for name in names if name not in offered]
        if unknown:
            raise SuiteError(f"suite {self.name!r} has no job {unknown[0]!r}; it has {', '.join(offered)}.")
        return [job for job in self.jobs if job.name in names or not names]


def suite_names() -> list[str]:
    """The names of all suites."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load_suite(name: str) -> Suite:
    """One suite by its name.

    Raises:
        SuiteError: there is none of this name.
    """
    if name not in suite_names():
        raise SuiteError(f"there is no suite {name[:120]!r}; there are {', '.join(suite_names())}.")
    return read_suite(FOLDER / f"{name}.json")


def read_suite(path: Path) -> Suite:
    """The suite in a file.

    Raises:
        SuiteError: the file holds no suite, with what is wrong.
    """
    try:
        suite: Suite = _reader(Suite).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise SuiteError(f"{path.name} holds no suite: {error}") from error
    if suite.name != path.stem:
        raise SuiteError(f"{path.name} holds no suite: its name must be {path.stem!r}, got {suite.name!r}.")
    return suite


@cache
def _reader(kind: Any) -> Any:
    from pydantic import TypeAdapter  # noqa: PLC0415 - the command line loads it only for a suite

    return TypeAdapter(kind)
