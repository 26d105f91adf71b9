"""What a user asks about a model and a method on one batch: gradients, operations, bytes kept for backward.

Start with ``print(gradient_report(model, GradientFilter(last=4), batch_loss))``, where batch_loss
computes the loss of one batch with the model that it is given.
"""

from gradfilter.inspection.gradient_report import gradient_report
from gradfilter.inspection.gradients import compare_gradients
from gradfilter.inspection.report import GradientReport
from gradfilter.inspection.saved_bytes import counting_saved_bytes, counting_saved_bytes_by_layer
from gradfilter.inspection.step_flops import step_flops

__all__ = [
    "GradientReport",
    "compare_gradients",
    "counting_saved_bytes",
    "counting_saved_bytes_by_layer",
    "gradient_report",
    "step_flops",
]
