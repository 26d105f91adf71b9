"""What a user asks about a model and a method on one batch: gradients, operations, bytes kept for backward."""

from gradfilter.inspection.saved_bytes import SavedBytes, counting_saved_bytes

__all__ = ["SavedBytes", "counting_saved_bytes"]
