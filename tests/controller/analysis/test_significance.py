"""The sign-flip test and Holm's method against published values and slow enumeration."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from controller.analysis.significance import fewest_blocks_for_a_verdict, holm, sign_flip_p

# Darwin's maize, crossed minus self-fertilised, in eighths of an inch (Fisher, The Design of Experiments, section 17).
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


class TestSignFlip:
    def test_darwins_maize(self):
        """Of the 32768 sums of Darwin's 15 differences, Fisher counts 863 that reach the observed 314."""
        assert 2 * 863 / 32768 == sign_flip_p(MAIZE)

    @given(st.lists(st.floats(-1.0, 1.0, width=32), min_size=1, max_size=10))
    def test_it_is_the_share_of_all_choices_of_signs(self, values):
        """For any few values it is what counting every choice of signs one by one gives."""
        sums = [abs(sum(sign * value for sign, value in zip(signs, values, strict=True))) for signs in signs_of(values)]
        reached = [found >= abs(sum(values)) - 1e-9 * sum(map(abs, values)) for found in sums]
        assert sum(reached) / len(reached) == pytest.approx(sign_flip_p(values))

    def test_it_agrees_with_scipy(self):
        """scipy's permutation test of samples, enumerated, gives the same p."""
        values = np.random.default_rng(1).normal(0.01, 0.02, 12)
        expected = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=2**12).pvalue
        assert expected == pytest.approx(sign_flip_p(values))

    @pytest.mark.parametrize("pairs", [1, 5, 8, 24])
    def test_the_smallest_p_is_two_in_all(self, pairs):
        """Effects that all point one way are two of the 2^n choices of signs; no p is below."""
        assert 2 / 2**pairs == sign_flip_p(np.linspace(0.5, 1.0, pairs))

    def test_no_effect_at_all(self):
        """Pairs that are exactly equal are no evidence."""
        assert 1.0 == sign_flip_p([0.0] * 8)

    def test_many_pairs_are_drawn(self):
        """Beyond 40 pairs the signs are drawn, the same ones every time: near Student's p for normal effects."""
        values = np.random.default_rng(2).normal(0.005, 0.02, 60)
        expected = stats.ttest_1samp(values, 0.0).pvalue
        assert expected == pytest.approx(sign_flip_p(values), abs=0.01)
        assert sign_flip_p(values) == sign_flip_p(values)


def signs_of(values):
    return product((1, -1), repeat=len(values))


class TestHolm:
    def test_published_steps(self):
        """0.01 to 0.05 become 0.05, 0.08, 0.09, 0.09, 0.09, as R's p.adjust prints them."""
        found = holm([0.01, 0.02, 0.03, 0.04, 0.05], 5)
        assert [0.05, 0.08, 0.09, 0.09, 0.09] == pytest.approx(found)

    def test_the_order_does_not_matter(self):
        """Each test keeps its own adjusted p wherever it stands."""
        assert [0.09, 0.05, 0.08] == pytest.approx(holm([0.03, 0.01, 0.02], 5))

    def test_a_test_that_could_not_be_made_still_counts(self):
        """Three tests were declared and one was made: its p is tripled, as if the others had found nothing."""
        assert [0.03] == pytest.approx(holm([0.01], 3))

    def test_no_p_is_above_one(self):
        """Adjusting ends at 1."""
        assert [1.0, 1.0] == holm([0.6, 0.7], 2)


@pytest.mark.parametrize(
    ("tests", "looks", "blocks"),
    [(1, 1, 6), (3, 1, 7), (6, 1, 8), (9, 1, 9), (12, 1, 9), (1, 4, 8), (2, 3, 8), (3, 4, 9), (6, 3, 10), (0, 1, 1)],
)
def test_blocks_for_a_verdict(tests, looks, blocks):
    """The exact sign-flip test with Holm needs 7 pairs for 3 tests, 8 for 6; a look more counts as tests do."""
    assert blocks == fewest_blocks_for_a_verdict(tests, looks)
