"""The model of what predicted signs would cost, by hand."""

import pytest

from gradfilter.methods.bit_energy import bit_energy
from gradfilter.methods.sign_prediction import SignBits

BITS = SignBits(8, 4, 8, 16, 10, 0.05, sparsify=False)


def test_energies_are_products_of_bits():
    """Forward 8 · 8, input gradient 16 · 8, weight gradient 4 · 10 and 8 · 16 for the unsure tenth, of 32 · 32."""
    energy = bit_energy(BITS, 0.1)
    assert (8 * 8 / 1024, 16 * 8 / 1024, pytest.approx((40 + 12.8) / 1024)) == energy[:3]
    assert pytest.approx((64 + 128 + 52.8) / 3072) == energy.total
    assert "modelled" == energy.kind


def test_sparse_directions_need_no_fine_product():
    """What is not trusted is left alone."""
    assert 40 / 1024 == bit_energy(BITS._replace(sparsify=True), 0.9).weight_gradient


def test_full_precision_costs_what_float32_does():
    """With 32 bits throughout and nothing unsure, each product costs 1."""
    full = SignBits(32, 32, 32, 32, 32, 0.0, sparsify=False)
    assert (1, 1, 1) == bit_energy(full, 0.0)[:3]
