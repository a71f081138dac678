"""The database pair alone, on the computers of a lab: SRV1, SRV2 and the witness W; clients run on a fourth computer C."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from hisee.datadir import DataDir
from hisee.pair import programs
from hisee.pair.home import Home, keep_passwords
from hisee.pair.plan import duties, url_of
from support import lab as labs
from support.lab import Lab, Process, until

SERVERS = ("SRV1", "SRV2")
CLIENT = Path(__file__).with_name("database_client.py")
READY_S = 180.0


def missing() -> str:
    """Why no pair can be played here; "" when one can."""
    return labs.missing() or programs.missing()


class PairLab:
    """Monitor and two nodes, each kept by the program that the supervisor runs."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.folder = Path(tempfile.mkdtemp(prefix="hisee-pair-"))
        self.folder.chmod(0o755)  # the user postgres goes through it
        self.computers = {name: lab.computer(name) for name in (*SERVERS, "W", "C")}
        self.group: dict[str, Any] = {
            "name": "plant", "witness": f"{self.computers['W'].address}:6000", "database": "pg_auto_failover", "multicast": False,
            "servers": {name: {"priority": 1, "hosts": self.computers[name].addresses, "cp": []} for name in SERVERS}}
        self._keepers: dict[str, Process] = {}
        secret = os.urandom(32)
        for name in self.computers:
            self._write_data(name, secret)

    def _write_data(self, name: str, secret: bytes) -> None:
        data = self.data(name)
        data.make()
        data.path.chmod(0o755)
        (data.path / "secret").write_bytes(secret)
        nodes = {computer.name: {"host": computer.address} for computer in self.computers.values()}
        keep_passwords(data)
        data.write_run({"nodes": nodes, "group": self.group, "engine": {"url": ""}})

    def data(self, name: str) -> DataDir:
        return DataDir(self.folder / name)

    def home(self, name: str) -> Home:
        addresses = {computer.name: computer.address for computer in self.computers.values()}
        (duty,) = duties(self.group, name, addresses)
        return Home(self.data(name), duty)

    def url(self, name: str = "C") -> str:
        return url_of(self.group, self.data(name).path, name)

    def start(self, *names: str) -> None:
        """Start the keepers of computers; does not wait."""
        for name in names or ("W", *SERVERS):
            role = "monitor" if name == "W" else "node"
            with open(self.folder / f"{name}.out", "ab") as out, open(os.devnull, "wb") as ready:
                os.set_inheritable(ready.fileno(), True)
                self._keepers[name] = self.computers[name].start(
                    sys.executable, "-m", "hisee.pair.program", self.folder / name, name, role, ready.fileno(), stdout=out, stderr=out,
                    pass_fds=[ready.fileno()])

    def stop(self, name: str) -> int:
        return self._keepers.pop(name).end(60)

    def boot(self, name: str) -> None:
        """A computer that was killed comes back, and its keeper with it."""
        self.computers[name].boot()
        self.start(name)

    def states(self) -> dict[str, tuple[str, str]]:
        """Node -> (what it is, what it shall be), as the monitor sees it; {} while it does not answer."""
        home = self.home("W")
        with contextlib.suppress(psycopg.Error), contextlib.closing(
                psycopg.connect(host=str(home.sockets), port=6000, dbname="pg_auto_failover", user=home.account.pw_name,
                                connect_timeout=2)) as db:
            query = "SELECT nodename, current_group_state::text, assigned_group_state::text FROM pgautofailover.current_state()"
            return {name: (now, then) for name, now, then in db.execute(query)}
        return {}

    def primary(self) -> str:
        """Who is primary with a secondary beside it; "" while nobody is."""
        states = self.states()
        found = [name for name, state in states.items() if state == ("primary", "primary")]
        return found[0] if found and ("secondary", "secondary") in states.values() else ""

    def await_pair(self, seconds: float = READY_S) -> str:
        """Until there are primary and secondary; the primary."""
        try:
            until(self.primary, "primary and secondary", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the monitor says {self.states()}\n{self.words()}") from None
        return self.primary()

    def words(self) -> str:
        """The end of everything that was said, for a failure."""
        files = [*self.folder.glob("*.out"), *self.folder.glob("*/log/*.00.log"), *self.folder.glob("*/pg/*/output")]
        return "\n".join(f"-- {path.relative_to(self.folder)}\n{path.read_text(errors='replace')[-2000:]}" for path in files)

    def client(self, name: str) -> Client:
        return Client(self, name)

    def log(self, name: str) -> str:
        """What the keepers of a computer wrote."""
        return "".join(path.read_text(errors="replace") for path in (self.folder / name / "log").glob("*.log"))

    def takes_writes(self, name: str) -> bool:
        """Does the node of this computer itself take writes at this moment? Asked over its own socket."""
        home = self.home(name)
        with contextlib.suppress(psycopg.Error), contextlib.closing(
                psycopg.connect(host=str(home.sockets), port=6001, dbname="postgres", user=home.account.pw_name, connect_timeout=2)) as db:
            row = db.execute("SELECT NOT pg_is_in_recovery()").fetchone()
            return row is not None and bool(row[0])
        return False

    def postmaster(self, name: str) -> int:
        """pid, as seen from outside, of the node's PostgreSQL."""
        (pid,) = self.computers[name].find(r"bin/postgres -D .*/pg/node/data")
        return pid

    def end(self) -> None:
        for computer in self.computers.values():
            computer.kill()
        for name in (*SERVERS, "W"):
            shutil.rmtree(self.home(name).sockets, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class Client:
    """Puts tasks into the engine database without a pause and notes what was acknowledged, and when."""

    def __init__(self, pair: PairLab, name: str) -> None:
        self._file = pair.folder / f"{name}.puts"
        with open(pair.folder / f"{name}.out", "ab") as out:
            self._process = pair.computers["C"].start(sys.executable, CLIENT, pair.url(), self._file, stdout=out, stderr=out)

    def puts(self) -> list[tuple[int, float]]:
        """(number, monotonic time in seconds) of every acknowledged put."""
        text = self._file.read_text() if self._file.exists() else ""
        return [(int(n), float(at)) for n, at in (line.split() for line in text.splitlines(keepends=True) if line.endswith("\n"))]

    def await_more(self, seconds: float = 60.0) -> None:
        """Until further puts were acknowledged."""
        count = len(self.puts())
        until(lambda: len(self.puts()) > count + 2 or self._process.poll() is not None, "puts are acknowledged", seconds)
        assert self._process.poll() is None, "the client ended"

    def gap_s(self) -> float:
        """Longest time without an acknowledged put."""
        times = [at for _, at in self.puts()]
        return max((b - a for a, b in zip(times, times[1:], strict=False)), default=0.0)

    def end(self) -> None:
        self._process.end()


def history(pair: PairLab, client: Client) -> tuple[int, int]:
    """(acknowledged puts that are missing, puts that are there twice): both must be 0."""
    code = "import collections, json, sys, psycopg\n" \
           "with psycopg.connect(sys.argv[1]) as db:\n" \
           "    print(json.dumps([json.loads(a)['n'] for a, in db.execute('SELECT args FROM engine_task')]))"
    stored = json.loads(pair.computers["C"].run(sys.executable, "-c", code, pair.url()).stdout)
    return len({n for n, _ in client.puts()} - set(stored)), len(stored) - len(set(stored))


@contextlib.contextmanager
def pair_lab() -> Iterator[PairLab]:
    """The pair from nothing, for the length of a `with`."""
    with Lab() as lab:
        pair = PairLab(lab)
        try:
            pair.start()
            yield pair
        finally:
            pair.end()
