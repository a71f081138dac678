"""The plant of two servers on the computers of a lab: SRV1 and SRV2 with a script server each, the witness W, the workstations WS1
and WS2 with five consoles each, and C, from which the load comes. Set up as its operators would: `hisee cluster init`, `join`, `hisee up`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg

import hisee
from hisee.datadir import DataDir
from hisee.errors import HiseeError
from hisee.pair import programs
from hisee.pair.home import Home
from hisee.pair.plan import MONITOR_DATABASE, duties
from support import history
from support import lab as labs
from support.lab import Computer, Lab, Process, until
from support.plant_load import read_all

SERVERS = ("SRV1", "SRV2")
STATIONS = ("WS1", "WS2")
CONSOLES = 5
PAUSE_S = 0.05
DOORS = (3201, 3202)
REGISTERS = {"U.R1": True, "U.R2": True, "U.R3": False, "U.R4": False}  # retained, or only in memory
STREAM = {f"U.S{number}": number % 2 == 0 for number in range(16)}
READY_S = 180.0
STATES = """SELECT nodename, current_group_state::text FROM pgautofailover.current_state()
    WHERE current_group_state = assigned_group_state"""
SOURCE = Path(__file__).parents[1] / "proc" / "app"
APPLICATION = """
name = "plant"

[limits]
restarts = 1000  # they are killed often here

[group]
name = "plant"
witness = "{W}:6000"

[group.servers.SRV1]
priority = 3
hosts = {SRV1s}

[group.servers.SRV2]
priority = 2
hosts = {SRV2s}

[ports]
cp = [3201, 3202]
wp = [3211, 3212, 3213, 3214]

[nodes.SRV1]
host = "{SRV1}"
processes = [{{kind = "server"}}, {{kind = "cp"}}, {{kind = "event", name = "REMOTE1", args = ["--SES_REMOTE"]}}, {{kind = "wp"}}]

[nodes.SRV2]
host = "{SRV2}"
processes = [{{kind = "server"}}, {{kind = "cp"}}, {{kind = "event", name = "REMOTE2", args = ["--SES_REMOTE"]}}, {{kind = "wp"}}]

[nodes.W]
host = "{W}"

[nodes.WS1]
host = "{WS1}"
processes = [{{kind = "hip", name = "WS1_1", web_port = 0, consoles = {consoles}}}]

[nodes.WS2]
host = "{WS2}"
processes = [{{kind = "hip", name = "WS2_1", web_port = 0, consoles = {consoles}}}]

[nodes.C]
host = "{C}"
"""


def missing() -> str:
    """Why no plant can be played here; "" when one can."""
    return labs.missing() or programs.missing()


class Plant:
    """Computers with their application folders and data directories. `systems` has `hisee up` of each that runs."""

    def __init__(self, lab: Lab, *, source: Path = SOURCE, extra: str = "") -> None:
        """`extra`: more lines of app.toml."""
        self.lab = lab
        self.folder = Path(tempfile.mkdtemp(prefix="hisee-plant-"))
        self.folder.chmod(0o755)  # the user postgres goes through it
        self.computers: dict[str, Computer] = {name: lab.computer(name) for name in (*SERVERS, "W", *STATIONS, "C")}
        self.systems: dict[str, Process] = {}
        self.histories = itertools.count()  # numbers of the files of each load
        self._booted: dict[str, int] = {}  # length of what each had said before its last boot
        self._write_application(source, extra)

    def _write_application(self, source: Path, extra: str) -> None:
        hosts = {name: computer.address for name, computer in self.computers.items()}
        lists = {f"{name}s": json.dumps(computer.addresses) for name, computer in self.computers.items()}
        app = self.app("SRV1")
        app.parent.mkdir(parents=True)
        shutil.copytree(source, app)
        with open(app / "objects.toml", "a", encoding="utf-8") as objects:
            objects.write("".join(f'\n["{name}"]\ntype = "user_variable"\nvalue_type = "INT"\ninitial = 0\nretain = {str(keep).lower()}\n'
                                  for name, keep in (REGISTERS | STREAM).items()))
        (app / "app.toml").write_text(APPLICATION.format(**hosts, **lists, consoles=CONSOLES) + extra)

    def app(self, name: str) -> Path:
        return self.folder / name / "app"

    def data(self, name: str) -> DataDir:
        return DataDir(self.folder / name / "data")

    # -- set-up, by the commands of an operator

    def hisee(self, name: str, *words: str | Path, check: bool = True, timeout: float = 60.0) -> str:
        """Run `hisee WORDS` on a computer; what it printed."""
        return self.computers[name].run(*self._command(*words), check=check, timeout=timeout).stdout

    @staticmethod
    def _command(*words: str | Path) -> tuple[str | Path, ...]:
        return (sys.executable, "-I", "-m", "hisee", *words)

    def found(self) -> None:
        """Certificates, secret and application on every computer."""
        self.hisee("SRV1", "cluster", "init", self.app("SRV1"), "--node", "SRV1", "--data", self.data("SRV1").path, "--no-invite")
        for name in self.computers:
            if name != "SRV1":
                self.join(name)

    def join(self, name: str) -> None:
        """One computer, with a code of its own."""
        said = self.folder / f"{name}.invite"
        with open(said, "wb") as out:
            inviting = self.computers["SRV1"].start(*self._command("cluster", "invite", "--data", self.data("SRV1").path), stdout=out)
        until(lambda: CODE.search(said.read_text()), "the code is printed", 20)
        found = CODE.search(said.read_text())
        assert found is not None
        self.hisee(name, "cluster", "join", self.computers["SRV1"].address, found[1], "--node", name,
                   "--data", self.data(name).path, "--app", self.app(name))
        assert inviting.wait(20) == 0

    # -- running

    def boot(self, *names: str) -> None:
        """Start `hisee up` on these computers; does not wait."""
        for name in names:
            if not self.computers[name].alive:
                self.computers[name].boot()
            self._booted[name] = len(self.said(name))
            with open(self.folder / f"{name}.up", "ab") as out:
                self.systems[name] = self.computers[name].start(
                    *self._command("up", self.app(name), "--node", name, "--data", self.data(name).path), stdout=out, stderr=out)

    def await_ready(self, *names: str, seconds: float = READY_S) -> None:
        for name in names:
            self.until(lambda name=name: self.is_ready(name) or self.systems[name].poll() is not None,
                       f"{name} is ready", seconds)
            assert self.systems[name].poll() is None, f"hisee up on {name} ended: {self.said(name)}"

    def is_ready(self, name: str) -> bool:
        """Since its last boot?"""
        return "\nready\n" in self.said(name)[self._booted[name]:]

    def until(self, condition: Any, what: str, seconds: float) -> None:
        """Wait, and look often, but not so often that the looking is the load; a failure shows what the plant said last."""
        try:
            until(lambda: condition() or time.sleep(PAUSE_S), what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.words()}") from None

    def said(self, name: str) -> str:
        path = self.folder / f"{name}.up"
        return path.read_text(errors="replace") if path.exists() else ""

    def log(self, name: str, kind: str) -> str:
        """What the process of that kind wrote on a computer: SRV1, KNL."""
        return "".join(path.read_text(errors="replace") for path in (self.data(name).path / "log").glob(f"{name}.{kind}.*log"))

    def words(self) -> str:
        """The end of everything that was said, for a failure."""
        files = [*self.folder.glob("*.up"), *self.folder.glob("*/data/log/*.00.log")]
        return "\n".join(f"-- {path.relative_to(self.folder)}\n{path.read_text(errors='replace')[-1500:]}" for path in sorted(files))

    def status(self, name: str) -> dict[str, Any]:
        """`hisee cluster status --json` on a computer; {} when nobody answers."""
        text = self.hisee(name, "cluster", "status", "--json", "--data", self.data(name).path, check=False)
        return json.loads(text) if text.startswith("{") else {}

    def state(self, name: str) -> dict[str, Any]:
        """What the server of a computer says of itself, over its control socket; {} while it does not answer."""
        with contextlib.suppress(HiseeError, OSError), hisee.connect(self.data(name).path) as client:
            return dict(msgspec.structs.asdict(client.server)) if client.server is not None else {}
        return {}

    def sub(self, name: str) -> str:
        return str(self.state(name).get("sub", ""))

    def calm(self) -> bool:
        """One hot, the other behind it; the database's primary at the hot one, with a partner that the monitor trusts."""
        subs = {node: self.sub(node) for node in SERVERS}
        if sorted(subs.values()) != ["hot", "standby"] or not all(self.is_ready(name) for name in self.systems):
            return False
        states = self.database_states()
        return all(states.get(node) == ("primary" if sub == "hot" else "secondary") for node, sub in subs.items())

    def database_states(self) -> dict[str, str]:
        """Node -> what it is, where the monitor wants it to be just that. Over the monitor's own socket; {} while it does not answer."""
        (duty,) = duties(self.data("W").group(), "W", {"W": self.computers["W"].address})
        home = Home(self.data("W"), duty)
        with contextlib.suppress(psycopg.Error, HiseeError), contextlib.closing(
                psycopg.connect(host=str(home.sockets), port=duty.port, dbname=MONITOR_DATABASE, user=home.account.pw_name,
                                connect_timeout=2)) as db:
            return dict(db.execute(STATES))
        return {}

    def load(self, pause_s: float = 0.02, registers: Iterable[str] = REGISTERS) -> Load:
        """Readers and a writer for each register on computer C, from now on; each waits between two operations."""
        return Load(self, pause_s, registers)

    def kill(self, name: str) -> None:
        """The power of a computer goes."""
        self.computers[name].kill()
        self.systems.pop(name, None)

    def end(self) -> None:
        for computer in self.computers.values():
            computer.kill()
        for path in self.folder.glob("*/data/sockets"):
            shutil.rmtree(path.read_text().strip(), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class Load:
    """Writers and readers on C, which follow the group over TCP; what they were told is in a file."""

    def __init__(self, made: Plant, pause_s: float, registers: Iterable[str]) -> None:
        self._registers = tuple(registers)
        self._read, self._writes = 0, {name: list[float]() for name in self._registers}
        self._made, self.file = made, made.folder / f"history.{next(made.histories)}"
        doors = ",".join(f"{made.computers[node].address}:{port}" for node in SERVERS for port in DOORS)
        with open(made.folder / "C.up", "ab") as out:
            self._process = made.computers["C"].start(
                "env", f"PYTHONPATH={Path(__file__).parents[1]}", sys.executable, "-m", "support.plant_client", made.data("C").path, doors,
                self.file, str(pause_s), *self._registers, stdout=out, stderr=out)

    def writes(self) -> list[float]:
        """When each write that was acknowledged so far had ended, in seconds of the monotonic clock."""
        return list(itertools.chain(*self._by_register().values()))

    def _by_register(self) -> dict[str, list[float]]:
        if self.file.exists():
            with self.file.open("rb") as file:
                file.seek(self._read)
                for line in file:
                    if not line.endswith(b"\n"):  # it is being written
                        break
                    self._read += len(line)
                    self._note(json.loads(line))
        return self._writes

    def _note(self, row: dict[str, Any]) -> None:
        if row["asks"] == "write" and row["outcome"] == "ok":
            self._writes[row["key"]].append(row["ended"] / 1e9)

    def rate(self, seconds: float) -> float:
        """Acknowledged writes per second, of the last seconds."""
        now = time.monotonic()
        return sum(at > now - seconds for at in self.writes()) / seconds

    def gap_s(self, since: float) -> float:
        """The longest time that one of the writers went without an acknowledged write from that instant to now."""
        return max(_longest(since, times, time.monotonic()) for times in self._by_register().values())

    def await_more(self, seconds: float = 90.0) -> None:
        """Until further writes were acknowledged."""
        self.await_after(time.monotonic(), seconds=seconds)

    def await_after(self, began: float, *, felt_s: float = 0.0, seconds: float = 90.0) -> None:
        """Until each writer was acknowledged again, `felt_s` after that instant or later, where a pause until then is to be expected."""
        self._made.until(lambda: all(times and times[-1] > began + felt_s for times in self._by_register().values()),
                         "writes are acknowledged", seconds)

    def checked(self) -> dict[str, Any]:
        """End it and check its history, with what is there at last; the figures."""
        assert self._process.end(60) == 0, self._made.said("C")
        recorder = history.Recorder(self.file)
        hot = next(node for node in SERVERS if self._made.sub(node) == "hot")
        with hisee.connect(self._made.data(hot).path) as system:
            list(read_all(system, self._registers, recorder))
        recorder.close()
        # A value is shown before it is on disk and acknowledged: one that was only read may be gone after the death of its server.
        return history.check(history.load(self.file), allowed=["dirty read"])


def _longest(since: float, times: Iterable[float], until: float) -> float:
    return max(b - a for a, b in itertools.pairwise([since, *(at for at in times if at > since), until]))


CODE = re.compile(r"\b((?:[A-Z2-7]{5}-){7}[A-Z2-7]{5})\b")  # as `hisee cluster invite` prints it


@contextlib.contextmanager
def plant(*, networks: int = 1, extra: str = "") -> Iterator[Plant]:
    """Set up, nothing started; removed at the end."""
    with Lab(networks) as lab:
        made = Plant(lab, extra=extra)
        try:
            made.found()
            yield made
        finally:
            made.end()
