"""The peers: how each is found, and how `./hisee bench --install-peers` gets it. A peer that is not there is told, never guessed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = Path(os.environ.get("HISEE_PEERS", ROOT / "build" / "bench-peers"))


@dataclass(frozen=True)
class Peer:
    """A program on the path, a file, or a module of the peers' environment; `debian` and `pypi` are what installs it."""

    name: str
    program: str = ""
    file: str = ""
    module: str = ""
    debian: tuple[str, ...] = ()
    pypi: str = ""

    def found(self) -> bool:
        if self.file:
            return Path(self.file).exists()
        return shutil.which(self.program) is not None if self.program else has_module(self.module)


PEERS = {peer.name: peer for peer in (
    Peer("lua5.4", program="lua5.4", debian=("lua5.4",)),
    Peer("lua5.4-c", file="/usr/include/lua5.4/lua.h", debian=("liblua5.4-dev",)),
    Peer("luajit", program="luajit", debian=("luajit",)),
    Peer("python3-debian", program="/usr/bin/python3", debian=("python3",)),
    Peer("pypy3", program="pypy3", debian=("pypy3",)),
    Peer("node", program="node", debian=("nodejs",)),
    Peer("gcc", program="gcc", debian=("gcc", "libc6-dev")),
    Peer("quickjs", module="quickjs", pypi="quickjs"),
    Peer("wasmtime", module="wasmtime", pypi="wasmtime"),
    Peer("lupa", module="lupa", pypi="lupa"),
    Peer("greenlet", module="greenlet", pypi="greenlet"),
    Peer("faster-fifo", module="faster_fifo", pypi="faster-fifo"),
    Peer("pyzmq", module="zmq", pypi="pyzmq"),
    Peer("iceoryx2", module="iceoryx2", pypi="iceoryx2"),
    Peer("posix_ipc", module="posix_ipc", pypi="posix_ipc"),
)}


def python() -> str:
    """The interpreter of the peers' environment; may not exist yet."""
    return str(VENV / "bin" / "python")


@cache
def has_module(name: str) -> bool:
    look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"
    return Path(python()).exists() and subprocess.run([python(), "-c", look], capture_output=True).returncode == 0


def missing(names: list[str]) -> list[str]:
    """Notes for the report about peers that are not there."""
    absent = [name for name in names if not PEERS[name].found()]
    return [f"not installed: {', '.join(absent)}; `./hisee bench --install-peers` gets them"] if absent else []


def install() -> None:
    """Everything that is absent: Debian's packages through apt (as root), PyPI's into an environment of their own."""
    absent = [peer for peer in PEERS.values() if not peer.found()]
    packages = [name for peer in absent for name in peer.debian]
    if packages:
        apt = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        subprocess.run(apt if os.geteuid() == 0 else ["sudo", *apt], check=True, stdout=sys.stderr)
    if wheels := [peer.pypi for peer in absent if peer.pypi]:
        if not Path(python()).exists():
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([python(), "-m", "pip", "install", "-qq", *wheels], check=True, stdout=sys.stderr)
    has_module.cache_clear()
