"""`hisee up` and `hisee rrs`: lock, secret, import through the gate, then the processes of this computer until the system ends.

Only carries out what the supervisor decides. One thread: it starts the children (they die with it) and serves its own session.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TextIO

from hisee.commands import Commands
from hisee.datadir import DataDir
from hisee.engine import open_engine
from hisee.errors import HiseeError, UsageError
from hisee.model.application import Application
from hisee.model.objects import Process
from hisee.model.store import Store
from hisee.pair.home import keep_passwords
from hisee.pair.plan import duties, hosts_of, managed, url_of
from hisee.process import Wake, cold_lines, named_log
from hisee.resident.burial import Burial
from hisee.resident.child import Running
from hisee.resident.link import ServerLink, readable
from hisee.resident.listeners import is_here, listeners
from hisee.resident.orders import commands_of
from hisee.resident.spec import SERVER, pair_process, spec_of
from hisee.resident.supervisor import Act, Supervisor
from hisee.schema.exits import Exit
from hisee.tls import on_loopback

log = logging.getLogger("hisee.resident")
GROUP_CLIENTS = frozenset({"HIP"})
ANYWHERE = "0.0.0.0", "::"
Say = Callable[[str], None]


class StartFailed(HiseeError):
    """A process did not become ready."""


class Launcher:
    """The processes of one application on this computer. `node`: only those of this one; "" = of every node that is here."""

    def __init__(self, application: Application, data: DataDir, say: Say, *, take: str | None = None, cold: bool = False,
                 node: str = "") -> None:
        self._application, self._data, self._tell, self._take, self._cold = application, data, say, take, cold
        self._nodes = {node} if node else {n.name for n in application.nodes.values() if is_here(n.host)}
        self._processes = {p.name: p for p in self._pair() if p.node in self._nodes}
        self._processes |= {p.name: p for p in application.processes if p.served and p.kind != "RRS" and p.node in self._nodes}
        bounds = application.limits
        self.supervisor = Supervisor((spec_of(p) for p in self._processes.values()), data.seams.clock,
                                     restarts=bounds["restarts"], window_s=bounds["restart_window_s"],
                                     forgiving=bool(application.group()))
        self._running: dict[str, Running] = {}
        self._run: dict[str, Any] = {}
        self._lock: TextIO | None = None
        self._killed = self._asked_to_end = self._to_import = False
        self._commands: Commands = commands_of(self.supervisor, self._ask_to_end)
        self._link: ServerLink | None = None
        self._burial: Burial | None = None  # in a group: the others shall not wait for a lease to be over
        self.wake = Wake()  # the next turn comes now: for signals and other threads

    def _pair(self) -> list[Process]:
        """Nodes and monitor of the database pair, where hisee runs it; with an address of its own the database is somebody else's."""
        if not self._own_pair:
            return []
        addresses = {node.name: node.host for node in self._application.nodes.values()}
        return [pair_process(duty) for node in addresses for duty in duties(self._application.group(), node, addresses)]

    # -- start

    def start(self, interrupted: Callable[[], bool] = lambda: False) -> None:
        """Everything up to the `ready` of the whole system; on any failure nothing is left running. Raises StartFailed."""
        self._data.make()
        self._lock = self._data.lock(f"hisee up {self._application.root}")
        try:
            self._prepare()
            self.supervisor.begin()
            while not (self.supervisor.complete or self.supervisor.failed or interrupted() or self._asked_to_end):
                self._turn()
            if self.supervisor.failed:
                raise StartFailed(self.supervisor.failed, hint=f"its log is in {self._data.log_dir}")
            if self.supervisor.complete:
                self._say("ready")
        except BaseException:
            self.stop()
            raise

    def _prepare(self) -> None:
        """What must be right before the first process starts."""
        server = self._server()
        self._data.secret(create=True)
        if self._own_pair:
            keep_passwords(self._data)
        self._write_run()
        named_log(self._data.log_dir, f"{server.node if server else min(self._nodes)}.RRS")
        self._say_what_is_elsewhere()
        self._say_who_listens()
        if server is None:
            return
        self._to_import = True
        if not self._own_pair:
            self._import(server)
        if self._cold and not any(p.command == "wp" for p in self._processes.values()):
            raise UsageError("app.toml starts no work process, so nothing can be started cold", hint='add {kind="wp"} to a node')
        if self._application.group():
            self._burial = Burial(partial(open_engine, self._data.engine_url(), self._data.path, self._data.seams, hasty=True))
        self._link = ServerLink(self._data, server.node, self._commands, self._ask_to_end)

    def _server(self) -> Process | None:
        """The server of this computer; None on a workstation, and on the witness's computer."""
        for process in self._processes.values():
            if process.kind == SERVER and process.autostart:
                return process
        if self._processes and any(p.kind == SERVER and p.node not in self._nodes for p in self._application.processes):
            return None
        raise UsageError("app.toml starts no server", hint='add {kind="server"} to the processes of a node')

    def _import(self, server: Process) -> None:
        """Once, before the server starts; into the database pair when that takes writes, which is before the server too."""
        if not self._to_import:
            return
        store = Store.open(self._data.path, self._data.engine_url(), place=server.node)
        try:
            report = store.import_application(self._application, take=self._take)
            self._to_import = False
            self._say(f"imported {len(report.changed)} changed objects")
        finally:
            store.close()

    def _say_what_is_elsewhere(self) -> None:
        for node in self._application.nodes.values():
            if node.name not in self._nodes and node.processes:
                self._say(f"{node.name} ({node.host}) is another computer: its processes are not started here")

    def _say_who_listens(self) -> None:
        """Foreign programs on listed ports (R144): those numbers are left out, so it is said and no error."""
        listed = {port for node in self._nodes for ports in self._application.ports(node).values() for port in ports}
        for found in listeners(listed):
            who = f"{found.program} (pid {found.pid})" if found.pid else "another program"
            self._say(f"port {found.port} of the lists is in use by {who}: its number is left out")

    # -- run.json

    def _write_run(self) -> None:
        server = self._server()
        nodes = {n.name: {"host": n.host, "link": _link(n.link)} for n in self._application.nodes.values()}
        self._run = {"pid": os.getpid(), "system": self._application.system, "app": str(self._application.root),
                     "started_ms": self._data.seams.clock.now_ms(), "sockets": str(self._data.socket_dir), "nodes": nodes,
                     "server": server.node if server else "", "cp": "", "processes": {},
                     "ports": {n: self._application.ports(n) for n in self._application.nodes},
                     "engine": {"url": self._engine_url(server)}, "group": self._application.group(),
                     "access": self._application.access(),
                     "limits": self._application.limits}
        self._data.write_run(self._run)

    def _engine_url(self, server: Process | None) -> str:
        group, url = self._application.group(), self._application.form.engine.url
        if group and not url and not self._own_pair:
            raise UsageError("a group needs one engine database for all its servers, and without a witness hisee keeps no pair",
                             hint="name [group] witness, or the address of a database in [engine] url")
        return url_of(group, self._data.path, server.node if server else "") if self._own_pair else url

    @property
    def _own_pair(self) -> bool:
        return managed(self._application.group()) and not self._application.form.engine.url

    def _note(self, name: str, pid: int, told: str = "") -> None:
        """Facts of the ready line (tcp=..., web=...) go into run.json, where later processes and commands find them. pid 0 = gone."""
        facts = dict(word.split("=", 1) for word in told.split() if "=" in word)
        self._run["processes"].pop(name, None)
        if pid:
            self._run["processes"][name] = {"pid": pid, **facts}
        doors = [row["tcp"] for row in self._run["processes"].values() if "tcp" in row]
        self._run["cp"] = self._run["cp"] if self._run["cp"] in doors or not doors else doors[0]
        self._data.write_run(self._run)

    # -- until the end

    def watch(self, ended: Callable[[], bool]) -> None:
        """Until `ended()`, an order, or the end of the server: carry out what the supervisor decides."""
        while not (ended() or self.supervisor.stopping or self._asked_to_end):
            self._turn()

    @property
    def exit(self) -> int:
        """Exit code of the command: not 0 when the server had to be given up."""
        return int(Exit.INTERNAL) if self.supervisor.given_up else 0

    def _turn(self) -> None:
        for running in list(self._running.values()):  # the server first: what its loss does to the others is no order
            self._look_at(running)
        if self._link is not None:
            self._link.turn()
            self._learn(self._link)
        for act in self.supervisor.acts():
            self._carry_out(act)
        self._sleep()

    def _look_at(self, running: Running) -> None:
        told = running.ready()
        if told is not None:
            told, deleted = cold_lines(told)
            self._note(running.name, running.popen.pid, told)
            self.supervisor.ready(running.name, told)
            for line in deleted:
                self._say(line)
        status = running.popen.poll()
        if (told is not None or status is not None) and self._link is not None and self._processes[running.name].kind == SERVER:
            self._link.forget()
        if status is not None:
            del self._running[running.name]
            running.close()
            if self._burial is not None:
                self._burial.someone_ended()
            self._note(running.name, 0)
            self.supervisor.ended(running.name, status, running.last_words() if told is None else "")

    def _learn(self, link: ServerLink) -> None:
        """Who is silent, who is primary, which names the numbered ones have: by pid, from the server's list."""
        states: dict[int, set[str]] = {}
        rows = [row for row in link.rows if row.get("node") in (None, "", *self._nodes)]  # a pid means a process of its own computer only
        for row in rows:
            states.setdefault(row.get("pid") or 0, set()).add(row["state"])
        for running in self._running.values():
            seen = states.get(running.popen.pid, set())
            if seen == {"WDErr"} or (link.silent and self._processes[running.name].kind == SERVER):
                self.supervisor.silent(running.name)  # a server that is silent tells nothing, of itself neither
            elif "Run" in seen:
                self.supervisor.heard(running.name)
            self._learn_name(running, rows)

    def _learn_name(self, running: Running, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row.get("pid") == running.popen.pid and row["state"] == "Run" and self._processes[running.name].numbered:
                self.supervisor.children[running.name].joined = row["name"]
                if row["kind"] == "PWP":
                    self.supervisor.primary = running.name

    def _sleep(self) -> None:
        """Until a child says something or ends, a message or a signal comes, or something is due."""
        children = self._running.values()
        descriptors = [self.wake.fd, *(r.pidfd for r in children), *(r.ready_fd for r in children if r.ready_fd >= 0)]
        if self._link is not None:
            self._link.rest(self.supervisor.rest_s(), descriptors)
        else:
            readable(descriptors, self.supervisor.rest_s())
        self.wake.clear()

    # -- what the supervisor decided

    def _carry_out(self, act: Act) -> None:
        if act.what == "start":
            self._start_one(self._processes[act.name])
        elif act.what == "alarm":
            self._alarm(act.text)
        elif act.what == "say":
            self._say(act.text)
        elif act.name in self._running:
            self._end_one(self._running[act.name], act)

    def _start_one(self, process: Process) -> None:
        root = self._application.root
        if process.programs and root is not None:
            process = replace(process, programs=str(root / process.programs))
        cold = self._cold_word(process)
        try:
            if process.kind == SERVER:
                self._import(process)
            running = Running(self._listening(self._with_port(process)), self._data.path, self._way(process), self._data.log_dir, cold)
        except (OSError, HiseeError) as error:
            self.supervisor.ended(process.name, Exit.INTERNAL, str(error))
            return
        self._running[process.name] = running
        self._running = {name: self._running[name] for name in self.supervisor.children if name in self._running}
        self.supervisor.started(process.name, running.popen.pid, deletes=bool(cold))
        self._note(process.name, running.popen.pid)

    def _with_port(self, process: Process) -> Process:
        """A CP without a list: the first takes the system's port, further ones any free one."""
        if process.command != "cp" or process.port is not None or self._application.ports(process.node).get("cp"):
            return process
        first = next(p for p in self._processes.values() if p.command == "cp")
        return replace(process, port=self._application.form.port if process.name == first.name else 0)

    def _way(self, process: Process) -> str:
        """Start parameter that names the server: consoles of a group follow whoever is hot, all others have the one of their computer."""
        group, server = self._application.group(), self._server()
        return f"/RF{group['name']}" if group and process.kind in GROUP_CLIENTS else f"/S{server.node if server else ''}"

    def _listening(self, process: Process) -> Process:
        """A CP of a server that other computers reach listens at all its addresses, unless its own arguments say otherwise."""
        hosts = hosts_of(self._application.group(), process.node) if self._application.group() else []
        if process.command != "cp" or "--listen" in process.args or all(on_loopback(host) for host in hosts):
            return process
        return replace(process, args=(*process.args, "--listen", ANYWHERE[":" in hosts[0]]))

    def _cold_word(self, process: Process) -> tuple[str, ...]:
        """`--cold` for the first work process, at the start of the system and never again: a restart must delete nothing."""
        first = next((p for p in self._processes.values() if p.command == "wp" and p.autostart), None)
        if not self._cold or first is None or process.name != first.name:
            return ()
        self._cold = False
        return ("--cold",)

    def _end_one(self, running: Running, act: Act) -> None:
        if act.what == "kill":
            self._alarm(f"{running.name} is killed: {act.text}")
            running.kill()
            return
        if self._processes[running.name].kind == SERVER and self._link is not None:
            self._link.close()  # the server waits for everybody who is logged on
        log.info("%s is asked to end", running.name)
        running.ask_to_end()

    def _say(self, text: str) -> None:
        log.info("%s", text)
        self._tell(text)

    def _alarm(self, text: str) -> None:
        log.error("ALARM %s", text)
        self._tell(text)
        if self._link is not None:
            self._link.alarm(text)

    # -- end

    def _ask_to_end(self) -> None:
        self._asked_to_end = True
        self.wake()

    def stop(self) -> None:
        """End all in order, each turn behind the one before; then the system is over."""
        self.supervisor.stop_all()
        while not self.supervisor.all_down:
            self._turn()
            if self._killed:
                self.kill()
        for act in self.supervisor.acts():
            self._carry_out(act)
        if self._link is not None:
            self._link.close()
        if self._burial is not None:
            self._burial.close()
        self._data.forget_run()
        if self._lock is not None:
            self._lock.close()

    def kill(self) -> None:
        """The second Ctrl-C: no more waiting."""
        self._killed = True
        self.wake()
        for running in list(self._running.values()):
            with contextlib.suppress(OSError):
                running.kill()


def _link(link: Any) -> dict[str, float]:
    return {"rtt_ms": link.rtt_ms, "jitter_ms": link.jitter_ms, "kbit_s": link.kbit_s} if link is not None else {}
