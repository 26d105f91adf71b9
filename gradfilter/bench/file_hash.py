"""Hashes of files' contents, by which a change is noticed."""

import hashlib
import json
from pathlib import Path
from typing import Dict

_BLOCK = 1 << 20


def file_hash(path: Path) -> str:
    """SHA-256 in hexadecimal, read in blocks: weights may be larger than the memory that is left."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def combined_hash(hashes: Dict[str, str]) -> str:
    """One hash, as 'sha256:…', of many files: of their names and the hash of each."""
    return "sha256:" + hashlib.sha256(json.dumps(sorted(hashes.items())).encode("utf-8")).hexdigest()
