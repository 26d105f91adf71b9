"""The hash of a run's raw data: taken when it is stored, and again whenever somebody wants to know."""

import hashlib
import json
from typing import Any


def digest_of(document: dict[str, Any], parquet: bytes) -> str:
    """SHA-256 of a record's JSON, with its keys in order, and of its series' Parquet document."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode() + b"\0" + parquet).hexdigest()
