"""The tables of single layers: what each saves and how near its gradient is to the exact one, and how they ran."""

from controller.analysis import wording
from controller.analysis.estimate import CONFIDENCE, Estimate
from controller.analysis.verdicts import Comparison, GradientResult, VariantResult
from controller.report.cells import NOTHING, UNMEASURED
from controller.report.rows import Group, Row, Table
from controller.report.units import Unit, choose_unit

NOTHING_SAVED = Estimate(0.0, None, None, CONFIDENCE, 1, exact=True)
_EQUAL = "equal"
_SHARED = "bytes that two layers save, as one's output and the next one's input, count for both"


def layer_table(comparison: Comparison) -> Table | None:
    """Every layer that a variant changed, or that saves other bytes in it; None where there is none."""
    unit = choose_unit("B", [saved.value for v in comparison.variants for saved in v.saved_by_layer.values()])
    groups = tuple(
        Group(variant.variant, tuple(_row(comparison, variant, layer, unit) for layer in layers), _notes(variant))
        for variant in comparison.variants[1:]
        if (layers := changed_layers(comparison, variant))
    )
    if not groups:
        return None
    gradient = "cosine of its weight gradient to the exact one", "signal to error [dB]"
    columns = ("layer", f"saved for backward [{unit.symbol}]", "against the baseline", *gradient)
    level = wording.level(comparison.confidence)
    return Table(f"Layer by layer, on one batch a run: means over runs ({level} intervals)", columns, groups)


def way_table(comparison: Comparison) -> Table | None:
    """How the changed layers took their backward pass, counted; None where no method changed a layer."""
    groups = tuple(
        Group(variant.variant, tuple(Row(way, (str(count),)) for way, count in variant.ways.items()))
        for variant in comparison.variants
        if variant.ways
    )
    return (
        Table("How the changed layers ran", ("layers' change and backward pass", "layers"), groups) if groups else None
    )


def changed_layers(comparison: Comparison, variant: VariantResult) -> list[str]:
    """Those whose gradient was compared, or that save other bytes than in the baseline, in the network's order."""
    base, own = comparison.variants[0].saved_by_layer, variant.saved_by_layer
    compared = {layer.layer for layer in variant.gradients}
    differing = {name for name in [*base, *own] if saved_by(base, name).value != saved_by(own, name).value}
    changed = compared | (differing if base and own else set())
    return [name for name in dict.fromkeys([*base, *own, *compared]) if name in changed]


def changed_in_any(comparison: Comparison) -> list[str]:
    """The layers that any variant changed."""
    return list(dict.fromkeys(name for v in comparison.variants[1:] for name in changed_layers(comparison, v)))


def saved_by(layers: dict[str, Estimate], name: str) -> Estimate:
    """What a layer saves; one that no run names saves nothing."""
    return layers.get(name, NOTHING_SAVED)


def _row(comparison: Comparison, variant: VariantResult, layer: str, unit: Unit) -> Row:
    base, own = comparison.variants[0].saved_by_layer, variant.saved_by_layer
    gradient = next((one for one in variant.gradients if one.layer == layer), None)
    saved = wording.with_interval(saved_by(own, layer), unit.scale) if own else NOTHING
    return Row(layer, (saved, _share(saved_by(own, layer), saved_by(base, layer)), *_gradient(gradient)))


def _share(own: Estimate, base: Estimate) -> str:
    """Of bytes that are counted there is no interval."""
    if not base.value:
        return NOTHING
    return wording.ratio(Estimate(own.value / base.value, None, None, own.confidence, own.n))


def _gradient(layer: GradientResult | None) -> tuple[str, str]:
    if layer is None:
        return NOTHING, NOTHING
    if layer.cosine is None:
        return UNMEASURED, NOTHING
    signal = wording.with_interval(layer.snr_db) if layer.snr_db is not None else _EQUAL
    return wording.with_interval(layer.cosine), signal


def _notes(variant: VariantResult) -> tuple[str, ...]:
    why = dict.fromkeys(f"{UNMEASURED}: {layer.reason}" for layer in variant.gradients if layer.reason)
    return (*why, *((_SHARED,) if variant.saved_by_layer else ()))
