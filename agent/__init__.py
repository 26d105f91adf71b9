"""The agent: one FastAPI service per board that runs one training job at a time and measures it."""

VERSION = "0.1.0"
