"""The hash of a file's content, by which a changed file is noticed."""

import hashlib
from pathlib import Path

_BLOCK = 1 << 20


def file_hash(path: Path) -> str:
    """SHA-256 in hexadecimal, read in blocks: weights may be larger than the memory that is left."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()
