"""`hisee up`: lock, secret, import through the gate, then every process in order, watched until the system ends (sequence F.1)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hisee.datadir import DataDir
from hisee.errors import HiseeError, UsageError
from hisee.model.application import Application
from hisee.model.objects import Process
from hisee.model.store import Store
from hisee.resident.child import Child, start_child
from hisee.schema.timers import BY_NAME as TIMERS

RESTART_S = TIMERS["restart_delay"].ms / 1000
INTENSITY, WINDOW_S = 5, 60.0  # more restarts than this in the window and the process stays down
DEFAULT_TCP_PORT = 3119
Say = Callable[[str], None]


class Launcher:
    """The processes of one application on this computer."""

    def __init__(self, application: Application, data: DataDir, say: Say, *, take: str | None = None) -> None:
        self._application, self._data, self._say, self._take = application, data, say, take
        self.children: list[Child] = []
        self._restarts: dict[str, list[float]] = {}
        self._due: dict[str, float] = {}
        self._stopping = False
        self._run: dict[str, Any] = {}

    # -- start

    def start(self) -> None:
        """Everything up to the `ready` of the whole system; on any failure nothing is left running."""
        self._data.make()
        self._lock = self._data.lock(f"hisee up {self._application.root}")
        try:
            self._data.secret(create=True)
            self._import()
            self._write_run()
            for process in self._order():
                self._start_one(process)
            self._say("ready")
        except BaseException:
            self.stop()
            raise

    def _import(self) -> None:
        store = Store.open(self._data.path)
        try:
            report = store.import_application(self._application, take=self._take)
            self._say(f"imported {len(report.changed)} changed objects")
        finally:
            store.close()

    def _order(self) -> list[Process]:
        """KNL first, whatever the file says: nobody can log on before; then as configured."""
        wanted = [p for p in self._application.processes if p.served and p.autostart and p.kind != "RRS"]
        if not any(p.kind == "KNL" for p in wanted):
            raise UsageError("app.toml starts no server", hint='add {kind="server"} to the processes of a node')
        return sorted(wanted, key=lambda p: p.kind != "KNL")

    def _server_node(self) -> str:
        return next(p.node for p in self._order() if p.kind == "KNL")

    def _start_one(self, process: Process) -> None:
        if process.command == "cp" and process.port is None:
            process = self._with_port(process)
        child = start_child(process, self._data.path, self._server_node(), self._data.log_dir, {})
        self.children = [c for c in self.children if c.name != process.name] + [child]
        self._note(child)
        self._say(f"{process.name} {child.ready}")

    def _with_port(self, process: Process) -> Process:
        port = self._application.form.port
        return replace(process, port=DEFAULT_TCP_PORT if port is None else port)

    def _note(self, child: Child) -> None:
        """Facts of the ready line (tcp=..., web=...) go into run.json, where later processes and commands find them."""
        facts = dict(word.split("=", 1) for word in child.ready.split() if "=" in word)
        self._run["processes"][child.name] = {"pid": child.popen.pid, **facts}
        if "tcp" in facts:
            self._run["cp"] = facts["tcp"]
        self._data.write_run(self._run)

    def _write_run(self) -> None:
        nodes = {n.name: {"host": n.host, "link": _link(n.link)} for n in self._application.nodes.values()}
        self._run = {"pid": os.getpid(), "system": self._application.system, "app": str(self._application.root),
                     "started_ms": self._data.seams.clock.now_ms(), "sockets": str(self._data.socket_dir), "nodes": nodes,
                     "server": self._server_node(), "cp": "", "processes": {},
                     "ports": {n: self._application.ports(n) for n in self._application.nodes},
                     "engine": {"url": self._application.form.engine.url}, "limits": self._application.limits}
        self._data.write_run(self._run)

    # -- watch

    def watch(self, ended: Callable[[], bool]) -> None:
        """Until `ended()`, or the server ended in order: restart what crashed, after the delay, within the intensity."""
        while not ended() and not self._stopping:
            for child in list(self.children):
                status = child.ended()
                if status is not None:
                    self._child_ended(child, status)
            self._restart_due()
            time.sleep(0.05)

    def _child_ended(self, child: Child, status: int) -> None:
        self.children.remove(child)
        self._run["processes"].pop(child.name, None)
        if child.process.kind == "KNL":
            self._say(f"{child.name} ended ({status_text(status)}): the system ends")
            self._stopping = True
            return
        if status == 0:
            self._say(f"{child.name} ended in order")
            return
        self._crashed(child, status)

    def _crashed(self, child: Child, status: int) -> None:
        now = time.monotonic()
        recent = [t for t in self._restarts.get(child.name, []) if now - t < WINDOW_S] + [now]
        self._restarts[child.name] = recent
        if len(recent) > INTENSITY:
            self._say(f"{child.name} ended ({status_text(status)}) {len(recent)} times in {WINDOW_S:.0f} s: it stays down")
            return
        self._say(f"{child.name} ended ({status_text(status)}): started again in {RESTART_S:.0f} s")
        self._due[child.name] = now + RESTART_S

    def _restart_due(self) -> None:
        now = time.monotonic()
        for name in [n for n, at in self._due.items() if at <= now]:
            del self._due[name]
            process = next(p for p in self._order() if p.name == name)
            try:
                self._start_one(process)
            except HiseeError as error:
                self._say(str(error))

    # -- end

    def stop(self) -> None:
        """End all in reverse order: consoles and hosts before the server, so that each says goodbye."""
        self._stopping = True
        for child in reversed(self.children):
            status = child.end()
            self._say(f"{child.name} ended" + ("" if status == 0 else f" ({status_text(status)})"))
        self.children.clear()
        self._data.forget_run()
        lock = getattr(self, "_lock", None)
        if lock is not None:
            lock.close()

    def kill(self) -> None:
        """The second Ctrl-C: no more waiting."""
        for child in self.children:
            child.popen.kill()


def _link(link: Any) -> dict[str, float]:
    return {"rtt_ms": link.rtt_ms, "jitter_ms": link.jitter_ms, "kbit_s": link.kbit_s} if link is not None else {}


def status_text(status: int) -> str:
    """Exit status in words: `exit 3` or `SIGKILL`."""
    if status < 0:
        return signal.Signals(-status).name
    return f"exit {status}"


