"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def cpu_model() -> str:
    """The CPU as Linux names it; x86 has a model name, ARM boards a device tree."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.lower().startswith("model name"):
            return line.partition(":")[2].strip()
    tree = Path("/proc/device-tree/model")
    return tree.read_text().rstrip("\0") if tree.exists() else platform.machine()


def machine() -> dict[str, str]:
    from pyruntime.config import MLModelConfiguration

    return {
        "cpu": cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "kernels": MLModelConfiguration(threads=1).context().level,
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def machine_line(facts: dict[str, str]) -> str:
    return (
        f"{facts['cpu']}, {facts['cores']} cores, our kernels: {facts['kernels']}; {facts['system']}; "
        f"load average at the start {facts['load']}."
    )
