"""The plant of two servers on the computers of a lab: SRV1 and SRV2 with a script server each, the witness W, the workstations WS1
and WS2 with five consoles each, and C, from which the load comes. Set up as its operators would: `hisee cluster init`, `join`, `hisee up`.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hisee.datadir import DataDir
from hisee.pair import programs
from support import lab as labs
from support.lab import Computer, Lab, Process, until

SERVERS = ("SRV1", "SRV2")
STATIONS = ("WS1", "WS2")
CONSOLES = 5
READY_S = 180.0
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
        self._write_application(source, extra)

    def _write_application(self, source: Path, extra: str) -> None:
        hosts = {name: computer.address for name, computer in self.computers.items()}
        lists = {f"{name}s": json.dumps(computer.addresses) for name, computer in self.computers.items()}
        app = self.app("SRV1")
        app.parent.mkdir(parents=True)
        shutil.copytree(source, app)
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
            with open(self.folder / f"{name}.up", "ab") as out:
                self.systems[name] = self.computers[name].start(
                    *self._command("up", self.app(name), "--node", name, "--data", self.data(name).path), stdout=out, stderr=out)

    def await_ready(self, *names: str, seconds: float = READY_S) -> None:
        for name in names:
            self.until(lambda name=name: self.said(name).rstrip().endswith("ready") or self.systems[name].poll() is not None,
                       f"{name} is ready", seconds)
            assert self.systems[name].poll() is None, f"hisee up on {name} ended: {self.said(name)}"

    def until(self, condition: Any, what: str, seconds: float) -> None:
        """Wait; a failure shows what the plant said last."""
        try:
            until(condition, what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.words()}") from None

    def said(self, name: str) -> str:
        path = self.folder / f"{name}.up"
        return path.read_text(errors="replace") if path.exists() else ""

    def words(self) -> str:
        """The end of everything that was said, for a failure."""
        files = [*self.folder.glob("*.up"), *self.folder.glob("*/data/log/*.00.log")]
        return "\n".join(f"-- {path.relative_to(self.folder)}\n{path.read_text(errors='replace')[-1500:]}" for path in sorted(files))

    def status(self, name: str) -> dict[str, Any]:
        """`hisee cluster status --json` on a computer; {} when nobody answers."""
        text = self.hisee(name, "cluster", "status", "--json", "--data", self.data(name).path, check=False)
        return json.loads(text) if text.startswith("{") else {}

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
