"""A suite's job for a board: the batch that fits its memory, what the user changed, and what is said of both."""

from dataclasses import replace

import pytest

from controller.suites import Changes, job_for_board, load_suite
from controller.suites.batches import estimated_bytes
from gradfilter.bench.schema import ConvShape, DeviceSelector

BOARD = DeviceSelector(name="nano-1")
LATENCY = load_suite("paper-latency")
SHAPE = ConvShape(32, 128, 128, 160, 120)


def made(job, suite=LATENCY, memory_bytes=16_000_000_000, **changes):
    (chosen,) = suite.chosen([job])
    return job_for_board(suite, chosen, BOARD, memory_bytes, Changes(**changes))


def batches(spec):
    return [shape.batch_size for shape in spec.workload.shapes]


class TestBatch:
    def test_the_estimate_is_that_of_its_tensors(self):
        """Input, output and both gradients of 32 images, their sums over 2x2 patches, float32, and a quarter more."""
        tensor = 32 * 128 * 160 * 120 * 4
        assert round(1.25 * (4 * tensor + 2 * tensor / 4)) == estimated_bytes(SHAPE)

    def test_the_estimate_counts_what_a_stride_leaves(self):
        """With stride 2 and no padding the output is 79 by 59."""
        tensors = 32 * 128 * 4 * (160 * 120 + 79 * 59)
        assert round(1.25 * 2.25 * tensors) == estimated_bytes(replace(SHAPE, stride=2, padding=0))

    def test_it_stays_as_published_where_it_fits(self):
        """With 16 GB nothing is changed, and the note says so."""
        spec = made("large-maps")
        assert ([32, 32, 32], "Batch 32 as published.") == (batches(spec), spec.note)

    def test_it_is_halved_until_it_fits_half_of_the_memory(self):
        """With 1 GB the largest map goes to a quarter; the others by their own need."""
        spec = made("large-maps", memory_bytes=1_000_000_000)
        assert [8, 16, 32] == batches(spec)
        assert all(estimated_bytes(shape) <= 500_000_000 for shape in spec.workload.shapes)
        assert all(
            words in spec.note
            for words in (
                "Batch 8 instead of the published 32 for 128→128 3×3 160×120; batch 16 instead",
                "(modelled) stays under half of the board's 1.0 GB. All other shapes have the published batch.",
            )
        )

    def test_one_image_is_the_least(self):
        """On a board that holds nothing the batch is 1, and the board says what comes of it."""
        assert [1, 1, 1] == batches(made("large-maps", memory_bytes=1))

    def test_an_unknown_memory_leaves_it(self):
        """A board that has not been described yet gets the published batch, and the note says why."""
        spec = made("large-maps", memory_bytes=None)
        assert ([32, 32, 32], True) == (batches(spec), "memory is not known yet" in spec.note)

    def test_published_figures_follow_their_shape(self):
        """A figure stands beside the scaled shape; its source still says batch 32."""
        spec = made("large-maps", memory_bytes=1_000_000_000)
        assert [shape.label for shape in spec.workload.shapes] == list(dict.fromkeys(f.part for f in spec.published))
        assert {True} == {"batch 32" in figure.source for figure in spec.published}


class TestChanges:
    def test_every_job_carries_its_suite(self):
        """The suite's name goes with the job, the rest is as in the file."""
        spec = made("whole-step")
        assert ("paper-latency", 5, "digits", "cpu") == (
            spec.suite,
            spec.repetitions,
            spec.workload.dataset,
            spec.workload.compute,
        )

    def test_repetitions_and_compute_are_replaced(self):
        """What the user gives stands instead of what the suite has."""
        spec = made("large-maps", repetitions=2, compute="cuda")
        assert (2, "cuda") == (spec.repetitions, spec.workload.compute)

    def test_other_data_take_the_published_figures_away(self):
        """Accuracies on CIFAR-10 do not stand beside accuracies on digits; the note says so."""
        suite = load_suite("paper-classification")
        spec = made("resnet18-last-4", suite, dataset="digits")
        assert ("digits", [], True) == (
            spec.workload.dataset,
            spec.published,
            "digits instead of cifar10" in spec.note,
        )
        assert 6 == len(made("resnet18-last-4", suite, dataset="cifar10").published)

    def test_data_mean_nothing_to_single_convolutions(self):
        """Their figures stay."""
        assert 30 == len(made("large-maps", dataset="digits").published)

    def test_a_change_that_the_schema_refuses_is_refused(self):
        """As it would be for any job."""
        with pytest.raises(ValueError, match="repetitions must be at least 1"):
            made("large-maps", repetitions=0)
