"""Whether a control failed: a job in which nothing differs, and whose verdict says that something does."""

from controller.analysis.verdicts import DIFFERENT, Comparison


def control_failure(comparison: Comparison) -> str:
    """What a control found that cannot be, in words; '' where it passed.

    By chance alone one in twenty fails at most, and two in a row one in four hundred: then it is the device.
    """
    found = [
        f"{value.title} {value.verdict.word} beyond {value.verdict.threshold:.1%}"
        for variant in comparison.variants
        for part in variant.parts
        for value in part.metrics.values()
        if value.verdict is not None and value.verdict.word in DIFFERENT
    ]
    return (
        f"control job {comparison.job_id} compared the baseline with itself and found {', '.join(found)}"
        if found
        else ""
    )
