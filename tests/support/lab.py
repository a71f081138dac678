"""Several computers on this one: network namespaces around a router, each computer with its own processes and host name.

    with Lab() as lab:
        srv1, srv2 = lab.computer("SRV1"), lab.computer("SRV2")
        srv1.run("ping", "-c1", srv2.address)
        lab.cut(srv1, srv2)
        srv1.kill()

A process of another computer cannot be seen through /proc, so its death is as unprovable as over a real network. All traffic passes the
router, where it can be swallowed in one direction without either end being told. Files are common: each computer gets its own folders.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NETWORKS = 2
PREFIX = "hisee-lab"
FREEZER = Path("/sys/fs/cgroup/freezer")  # version 1
UNIFIED = Path("/sys/fs/cgroup")  # version 2
WAIT_S = 20.0
NUMBERS = itertools.count(1)
# Process 1 of a computer: the kernel itself buries the children that it inherits.
INIT = 'hostname "$1" && trap "" CHLD && exec sleep infinity'
ENTER = 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"'


class LabImpossible(Exception):
    """This computer does not let a test play several ones; the text says what is missing."""


@functools.cache
def missing() -> str:
    """Why no lab can be made here; "" when one can."""
    if os.getuid() != 0:
        return "a lab of several computers needs root (network and process namespaces)"
    for program in ("ip", "unshare", "nsenter"):
        if shutil.which(program) is None:
            return f"a lab of several computers needs the program {program} (packages iproute2, util-linux)"
    if _cgroups() is None:
        return "a lab of several computers needs control groups that can freeze processes"
    name = f"{PREFIX}-{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return "" if made.returncode == 0 else f"network namespaces cannot be made here: {made.stderr.strip()}"


def _cgroups() -> Path | None:
    """Folder below which groups can be made and frozen."""
    if (FREEZER / "cgroup.procs").exists() and os.access(FREEZER, os.W_OK):
        return FREEZER
    return UNIFIED if (UNIFIED / "cgroup.controllers").exists() and os.access(UNIFIED, os.W_OK) else None


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabImpossible(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Computer:
    """One computer: network, processes, host name. `addresses` has one address per network."""

    def __init__(self, lab: Lab, name: str, number: int) -> None:
        self.lab, self.name, self.number = lab, name, number
        self.namespace = f"{lab.name}-{name}"
        self.addresses = [f"10.{9 - network}.{number}.2" for network in range(lab.networks)]
        self._group = lab.groups / self.namespace
        self._unshare: subprocess.Popen[bytes] | None = None
        self._init = 0
        self._silent = False
        self.gone_at = 0.0  # when the power went last, in seconds of the monotonic clock
        self._started: list[subprocess.Popen[bytes]] = []
        self._wire()
        self.boot()

    def __repr__(self) -> str:
        return f"<{self.name} {self.address}>"

    @property
    def address(self) -> str:
        return self.addresses[0]

    @property
    def alive(self) -> bool:
        return self._unshare is not None and self._unshare.poll() is None

    def _wire(self) -> None:
        """A pair of interfaces to the router per network; every other computer is behind it."""
        _ip("netns", "add", self.namespace)
        _ip("-n", self.namespace, "link", "set", "lo", "up")
        for network, address in enumerate(self.addresses):
            gateway, port = address.removesuffix(".2") + ".1", f"c{self.number}n{network}"
            _ip("-n", self.lab.router, "link", "add", port, "type", "veth", "peer", "name", f"n{network}", "netns", self.namespace)
            _ip("-n", self.lab.router, "addr", "add", f"{gateway}/24", "dev", port)
            _ip("-n", self.lab.router, "link", "set", port, "up")
            _ip("-n", self.namespace, "addr", "add", f"{address}/24", "dev", f"n{network}")
            _ip("-n", self.namespace, "link", "set", f"n{network}", "up")
            _ip("-n", self.namespace, "route", "add", f"10.{9 - network}.0.0/16", "via", gateway)

    def boot(self) -> None:
        """Start it (again): nothing but its process 1 runs."""
        assert not self.alive, f"{self.name} runs"
        self._say_nothing(False)
        self._group.mkdir(exist_ok=True)
        words = ["sh", "-c", ENTER, "sh", str(self._group), "ip", "netns", "exec", self.namespace,
                 "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "sh", "-c", INIT, "sh", self.name]
        self._unshare = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        until(lambda: self._find_init(), f"{self.name} boots")

    def _find_init(self) -> bool:
        """Process 1 counts once it is `sleep`: then name and signals are set."""
        assert self._unshare is not None
        if self._unshare.poll() is not None:
            raise LabImpossible(f"{self.name} did not boot: exit {self._unshare.returncode}")
        found = children(self._unshare.pid)
        with contextlib.suppress(OSError):
            if found and Path(f"/proc/{found[0]}/comm").read_text().strip() == "sleep":
                self._init = found[0]
        return bool(self._init)

    def words(self, *words: str | Path) -> list[str]:
        """The command line by which this computer runs a command."""
        return ["sh", "-c", ENTER, "sh", str(self._group), "nsenter", "--target", str(self._init), "--net", "--pid", "--mount", "--uts",
                "--", *(str(word) for word in words)]

    def start(self, *words: str | Path, **given: Any) -> Process:
        """Start a command; keywords as of Popen."""
        assert self.alive, f"{self.name} does not run"
        started = Process(subprocess.Popen(self.words(*words), **({"stdin": subprocess.DEVNULL} | given)))
        self._started.append(started.popen)
        return started

    def run(self, *words: str | Path, timeout: float = 60.0, check: bool = True, **given: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its output is the message of a failure."""
        assert self.alive, f"{self.name} does not run"
        done = subprocess.run(self.words(*words), capture_output=True, text=True, timeout=timeout, check=False, **given)
        assert not check or done.returncode == 0, f"{self.name}: {words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def processes(self) -> dict[int, str]:
        """pid as seen from outside -> command line, of everything that runs in it but its process 1."""
        if not self.alive:
            return {}
        mine = os.readlink(f"/proc/{self._init}/ns/pid")
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if int(folder.name) != self._init and os.readlink(folder / "ns/pid") == mine:
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return found

    def find(self, pattern: str) -> list[int]:
        """pids, as seen from outside, of the processes whose command line matches."""
        return [pid for pid, line in self.processes().items() if re.search(pattern, line)]

    def kill(self) -> None:
        """The power goes: every process of it is gone when this returns, and nobody hears of it, not even by the end of a connection."""
        if self._unshare is None:
            return
        self._say_nothing(True)
        self.gone_at = time.monotonic()
        if self._init and self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._init, signal.SIGKILL)
        else:
            self._unshare.kill()
        self._freeze(False)  # frozen ones take the signal only then
        for popen in [self._unshare, *self._started]:
            popen.wait(WAIT_S)
        self._started.clear()
        self._init = 0
        until(self._is_empty, f"the processes of {self.name} end")

    def _say_nothing(self, silent: bool) -> None:
        """Whatever it still sends vanishes, or does so no more."""
        if silent != self._silent:
            for address in self.addresses:
                _ip("-n", self.lab.router, "rule", "add" if silent else "del", "from", address, "blackhole", "priority", "9")
            self._silent = silent

    def freeze(self) -> None:
        """Every process of it stands still and knows nothing of it; the network goes on."""
        self._freeze(True)
        state = self._group / "freezer.state"
        until(lambda: not state.exists() or state.read_text().strip() == "FROZEN", f"{self.name} is frozen")

    def thaw(self) -> None:
        self._freeze(False)

    def _freeze(self, still: bool) -> None:
        if self._group.exists():
            _freeze(self._group, still)

    def _is_empty(self) -> bool:
        try:
            return not (self._group / "cgroup.procs").read_text().split()
        except FileNotFoundError:
            return True

    def remove(self) -> None:
        """It was never there."""
        self.kill()
        subprocess.run(["ip", "netns", "del", self.namespace], capture_output=True, check=False)
        with contextlib.suppress(FileNotFoundError):
            until(lambda: _removed(self._group), f"the control group of {self.name} goes")


class Process:
    """A command that runs on a computer. `pid` is as seen from outside."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.popen = popen  # nsenter, which waits for the command and takes over its exit code
        until(lambda: self.pid or popen.poll() is not None, "the command starts")

    @property
    def pid(self) -> int:
        """0 once it has ended."""
        found = children(self.popen.pid)
        return found[0] if found else 0

    def signal(self, number: int = signal.SIGTERM) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.pid:
                os.kill(self.pid, number)

    def poll(self) -> int | None:
        return self.popen.poll()

    def wait(self, seconds: float = WAIT_S) -> int:
        return self.popen.wait(seconds)

    def end(self, seconds: float = WAIT_S) -> int:
        """SIGTERM, and SIGKILL when that does not end it in time; the exit code."""
        self.signal()
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            return self.wait(seconds)


class Lab:
    """Computers and the router between them, for the length of a `with`. Raises LabImpossible where rights are missing."""

    def __init__(self, networks: int = 1) -> None:
        assert 1 <= networks <= NETWORKS
        if missing():
            raise LabImpossible(missing())
        groups = _cgroups()
        assert groups is not None
        self.networks, self.groups = networks, groups
        self.name = f"{PREFIX}-{os.getpid()}-{next(NUMBERS)}"
        self.router = f"{self.name}-router"
        self.computers: dict[str, Computer] = {}
        self._cuts: set[tuple[str, str]] = set()

    def __enter__(self) -> Lab:
        sweep()
        try:
            _ip("netns", "add", self.router)
            _ip("-n", self.router, "link", "set", "lo", "up")
            _ip("netns", "exec", self.router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def computer(self, name: str) -> Computer:
        """The computer of that name; made and started at the first call."""
        if name not in self.computers:
            number = len(self.computers) + 1
            try:
                self.computers[name] = Computer(self, name, number)
            except BaseException:
                _remove(f"{self.name}-{name}", self.groups)
                raise
        return self.computers[name]

    def cut(self, one: Computer, other: Computer, *, one_way: bool = False, network: int | None = None) -> None:
        """What `one` sends to `other` (and back, unless `one_way`) vanishes on the way; nobody is told. `network`: only on that one."""
        for source, target in self._ways(one, other, one_way, network):
            if (source, target) not in self._cuts:
                _ip("-n", self.router, "rule", "add", "from", source, "to", target, "blackhole", "priority", "10")
                self._cuts.add((source, target))

    def heal(self, one: Computer | None = None, other: Computer | None = None, *, network: int | None = None) -> None:
        """Undo the cuts between two computers, or all."""
        wanted = self._cuts.copy() if one is None or other is None else set(self._ways(one, other, False, network))
        for source, target in wanted & self._cuts:
            _ip("-n", self.router, "rule", "del", "from", source, "to", target, "blackhole", "priority", "10")
            self._cuts.discard((source, target))

    def isolate(self, computer: Computer) -> None:
        """Cut it from all others."""
        for other in self.computers.values():
            if other is not computer:
                self.cut(computer, other)

    def _ways(self, one: Computer, other: Computer, one_way: bool, network: int | None) -> Iterator[tuple[str, str]]:
        for number in range(self.networks) if network is None else (network,):
            yield one.addresses[number], other.addresses[number]
            if not one_way:
                yield other.addresses[number], one.addresses[number]

    def close(self) -> None:
        """Everything goes: processes, namespaces, control groups."""
        with contextlib.ExitStack() as all_of_them:
            all_of_them.callback(_remove, self.router, None)
            for computer in self.computers.values():
                all_of_them.callback(computer.remove)
        self.computers.clear()


def left_of(pid: int) -> list[str]:
    """Names of everything that the labs of a process have at this moment."""
    groups = _cgroups()
    places = [folder for folder in (Path("/run/netns"), groups) if folder is not None and folder.exists()]
    return sorted({path.name for folder in places for path in folder.glob(f"{PREFIX}-{pid}-*")})


def sweep() -> None:
    """Remove what test runs left that were killed themselves."""
    groups = _cgroups()
    names = {p.name for p in Path("/run/netns").glob(f"{PREFIX}-*")} if Path("/run/netns").exists() else set()
    names |= {p.name for p in groups.glob(f"{PREFIX}-*")} if groups is not None else set()
    for name in names:
        pid = name.removeprefix(f"{PREFIX}-").partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            _remove(name, groups)


def _remove(name: str, groups: Path | None) -> None:
    """A namespace and the processes of its control group."""
    group = groups / name if groups is not None else None
    if group is not None and group.exists():
        for pid in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        _freeze(group, False)  # frozen ones take the signal only then
        until(lambda: _removed(group), f"control group {name} goes")
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _freeze(group: Path, still: bool) -> None:
    if (group / "freezer.state").exists():
        (group / "freezer.state").write_text("FROZEN" if still else "THAWED")
    else:
        (group / "cgroup.freeze").write_text("1" if still else "0")


def _removed(group: Path) -> bool:
    with contextlib.suppress(FileNotFoundError, OSError):
        group.rmdir()
    return not group.exists()


def children(pid: int) -> list[int]:
    """Direct children of a process."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def until(condition: Any, what: str, seconds: float = WAIT_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.005)
