"""A variant's methods: from names and options to objects, and onto a model."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Iterator, List

from torch import nn

from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.schema import MethodedLayer, MethodSpec, Variant
from gradfilter.errors import UnsupportedModel
from gradfilter.methods import METHODS, Method, changed_layers


@dataclass
class PreparedVariant:
    """A model with a variant's methods applied, and the layers they changed. Plain training has none."""

    model: nn.Module
    methods: List[Method] = field(default_factory=list)
    layers: List[MethodedLayer] = field(default_factory=list)


def apply_methods(model: nn.Module, variant: Variant) -> PreparedVariant:
    """Apply a variant's methods in order.

    Raises:
        RefusedWorkload: a method or option is unknown, or a method cannot handle the model.
    """
    methods = [make_method(spec) for spec in variant.methods]
    try:
        for method in methods:
            model = method.apply(model)
    except UnsupportedModel as error:
        raise RefusedWorkload("methods", str(error)) from error
    return PreparedVariant(model, methods, changed_layers(model))


def make_method(spec: MethodSpec) -> Method:
    """The method a spec names, with its options.

    Raises:
        RefusedWorkload: the method or an option is unknown, or a value is out of range.
    """
    if spec.name not in METHODS:
        raise RefusedWorkload(
            "methods.name", "method %r is unknown; this worker offers %s." % (spec.name, ", ".join(METHODS))
        )
    try:
        return METHODS[spec.name].from_options(spec.options)
    except ValueError as error:
        raise RefusedWorkload("methods.options", "%s: %s" % (spec.name, error)) from error


@contextmanager
def naming_variant(variant: Variant) -> Iterator[None]:
    """Say in a refusal which of several variants is at fault."""
    try:
        yield
    except RefusedWorkload as error:
        raise RefusedWorkload(error.field, "variant %r: %s" % (variant.name, error)) from error
