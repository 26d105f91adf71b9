"""What a step with predicted signs would cost on hardware that multiplies few bits cheaply: a model, not a measurement.

An array multiplier's energy is taken to grow with the product of its operands' bits, and float32 to cost as 32 × 32.
Of each convolution and linear layer, for the same number of products everywhere:

    forward   x · w        input gradient   g · w        weight gradient   x_msb · g_msb, and x · g for the unsure share

Moving data is left out.
"""

from typing import NamedTuple

from gradfilter.methods.sign_prediction import SignBits

_FLOAT_BITS = 32


class BitEnergy(NamedTuple):
    """Energy of products, relative to the same step in float32."""

    forward: float
    input_gradient: float
    weight_gradient: float
    kind: str = "modelled"

    @property
    def total(self) -> float:
        """Of a layer that needs all three."""
        return (self.forward + self.input_gradient + self.weight_gradient) / 3


def bit_energy(bits: SignBits, unsure_share: float) -> BitEnergy:
    """The model's energies for a share of weights whose sign could not be predicted."""
    fine = 0.0 if bits.sparsify else unsure_share * _product(bits.x, bits.gradient)
    return BitEnergy(
        _product(bits.x, bits.weight),
        _product(bits.gradient, bits.weight),
        _product(bits.x_msb, bits.gradient_msb) + fine,
    )


def _product(first: int, second: int) -> float:
    return first * second / _FLOAT_BITS**2
