"""Facts about the board, read from its /proc, /sys and /etc under a root."""

import os
import platform
import re
import socket
from pathlib import Path

from agent.sensors.files import read_label

# Cores that name themselves by number only. Source: Arm's MIDR_EL1 tables, as util-linux's lscpu prints them.
_ARM_CORES = {
    "0xd03": "Cortex-A53",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd0b": "Cortex-A76",
    "0xd42": "Cortex-A78AE",
}

_SWAP_WORDS = 5  # file name, type, size in KiB, used, priority: /proc/swaps of proc(5)


def hostname() -> str:
    """The name the board gives itself."""
    return socket.gethostname()


def model(root: Path) -> str:
    """What the maker calls it: from the device tree on boards, from the firmware on PCs, '' if neither says."""
    from_tree = read_label(root / "proc/device-tree/model")
    if from_tree:
        return from_tree
    dmi = root / "sys/class/dmi/id"
    return " ".join(word for word in (read_label(dmi / "sys_vendor"), read_label(dmi / "product_name")) if word)


def cpu(root: Path) -> str:
    """The processor: its model name, or the names of its ARM cores."""
    text = _text(root / "proc/cpuinfo")
    named = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    if named:
        return named.group(1).strip()
    parts = dict.fromkeys(re.findall(r"^CPU part\s*:\s*(0x[0-9a-f]+)$", text, re.MULTILINE))
    return " + ".join(_ARM_CORES.get(part, f"ARM part {part}") for part in parts)


def cores(root: Path) -> int:
    """Processors that the kernel runs."""
    found = re.findall(r"^processor\s*:", _text(root / "proc/cpuinfo"), re.MULTILINE)
    return len(found) or os.cpu_count() or 1


def memory_bytes(root: Path) -> int:
    """Memory that the kernel manages, 0 where it does not say."""
    return _meminfo(root, "MemTotal") or 0


def available_bytes(root: Path) -> int | None:
    """Memory that new programs could take now, None where the kernel does not say."""
    return _meminfo(root, "MemAvailable")


def operating_system(root: Path) -> str:
    """The distribution's name for itself."""
    named = re.search(r'^PRETTY_NAME="?([^"\n]*)"?$', _text(root / "etc/os-release"), re.MULTILINE)
    return named.group(1) if named else platform.system()


def boot_id(root: Path) -> str:
    """Differs after every boot."""
    return read_label(root / "proc/sys/kernel/random/boot_id")


def governors(root: Path) -> list[str]:
    """The CPU frequency governors in use, each once."""
    policies = sorted((root / "sys/devices/system/cpu/cpufreq").glob("policy*"))
    found = (read_label(policy / "scaling_governor") for policy in policies)
    return list(dict.fromkeys(name for name in found if name))


def power_mode(root: Path) -> str:
    """The number of NVIDIA's power mode (nvpmodel), '' on other boards."""
    found = re.search(r"pmode:\s*0*([0-9]+)", _text(root / "var/lib/nvpmodel/status"))
    return found.group(1) if found else ""


def profile(root: Path) -> str:
    """What the playbooks have set for benchmarks, in words; '' where nothing was asked."""
    return read_label(root / "run/gradfilter-profile/applied")


def firmware(root: Path) -> str:
    """What the board starts with: a PC's BIOS, a Jetson's L4T release, a Raspberry Pi's bootloader; '' if none says."""
    bios = root / "sys/class/dmi/id"
    told = (
        " ".join(word for word in (read_label(bios / "bios_vendor"), read_label(bios / "bios_version")) if word),
        _text(root / "etc/nv_tegra_release").partition("\n")[0].lstrip("# "),
        read_label(root / "proc/device-tree/chosen/bootloader/version"),
    )
    return ", ".join(one for one in told if one)


def swap_areas(root: Path) -> str:
    """Where the kernel may swap to, with sizes: '/dev/zram0 2.0 GB'; '' where nowhere."""
    lines = [line.split() for line in _text(root / "proc/swaps").splitlines()[1:]]
    return ", ".join(f"{words[0]} {int(words[2]) * 1024 / 1e9:.1f} GB" for words in lines if len(words) == _SWAP_WORDS)


def _meminfo(root: Path, name: str) -> int | None:
    found = re.search(rf"^{name}:\s+([0-9]+) kB$", _text(root / "proc/meminfo"), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
