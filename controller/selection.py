"""Which boards a job means: its selector against the tags that the lab and the boards' agents gave. Pure functions."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from controller.jobs import DeviceView
from gradfilter.bench.schema import DeviceSelector, JobSpec


def matching(selector: DeviceSelector, devices: Iterable[DeviceView]) -> list[DeviceView]:
    """The boards that a selector means."""
    if selector.name is not None:
        return [device for device in devices if device.name == selector.name]
    return [device for device in devices if all(_holds(tag, device.tags) for tag in selector.tags)]


def spread(spec: JobSpec, devices: Sequence[DeviceView]) -> list[JobSpec]:
    """The jobs that were asked for: one for each of the boards when all are meant, else the job as it stands."""
    if spec.device.scope != "all":
        return [spec]
    return [replace(spec, device=DeviceSelector(name=device.name)) for device in matching(spec.device, devices)]


def _holds(wanted: str, tags: Collection[str]) -> bool:
    """Whether one of the alternatives, each a tag or `!tag`, holds for a board with these tags."""
    return any(
        alternative[1:] not in tags if alternative.startswith("!") else alternative in tags
        for alternative in wanted.split("|")
    )
