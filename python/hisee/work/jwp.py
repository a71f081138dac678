"""`hisee jwp`: takes number and port of a Java work process, then becomes the Java virtual machine: same pid, port still bound.

The machine gets everything on standard input, the secret too; nothing of it stands in a command line or in the environment.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

import hisee
from hisee.channel.spoken import LOWEST, PROTOCOL
from hisee.config import limits
from hisee.datadir import DataDir
from hisee.engine import open_engine
from hisee.engine.coordinator import Member
from hisee.engine.proof import boot_id
from hisee.errors import HiseeError
from hisee.parameters import StartParameters
from hisee.process import named_log, rename_log
from hisee.schema.commands import ROWS as COMMANDS
from hisee.schema.timers import ROWS as TIMERS
from hisee.seams import Seams
from hisee.work.joining import Joined, join, node_of

log = logging.getLogger("hisee.work.jwp")
KIND = "JWP"
JAR = Path(hisee.__file__).parent / "java" / "hisee-jwp.jar"
OLDEST = 17
INSTALL = "apt-get install default-jre-headless"
MAIN = "hisee.jwp.Main"
SERVICES = "services"  # folder of the application with jars of its own
HEAP_MIB = 256
# The virtual machine's own timers: every 250 ms for locks, every second for nothing. Other versions may not know them.
CALM = ("-XX:+IgnoreUnrecognizedVMOptions", "-XX:+UnlockDiagnosticVMOptions", "-XX:AsyncDeflationInterval=10000",
        "-XX:GuaranteedSafepointInterval=0")
THREADS = 4  # calls of services at the same time


class NoJava(HiseeError):
    """This computer or this installation cannot run a Java work process; the text says what to install."""


def main(parameters: StartParameters) -> int:
    """Does not return when all is well. Raises NoJava, NoNumber, EngineError, CannotConnect."""
    data = DataDir(parameters.data or ".", Seams())
    named_log(data.log_dir, KIND, temporary=True)
    try:
        java = find_java()
        joined = enter(data, parameters.node)
        rename_log(joined.member.name)
        words = command_line(java, joined.member.name, class_path(services_of(parameters, data)), data.log_dir,
                             parameters.heap or HEAP_MIB)
        facts = settings(joined.member, data, parameters.threads or THREADS)
    except HiseeError as error:
        log.error("%s", error)
        raise
    log.info("number %d, port %d: becomes %s", joined.member.number, joined.member.port, java)
    become(words, facts, joined.port, parameters.ready_fd)
    return 0


def find_java() -> str:
    """Path of the virtual machine. Raises NoJava naming what is missing."""
    java = shutil.which("java")
    if java is None:
        raise NoJava("no `java` on this computer", hint=f"install Java {OLDEST} or newer, on Debian: {INSTALL}")
    if not JAR.is_file():
        raise NoJava(f"{JAR} is not there: this installation was built without javac",
                     hint="install default-jdk-headless, then in a checkout: ./hisee clean and any command; else install hisee again")
    return java


def version_of(java: str) -> str:
    """First line of what the virtual machine says of itself. Raises NoJava when it is too old or says nothing."""
    done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=30)
    line = next(iter(done.stderr.splitlines()), "")
    number = re.search(r'version "(\d+)', line)
    if number is None or int(number[1]) < OLDEST:
        raise NoJava(f"{java} is {line or 'no virtual machine'}", hint=f"install Java {OLDEST} or newer, on Debian: {INSTALL}")
    return f"{line} at {java}"


def enter(data: DataDir, node: str) -> Joined:
    """Number and port from the lists (R90-R92)."""
    engine = open_engine(data.engine_url(), data.path, data.seams)
    try:
        return join(engine, KIND, node_of(data, node), data)
    finally:
        engine.close()


def services_of(parameters: StartParameters, data: DataDir) -> Path:
    return parameters.services or Path(str(data.read_run().get("app", ""))) / SERVICES


def class_path(services: Path) -> str:
    """Our jar first, so that no other one replaces its classes; then the application's, in the order of their names."""
    return ":".join([str(JAR), *(str(jar) for jar in sorted(services.glob("*.jar")))])


def command_line(java: str, name: str, path: str, log_dir: Path, heap_mib: int) -> list[str]:
    """Quick to start, small, ends at once without memory: a call that did not fit is then taken over like any other."""
    return [java, *CALM, f"-Xmx{heap_mib}m", "-Xms8m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError", f"-XX:ErrorFile={log_dir}/{name}.crash", "-Djava.awt.headless=true", "-cp", path, MAIN, name]


def settings(member: Member, data: DataDir, threads: int) -> dict[str, Any]:
    """What the virtual machine reads on its standard input."""
    hello = {"kind": KIND, "name": member.name, "node": member.node, "boot": boot_id(), "pid": member.pid,
             "incarnation": member.incarnation, "protocol": list(PROTOCOL), "lowest": list(LOWEST),
             "version": hisee.__version__}
    return {
        "secret": data.secret(), "socket": str(data.control_socket), "log": str(data.log_dir), "name": member.name, "host": member.host,
        "port": member.port, "threads": threads, "hello": hello, "limits": limits(data.read_run().get("limits")),
        "timers": {row.name: row.ms for row in TIMERS}, "commands": list(commands()),
    }


def commands() -> Iterator[dict[str, str]]:
    """Rows of the table of commands that this kind takes."""
    for row in COMMANDS:
        if row.kinds == "*" or KIND in row.kinds.split():
            yield {"syntax": row.syntax, "doc": row.doc}


def become(words: list[str], facts: dict[str, Any], port: socket.socket | None, ready_fd: int | None) -> None:
    """Replace this process. Standard input is a pipe that holds the facts, standard output takes the ready line."""
    if port is not None:
        port.set_inheritable(True)
    os.dup2(pipe_with(msgspec.msgpack.encode(facts)), 0)
    sink = ready_fd if ready_fd is not None else os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    if ready_fd is not None:
        os.close(ready_fd)
    os.execv(words[0], words)


def pipe_with(data: bytes) -> int:
    """The reading end of a pipe that holds `data`, written whole before anybody reads: it must fit into the kernel's buffer."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    if os.write(write, data) != len(data):
        raise NoJava(f"the settings of the Java work process are too long: {len(data)} bytes")
    os.close(write)
    return read
