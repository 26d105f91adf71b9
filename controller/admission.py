"""Whether a job can be run by the lab's boards: what is asked for against what their agents describe.

What only the built model can tell (an image too small, more trainable layers than there are) is found out by the
job's preparation on the board. A board that has not been described yet is given the benefit of the doubt.
"""

from collections.abc import Sequence
from difflib import get_close_matches

from controller.errors import FieldError, InvalidRequestError
from controller.jobs import DeviceView
from controller.option_types import fits
from controller.reportable import unreportable
from controller.selection import matching
from gradfilter.bench.schema import (
    DeviceDescription,
    DeviceSelector,
    JobSpec,
    MethodDescription,
    MethodSpec,
    SystolicWorkload,
    TrainingWorkload,
    WorkerDescription,
    energy_channels,
)
from gradfilter.bench.schema.import_path import read_import_path

_LISTED = 12
_NEAREST = 5


def admit(spec: JobSpec, devices: Sequence[DeviceView]) -> None:
    """Refuse a job that no board of the lab could run, or no report could show.

    Raises:
        InvalidRequestError: naming each field at fault, what was given and what there is.
    """
    candidates = matching(spec.device, devices)
    unfitting = [_no_device(spec.device, devices)] if not candidates else _fewest(spec, candidates)
    errors = [*unreportable(spec), *unfitting]
    if errors:
        raise InvalidRequestError("; ".join(error.message for error in errors), errors)


def unfit(spec: JobSpec, device: DeviceView) -> list[FieldError]:
    """What of the job this board cannot do; empty when it can, or is not known well enough to say."""
    description = device.description
    if description is None:
        return []
    if description.worker is None:
        reason = description.worker_error or "its agent gave no reason"
        return [FieldError("device", f"device {device.name!r} has no worker that answers: {reason}")]
    return [
        *_unfit_workload(spec, description.worker, device.name),
        *_unfit_methods(spec, description.worker, device.name),
        *_unmet_needs(spec, description, device.name),
    ]


def _fewest(spec: JobSpec, candidates: Sequence[DeviceView]) -> list[FieldError]:
    """The errors of the board that comes closest; none as soon as one board can run the job."""
    return min((unfit(spec, device) for device in candidates), key=len)


def _no_device(selector: DeviceSelector, devices: Sequence[DeviceView]) -> FieldError:
    if selector.name is not None:
        return FieldError("device.name", _unknown("device", selector.name, "in this lab", [d.name for d in devices]))
    carried = sorted({tag for device in devices for tag in device.tags})
    wanted = " and ".join(map(repr, selector.tags))
    return FieldError(
        "device.tags", f"no device carries the tags {wanted} together; there are {', '.join(carried) or 'no tags'}."
    )


def _unfit_workload(spec: JobSpec, worker: WorkerDescription, device: str) -> list[FieldError]:
    workload = spec.workload
    errors = [_unfit_name("kind", workload.kind, worker.workloads, worker, device)]
    if isinstance(workload, (TrainingWorkload, SystolicWorkload)):
        path = read_import_path(workload.model)
        if path is None:
            errors.append(_unfit_name("model", workload.model, worker.models, worker, device))
        elif not path.is_within(worker.model_modules):
            errors.append(FieldError("workload.model", _not_allowed(path.module, worker.model_modules, device)))
    if isinstance(workload, TrainingWorkload):
        errors.append(_unfit_name("dataset", workload.dataset, worker.datasets, worker, device))
    errors.append(_unfit_name("compute", workload.compute, worker.compute, worker, device))
    return [error for error in errors if error is not None]


def _unfit_name(
    field: str, given: str, offered: Sequence[str], worker: WorkerDescription, device: str
) -> FieldError | None:
    """A name in the workload that is unknown to the board, or absent for a reason; None where it is there."""
    if given in offered:
        return None
    if given in worker.absent:
        sentence = f"{field} {given!r} is not on device {device!r}: {worker.absent[given]}"
    else:
        sentence = _unknown("workload" if field == "kind" else field, given, f"on device {device!r}", offered)
    return FieldError(f"workload.{field}", sentence)


def _unmet_needs(spec: JobSpec, description: DeviceDescription, device: str) -> list[FieldError]:
    errors = []
    if description.memory_bytes < spec.needs.memory_bytes:
        sentence = (
            f"device {device!r} has {description.memory_bytes / 1e9:.2f} GB of memory, "
            f"the job needs {spec.needs.memory_bytes / 1e9:.2f} GB."
        )
        errors.append(FieldError("needs.memory_bytes", sentence))
    channels = [channel for sensor in description.sensors for channel in sensor.channels]
    if spec.needs.energy and not energy_channels(channels, spec.workload.compute):
        reasons = "; ".join(f"{sensor.name}: {sensor.reason}" for sensor in description.sensors if sensor.reason)
        sentence = (
            f"device {device!r} has no meter for the energy of a step on {spec.workload.compute}"
            f"{f' ({reasons})' if reasons else ''}; choose a board that carries a tag such as power:board_input."
        )
        errors.append(FieldError("needs.energy", sentence))
    return errors


def _not_allowed(module: str, allowed: Sequence[str], device: str) -> str:
    there = f"only from {', '.join(allowed)}" if allowed else "from none"
    return (
        f"device {device!r} takes models of its own Python modules {there}, not from {module!r}; its operator can add "
        "that to GRADFILTER_AGENT_MODEL_MODULES."
    )


def _unfit_methods(spec: JobSpec, worker: WorkerDescription, device: str) -> list[FieldError]:
    offered = {method.name: method for method in worker.methods}
    errors: list[FieldError] = []
    for number, variant in enumerate(spec.variants):
        for place, method in enumerate(variant.methods):
            path = f"variants.{number}.methods.{place}"
            if method.name in offered:
                errors += _unfit_options(path, method, offered[method.name], device)
            else:
                sentence = _unknown("method", method.name, f"on device {device!r}", list(offered))
                errors.append(FieldError(f"{path}.name", sentence))
    return errors


def _unfit_options(path: str, method: MethodSpec, offered: MethodDescription, device: str) -> list[FieldError]:
    options = {option.name: option for option in offered.options}
    where = f"of method {method.name!r} on device {device!r}"
    errors = []
    for name, value in method.options.items():
        field = f"{path}.options.{name}"
        if name not in options:
            errors.append(FieldError(field, _unknown("option", name, where, list(options))))
        elif not fits(value, options[name].type):
            sentence = f"option {name!r} {where} must be {options[name].type}, got {value!r:.120}."
            errors.append(FieldError(field, sentence))
    return errors


def _unknown(what: str, given: str, where: str, offered: Sequence[str]) -> str:
    """'model 'resnet81' is unknown on device 'nano-1'; nearest of its 812: resnet18, …'."""
    sentence = f"{what} {given[:120]!r} is unknown {where}"
    if not offered:
        return f"{sentence}; there are none."
    if len(offered) <= _LISTED:
        return f"{sentence}; there are {', '.join(sorted(offered))}."
    near = get_close_matches(given[:120], offered, n=_NEAREST, cutoff=0.5)
    hint = f"nearest are {', '.join(near)}" if near else "none has a name like it"
    return f"{sentence}; of the {len(offered)} there, {hint}."
