"""The benchmark worker: one RunSpec in, one process, raw measurements out.

Imports nothing on its own; ``gradfilter.bench.schema`` is shared with agent and controller.
"""
