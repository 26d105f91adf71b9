"""A published batch, or a smaller one where the board's memory is small: halved, and said."""

from dataclasses import replace

from gradfilter.bench.schema import ConvLayerWorkload, ConvShape, JobSpec

SHARE_OF_MEMORY = 0.5  # the rest is for the system, Python and PyTorch
SAFETY = 1.25  # for what the convolution's own algorithm needs, which is not known here
SMALLEST_PATCH = 2
_FLOAT32_BYTES = 4


def estimated_bytes(shape: ConvShape) -> int:
    """Modelled, not measured: input, output, both their gradients and both sums over 2x2 patches, as float32.

    The weights are small beside them; SAFETY is on top.
    """
    outputs = [(side + 2 * shape.padding - shape.kernel_size) // shape.stride + 1 for side in _sides(shape)]
    into = shape.in_channels * shape.height * shape.width
    out = shape.out_channels * outputs[0] * outputs[1]
    elements = shape.batch_size * (into + out) * (2 + 1 / SMALLEST_PATCH**2)
    return round(elements * _FLOAT32_BYTES * SAFETY)


def fit_batches(spec: JobSpec, memory_bytes: int | None) -> JobSpec:
    """A conv_layer job whose shapes fit half of the memory, with a note of every batch that is not the published one.

    Published figures follow their shape to its new name; their source says which batch they are for.
    """
    if not isinstance(spec.workload, ConvLayerWorkload):
        return spec
    published = spec.workload.shapes
    fitted = [_halved(shape, memory_bytes) for shape in published]
    renamed = {old.label: new.label for old, new in zip(published, fitted, strict=True)}
    return replace(
        spec,
        workload=replace(spec.workload, shapes=fitted),
        published=[replace(figure, part=renamed.get(figure.part, figure.part)) for figure in spec.published],
        note=f"{spec.note} {_words(published, fitted, memory_bytes)}".strip(),
    )


def _halved(shape: ConvShape, memory_bytes: int | None) -> ConvShape:
    while memory_bytes and shape.batch_size > 1 and estimated_bytes(shape) > SHARE_OF_MEMORY * memory_bytes:
        shape = replace(shape, batch_size=shape.batch_size // 2)
    return shape


def _words(published: list[ConvShape], fitted: list[ConvShape], memory_bytes: int | None) -> str:
    """'Batch 8 instead of the published 32 for 128→128 …; all others as published.'."""
    changed = [(old, new) for old, new in zip(published, fitted, strict=True) if old.batch_size != new.batch_size]
    batches = "/".join(dict.fromkeys(str(shape.batch_size) for shape in published))
    if memory_bytes is None:
        return f"Batch {batches} as published: the board's memory is not known yet."
    if not changed:
        return f"Batch {batches} as published."
    said = [f"batch {n.batch_size} instead of the published {o.batch_size} for {_map(o)}" for o, n in changed]
    rest = " All other shapes have the published batch." if len(changed) < len(fitted) else ""
    return (
        f"{'; '.join(said)[:1].upper()}{'; '.join(said)[1:]}: an estimated need (modelled) stays under half of the "
        f"board's {memory_bytes / 1e9:.1f} GB.{rest}"
    )


def _map(shape: ConvShape) -> str:
    return shape.label.partition(" batch")[0]


def _sides(shape: ConvShape) -> tuple[int, int]:
    return shape.height, shape.width
