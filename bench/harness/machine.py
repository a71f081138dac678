"""Facts of the machine that a figure depends on, and where a subject runs."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path


def facts() -> dict[str, str]:
    """Processor, kernel, Python, how many processors this process may use, load when the run began."""
    return {"processor": processor(), "processors": str(len(os.sched_getaffinity(0))), "virtual": virtual(), "kernel": platform.release(),
            "python": f"{platform.python_version()} {build()}", "load": f"{os.getloadavg()[0]:.2f}"}


def processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found.group(1) if found else platform.machine()


def virtual() -> str:
    return "yes" if re.search(r"^flags.*\bhypervisor\b", Path("/proc/cpuinfo").read_text(), re.MULTILINE) else "no"


def build() -> str:
    """Whether this CPython was built with its slow, profiled optimisation: it makes a tenth or more."""
    import sysconfig

    made = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return "(optimised build)" if "--enable-optimizations" in made else f"(plain build, {Path(sys.base_prefix).name})"


def processors() -> tuple[int, int]:
    """The two processors that a pair is pinned to; twice the same where there is one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[min(1, len(allowed) - 1)]


def pin(processor: int) -> None:
    """Keep the calling process on one processor."""
    os.sched_setaffinity(0, {processor})
