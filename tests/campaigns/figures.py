"""What /proc says about a process: descriptors, threads, memory, segments, switches, the processor it last ran on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figures:
    """Resources of one process at one moment."""

    descriptors: int
    threads: int
    segments: int  # mappings of shared memory
    rss_bytes: int

    def __sub__(self, other: Figures) -> Figures:
        return Figures(self.descriptors - other.descriptors, self.threads - other.threads, self.segments - other.segments,
                       self.rss_bytes - other.rss_bytes)


def figures(pid: int) -> Figures:
    proc = Path(f"/proc/{pid}")
    status = status_of(pid)
    maps = (proc / "maps").read_text()
    return Figures(descriptors=len(list((proc / "fd").iterdir())), threads=int(status["Threads"]), segments=maps.count("/dev/shm/"),
                   rss_bytes=int(status["VmRSS"].split()[0]) * 1024)


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def switches(pid: int) -> int:
    """Voluntary context switches of all threads: each is one sleep, so one wake."""
    return sum(int(status_of(int(t.name))["voluntary_ctxt_switches"]) for t in Path(f"/proc/{pid}/task").iterdir())


def migrations(pid: int) -> int:
    """Moves of the process from one processor to the other."""
    for line in Path(f"/proc/{pid}/sched").read_text().splitlines():
        if line.startswith("se.nr_migrations"):
            return int(line.rpartition(":")[2])
    return 0


def processor(pid: int) -> int:
    """Processor that the main thread last ran on."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[36])


def forget_peak(pid: int) -> None:
    """The highest memory use of a process counts from now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_bytes(pid: int) -> int:
    """Highest resident memory of a process since `forget_peak`."""
    return int(status_of(pid)["VmHWM"].split()[0]) * 1024


def child_of(pid: int) -> int:
    """The only child of a process (the HIS host of a HIP)."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)
