"""What a job gets of its design where it says nothing: declared when it is submitted, before anything is measured."""

from dataclasses import replace

from gradfilter.bench.schema import Gate, JobSpec, VoidIf


def designed(spec: JobSpec) -> JobSpec:
    """The job with the usual void causes and thermal gate; a quick one, which cannot judge, is left as it is."""
    if spec.quick:
        return spec
    return replace(spec, void_if=spec.void_if or VoidIf(), gate=spec.gate or Gate())
