"""What a user asks about a model and a method on one batch: gradients, operations, bytes kept for backward."""

from gradfilter.inspection.saved_bytes import counting_saved_bytes, counting_saved_bytes_by_layer
from gradfilter.inspection.step_flops import step_flops

__all__ = ["counting_saved_bytes", "counting_saved_bytes_by_layer", "step_flops"]
