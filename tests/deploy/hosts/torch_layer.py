"""What installing torch wrote on one board, kept for others to begin with: it is large, and the same on each."""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.deploy.hosts.image import kept_folder

_TORCH = Path("opt", "gradfilter", "torch")


class TorchLayer:
    """The layer for a bundle's torch, below the disks of hosts; its folder exists once a board has installed it."""

    def __init__(self, bundle: Path) -> None:
        self.folder = kept_folder() / f"torch-{_contents(bundle)}"

    def keep(self, disk: Path) -> None:
        """Keep what is on a board's disk."""
        unfinished = Path(tempfile.mkdtemp(dir=kept_folder(), prefix="torch-unfinished-"))
        unfinished.chmod(0o755)
        (unfinished / _TORCH.parent).mkdir(parents=True)
        subprocess.run(["cp", "-a", str(disk / _TORCH), str(unfinished / _TORCH)], check=True)
        try:
            unfinished.rename(self.folder)
        except OSError:  # another run was faster
            shutil.rmtree(unfinished)


def _contents(bundle: Path) -> str:
    """A name for all that workers import but gradfilter itself."""
    inside = f"{bundle.name.removesuffix('.tar.gz')}/requirements/worker.txt"
    with tarfile.open(bundle) as archive:
        for entry in archive:  # in their order: what comes behind need not be read
            if entry.name == inside:
                lines = archive.extractfile(entry).read().decode().splitlines()
                break
    torch = [line for line in lines if not line.startswith("gradfilter==")]
    return hashlib.sha256("\n".join(torch).encode()).hexdigest()[:12]
