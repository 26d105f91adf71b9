"""The form that makes a job: built from what one board offers, read back into what the API takes.

It trains a network; single convolutions and whole suites are submitted as files.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from controller.dashboard.fields import FormField, dataclass_fields, option_field, put, read_fields
from controller.errors import FieldError
from controller.jobs import DeviceView
from gradfilter.bench.schema import JobSpec, MethodDescription, TrainingWorkload, WorkerDescription

MOST_VARIANTS = 16
_FIRST_METHOD = re.compile(r"variants\.(\d{1,3})\.methods\.0\.name")  # bounded: int() refuses thousands of digits
_PRETRAINING = "workload.pretraining"
# What everybody decides; every other field of the schema stands below, under "more settings".
_WORKLOAD_FIRST = ("model", "dataset", "image_size", "batch_size", "trainable", "weights", "measured_steps", "epochs")
_DESIGN_FIRST = ("repetitions", "until", "quick", "profile", "note")
_LEFT_OUT = ("workload.kind", _PRETRAINING, "workload", "variants", "device", "suite", "published")
_HELP = {
    "workload.model": "any model that the board lists",
    "workload.image_size": "side of the square images, in pixels",
    "workload.trainable": "all, head, bias, or last:4 for the last four convolutions and the head",
    "workload.weights": "random, pretrained, or file:NAME from the board's weights folder",
    "workload.epochs": "whole passes over the data, instead of measured steps",
    "workload.threads": "empty: PyTorch's own choice",
    "repetitions": "runs of each variant; they are the sample",
    "until": "add blocks, up to 24, until the first primary metric is known to ± this share, like 0.02",
    "quick": "a first look: intervals, but no test",
    "profile": "each variant runs once more under a profiler, unmeasured",
    "note": "kept with the job",
}
_LABELS = {
    "seed": "seed of the order of runs",
    "workload.seed": "seed of weights and data",
    "limits.run_s": "time limit of a run (seconds)",
    "limits.settle_s": "rest before each run (seconds)",
    "sampling.period_s": "time between readings (seconds)",
    "void_if.foreign_load": "a run is void above this share of the processors used by others",
    "void_if.throttled": "a run is void if the board held itself back",
    "void_if.swapped_bytes": "a run is void above so many bytes swapped",
    "void_if.clock_step_s": "a run is void if the clock was set by more (seconds)",
    "steady.within": "warm up until steps agree within this share",
    "gate.below_c": "start at most so much colder than the first run (°C)",
    "gate.above_c": "start at most so much warmer than the first run (°C)",
    "gate.most_s": "wait for that temperature for at most (seconds)",
    "window.seconds": "measure each run for at least (seconds)",
    "window.readings": "and for so many readings of the power meter",
}
_SUGGESTED = {
    "workload.trainable": ("all", "head", "bias", "last:1", "last:2", "last:4", "last:10"),
    "workload.weights": ("random", "pretrained"),
}


@dataclass(frozen=True)
class VariantFields:
    """One variant besides the baseline: a method with its options. number: its place among the job's variants."""

    number: int
    method: str
    source: str
    fields: tuple[FormField, ...]


@dataclass
class JobForm:
    """Everything that the page shows. values: what was typed, by field name; errors likewise."""

    device: str
    methods: tuple[str, ...]
    workload: tuple[FormField, ...]
    design: tuple[FormField, ...]
    more: tuple[FormField, ...]
    variants: tuple[VariantFields, ...]
    values: Mapping[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)

    @property
    def every_field(self) -> tuple[FormField, ...]:
        """All of its fields."""
        return (*self.workload, *self.design, *self.more, *(one for v in self.variants for one in v.fields))


def job_form(device: DeviceView, worker: WorkerDescription, values: Mapping[str, str]) -> JobForm:
    """The form for a board, filled with what was typed so far."""
    found = [_offered(one, worker) for one in dataclass_fields(TrainingWorkload, "workload.", _LEFT_OUT)]
    design = [_offered(one, worker) for one in dataclass_fields(JobSpec, "", _LEFT_OUT)]
    first = {f"workload.{name}" for name in _WORKLOAD_FIRST}
    methods = {method.name: method for method in worker.methods}
    chosen = sorted((int(place[1]), text) for name, text in values.items() if (place := _FIRST_METHOD.fullmatch(name)))
    return JobForm(
        device=device.name,
        methods=tuple(methods),
        workload=_in_order(found, "workload.", _WORKLOAD_FIRST),
        design=_in_order(design, "", _DESIGN_FIRST),
        more=(
            *(one for one in found if one.name not in first),
            *(one for one in design if one.name not in _DESIGN_FIRST),
        ),
        variants=tuple(
            _variant(number, methods[name]) for number, (_, name) in enumerate(chosen, 1) if name in methods
        ),
        values=_renumbered(values, [number for number, name in chosen if name in methods]),
    )


def job_document(form: JobForm) -> dict[str, Any]:
    """The job as the API takes it; what was left empty is left out."""
    document: dict[str, Any] = {"workload": {"kind": "training"}, "device": {"name": form.device}}
    settings = (*form.workload, *form.design, *form.more)
    for path, value in read_fields(form.values, settings).items():
        put(document, path, value)
    if form.values.get(_PRETRAINING):
        document["workload"]["pretraining"] = {}
    document["variants"] = [{"name": "baseline"}, *(_variant_document(one, form.values) for one in form.variants)]
    return document


def with_errors(form: JobForm, errors: list[FieldError]) -> JobForm:
    """The form with each error beside its field; what belongs to none stands above."""
    names = {one.name for one in form.every_field}
    placed = {error.field: error.message for error in errors if error.field in names}
    general = [f"{error.field}: {error.message}" for error in errors if error.field not in names]
    return replace(form, errors=placed, general=general)


def more_variants(values: Mapping[str, str], method: str) -> dict[str, str]:
    """What was typed, with one more variant of this method."""
    taken = [int(place[1]) for name in values if (place := _FIRST_METHOD.fullmatch(name))]
    if len(taken) >= MOST_VARIANTS:
        return dict(values)
    return {**values, f"variants.{max(taken, default=0) + 1}.methods.0.name": method}


def without_variant(values: Mapping[str, str], number: str) -> dict[str, str]:
    """What was typed, without this variant."""
    return {name: text for name, text in values.items() if not name.startswith(f"variants.{number}.")}


def starting_values(worker: WorkerDescription) -> dict[str, str]:
    """A first job that a board can do: a small network, plain and with the first method that it offers."""
    values = {"workload.trainable": "last:4", "repetitions": "8"}
    if "resnet18" in worker.models:
        values["workload.model"] = "resnet18"
    return more_variants(values, worker.methods[0].name) if worker.methods else values


def _variant(number: int, method: MethodDescription) -> VariantFields:
    prefix = f"variants.{number}."
    name = FormField(f"{prefix}name", "name", "str", default=f"{method.name}_{number}", help="what reports call it")
    options = (option_field(option, f"{prefix}methods.0.options.") for option in method.options)
    return VariantFields(number, method.name, method.source, (name, *options))


def _variant_document(variant: VariantFields, values: Mapping[str, str]) -> dict[str, Any]:
    name, *options = variant.fields
    read = read_fields(values, options)
    return {
        "name": values.get(name.name, "").strip() or name.default,
        "methods": [
            {"name": variant.method, "options": {path.rpartition(".")[2]: value for path, value in read.items()}}
        ],
    }


def _renumbered(values: Mapping[str, str], kept: list[int]) -> dict[str, str]:
    """The variants counted from 1 without gaps, as the job will have them."""
    numbers = {str(old): str(new) for new, old in enumerate(kept, 1)}
    renumbered = {}
    for name, text in values.items():
        head, _, rest = name.removeprefix("variants.").partition(".")
        if not name.startswith("variants."):
            renumbered[name] = text
        elif head in numbers:
            renumbered[f"variants.{numbers[head]}.{rest}"] = text
    return renumbered


def _in_order(found: list[FormField], prefix: str, names: tuple[str, ...]) -> tuple[FormField, ...]:
    by_name = {one.name: one for one in found}
    return tuple(by_name[prefix + name] for name in names)


def _offered(one: FormField, worker: WorkerDescription) -> FormField:
    """The field with what the board has for it, and a word on what it means."""
    choices = {"workload.dataset": tuple(worker.datasets), "workload.compute": tuple(worker.compute)}
    suggestions = {"workload.model": tuple(worker.models), **_SUGGESTED}
    return replace(
        one,
        label=_LABELS.get(one.name, one.label.removeprefix("workload ")),
        choices=choices.get(one.name, one.choices),
        suggestions=suggestions.get(one.name, ()),
        help=_HELP.get(one.name, ""),
    )
