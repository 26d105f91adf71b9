"""How the numbers of a report were made, in sentences that can be checked against the code."""

from controller.analysis.energy import FEWEST_DISTINCT_READINGS, LARGEST_GAP_SHARE
from controller.analysis.estimate import CONFIDENCE, FEWEST_FOR_BOOTSTRAP
from controller.analysis.judging import SMALLEST_EFFECT
from controller.analysis.noise_floor import FEWEST_PAIRS
from controller.analysis.phase_energy import WIDEST_INTERVAL
from controller.analysis.significance import ALPHA
from controller.analysis.verdicts import Comparison
from controller.analysis.wording import level

KINDS = {
    "measured": "read from a clock, a counter or a sensor on the board, in this job",
    "modelled": "computed by a model from measured numbers",
    "simulated": "produced by a simulator; no board did this",
    "paper-reported": "copied from the publication that is named with it",
}

# Paragraphs are split by blank lines; braces are filled in from the comparison.
_DESIGN = """
    Runs are the sample: a run is one fresh process that trains one variant once, and n counts runs. Steps inside a
    run are correlated and are never counted as a sample.

    A block is one run of every variant, in an order shuffled from the job's seed, so that heat and drift hit all
    variants alike. Variants are compared only within complete blocks, in which every variant finished: {complete} of
    the {wanted} asked for.{adding}

    Failed, lost and void runs are counted and not used; a run is void only for causes that the job declared before it
    started, none of which is what it measured. Runs that differ in software, threads, governor or power mode are
    not compared, nor is energy from different meters.

    Intervals are {level} intervals over runs: Student's t of fewer than {many}, BCa bootstrap of more. Times are
    compared by speed-up, baseline divided by variant (above 1 is faster), bytes and joules by ratio, variant divided
    by baseline (below 1 is less): the geometric mean over blocks, its interval from the logarithms. Accuracy and loss
    are compared by difference. Intervals end where the quantity does: at 0, and at 1 for a share. One run has no
    interval; neither have counts that do not vary (exact).

    {test}

    All other metrics are explored: a difference is called clear where its interval excludes no difference, and the
    intervals are not widened for how many of them there are.
"""
_ADDING = """ Blocks were added until the interval of the first primary metric's ratio was narrow enough, which was
    looked at after {looks} blocks only; the width alone decided, never a p. Luck makes intervals narrow too, and with
    95 % intervals such a job would err in more than 5 %: so the {alpha} that may be wrong are shared evenly among the
    looks ({count}). Every interval over runs is a {level} one and every p counts {count} times, so that over all of its
    looks together an interval, or Holm's method, errs in at most {alpha} of such jobs (Bonferroni), whichever look was
    the last.
"""
_TEST = """
    Primary metrics, which the job declared, are tested by the exact two-sided sign-flip test over the pairs of the
    blocks; Holm's method holds the chance of any false verdict among the {tests} tests at {alpha}, so that no verdict
    is possible with fewer than {needed} blocks. Faster, slower, lower and higher are said only where the difference
    is also larger than {least} and than the device's noise floor, the 95th percentile of the differences between runs
    of its own control jobs, in which nothing differs. No detectable difference: it, or its whole interval, is smaller
    than that. Inconclusive: a larger one is neither shown nor excluded. With fewer than {pairs} control pairs the
    floor is unknown and the verdict provisional.
"""
_STEP = """
    Forward, backward and optimizer are medians over the measured steps of a run; warm-up steps are left out. A step
    is the three together, without loading its data: batches are made ready ahead, in phases between the measured
    ones, and data loading per step is the time of those phases and of handing over, divided by the steps.

    Energy per step is the energy of the measured phases divided by their steps, from the meter that covers most of the
    board; it is given only where the readings can carry it (at least {readings} distinct ones, at most {gaps} of the
    time without).

    What a meter may be wrong by in one run is stated apart from the interval over runs, since its gain and offset are
    the same in every run: twice the standard uncertainty of where the windows begin and end between readings, of what
    the load did between them, of gaps, averaging and the reading's step, and of the gain and offset that the sensor
    declares. Energies of two boards compare only where the meters cover the same. Energy above idle is the energy less
    the idle power before (and after) the run over the same time.

    Energies of forward, backward, optimizer and data are modelled: least squares over the readings, each against the
    share of its time that each part took; given only where the interval of a run is at most {widest} of the value wide.

    Saved activations are the bytes that one step keeps for backward, without parameters, counted in a separate step
    that is not timed. Peak RSS is the whole worker's, Python and PyTorch included. 1 MB is 1 000 000 bytes.
"""
_BFLOAT16 = """
    Networks compute in bfloat16 where PyTorch's autocast does so; weights, their gradients, the loss and the optimizer
    are float32. Saved activations include the weights' copies in bfloat16 that the backward pass needs.
"""
_ACROSS = """
    Over boards every board counts once: the geometric mean of their ratios, or the mean of their differences, with a
    {over_boards} interval over boards; n counts boards, not runs. With two or three boards it is wide, since so few
    say little of others. Metered quantities stand together only where the meters cover the same.
"""
_LAYERS = """
    Each convolution is alone in the graph and gets gradients for its input, weight and bias; forward and backward are
    medians over the measured steps of a run. In a network, other layers, the forward pass and the optimizer take time
    too: a layer's speed-up is not a training step's.

    Saved activations are the bytes that one forward keeps for backward, without parameters. Peak RSS is the whole
    worker's over all shapes, Python and PyTorch included. 1 MB is 1 000 000 bytes.
"""


def method_sentences(comparison: Comparison) -> list[str]:
    """The method of this comparison: the sample, the pairs, the interval, each quantity's definition."""
    layers = any(part.part for part in comparison.variants[0].parts)
    reduced = _BFLOAT16 if comparison.workload.get("dtype") == "bfloat16" else ""
    across = _ACROSS if comparison.across is not None else ""
    text = (_DESIGN + (_LAYERS if layers else _STEP) + reduced + across).format(
        complete=comparison.blocks_complete,
        wanted=comparison.blocks_wanted,
        adding=_adding(comparison),
        level=level(comparison.confidence),
        over_boards=level(CONFIDENCE),
        many=FEWEST_FOR_BOOTSTRAP,
        test=_test(comparison),
        readings=FEWEST_DISTINCT_READINGS,
        gaps=f"{LARGEST_GAP_SHARE:.0%}",
        widest=f"{WIDEST_INTERVAL:.0%}",
    )
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def _adding(comparison: Comparison) -> str:
    if comparison.stopping is None:
        return ""
    looks = comparison.stopping.looks
    return _ADDING.format(
        looks=", ".join(map(str, looks)), count=len(looks), level=level(comparison.confidence), alpha=f"{ALPHA:.0%}"
    )


def _test(comparison: Comparison) -> str:
    plan = comparison.judgement
    if comparison.quick or plan is None or not plan.tests:
        return "This is a quick job: there is no test." if comparison.quick else "No test was made."
    return _TEST.format(
        tests=plan.tests,
        needed=plan.blocks_needed,
        alpha=f"{ALPHA:.0%}",
        least=f"{SMALLEST_EFFECT:.0%}",
        pairs=FEWEST_PAIRS,
    )


def kinds_of_numbers(comparison: Comparison) -> list[tuple[str, str]]:
    """The kinds of number that occur in the report, each with its meaning."""
    metrics = [m for variant in comparison.variants for part in variant.parts for m in part.metrics.values()]
    said = {metric.kind for metric in metrics if metric.estimate is not None or metric.kind == "measured"}
    kinds = said | {figure.kind for figure in comparison.published}
    return [(kind, meaning) for kind, meaning in KINDS.items() if kind in kinds]
