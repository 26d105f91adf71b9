"""Check an unpacked bundle, without a network.

    python3 verify.py [FOLDER]

Every file must be there and have the manifest's checksum, none may be left over, and the machine must be of the kind
that the bundle is for. Exit status 0 when all is well; 1 otherwise, with a line per fault.
Runs on any Python from 3.6 on, and needs nothing but it.
"""

import hashlib
import json
import platform
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

FORMAT = 1
MANIFEST = "manifest.json"


def main(arguments: List[str]) -> int:
    """Check the bundle in arguments[0], or the one this program lies in; the exit status."""
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print("%s holds no readable %s (%s): unpack the bundle again." % (folder, MANIFEST, error))
        return 1
    faults = list(find_faults(folder, manifest, platform.machine()))
    for fault in faults:
        print(fault)
    if faults:
        print("%d faults: copy the bundle to the board again." % len(faults))
        return 1
    print(
        "%s %s: %d files are as they were collected" % (manifest["board"], manifest["version"], len(manifest["files"]))
    )
    return 0


def find_faults(folder: Path, manifest: Dict[str, Any], machine: str) -> Iterator[str]:
    """A sentence for everything that is not as the manifest says."""
    if manifest["format"] != FORMAT:
        words = "the bundle has format %s, this program reads %d: use the bundle's own verify.py."
        yield words % (manifest["format"], FORMAT)
        return
    if manifest["machine"] != machine:
        yield "the bundle is for %s (%s), this machine is %s." % (manifest["board"], manifest["machine"], machine)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name, expected in sorted(manifest["files"].items()):
        if name not in found:
            yield "%s is missing." % name
        elif sha256(folder / name) != expected["sha256"]:
            yield "%s has another checksum than when it was collected." % name
    for name in sorted(found - set(manifest["files"]) - {MANIFEST}):
        yield "%s does not belong to the bundle." % name


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal; the file may be larger than the board's memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
