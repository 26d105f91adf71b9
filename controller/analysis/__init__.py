"""Judging raw records: pure functions, no database and no HTTP."""
