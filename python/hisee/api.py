"""The Python API: connect to a running system, read and write values, save objects, drive its consoles. Synchronous.

    with hisee.connect("plant/.hisee") as system:
        picture = system.console("WS1").open("S.Hello")
        picture.click("BtnGo")
        picture.settle()
        assert picture["Lbl"].text == "42"
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hisee import shown
from hisee.channel import Channel, ChannelClosed, Message, NotSpoken, dial_unix
from hisee.channel.epoch import Gate, told_in
from hisee.channel.group import AGAIN_S, CUT_OFF, LOGON, ask_all, choose, left, nobody
from hisee.channel.listed import processes
from hisee.channel.payloads import (
    CommandResult,
    ConsoleCommand,
    ConsoleState,
    Export,
    Failed,
    Files,
    Hello,
    LogPart,
    LogsGet,
    ObjectList,
    ObjectSave,
    Part,
    PartRead,
    Payload,
    Processes,
    ProfileGet,
    ProfileRows,
    PsGet,
    Saved,
    ServerState,
    Subscribe,
    Table,
    Tell,
    ValueGet,
    Values,
    ValueSet,
    ValueState,
    pack,
    unpack,
)
from hisee.channel.plan import by_group
from hisee.channel.spoken import USER_FLAGS, in_force
from hisee.channel.way import Member, dial_plain, members_by_addresses
from hisee.config import find_data, limits
from hisee.datadir import DataDir
from hisee.durable import Task, Tasks
from hisee.errors import AccessRefused, CannotConnect, HiseeError, TimeOver
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams
from hisee.tls import to_dial
from hisee.values import flag_bits, flag_letters

if TYPE_CHECKING:
    from hisee._core.values import Rows

REQUEST_S = TIMERS["api_request"].ms / 1000
DOUBT_LOOK_S = TIMERS["renewal_call"].ms / 1000  # the servers that are lost do not answer: whoever is hot does it soon
BEAT_S, QUIET_MS = TIMERS["heartbeat"].ms / 1000, TIMERS["quiet"].ms
KNL = 1


class RequestRefused(HiseeError):
    """The system answered with an error: `error` and `extended` are the numbers scripts know, the text says what and why."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.text or f"error {failed.error}, extended {failed.extended}")
        self.error, self.extended = failed.error, failed.extended


def connect(data: str | Path | None = None, *, group: bool | str = False, within_s: float = REQUEST_S) -> System:
    """Log on to the system that runs in `data` (default: $HISEE_DATA, else .hisee of the application around this folder).

    `group=True` = at the hot server of the group that run.json names, and at the next one after a switch; `group="HOST:PORT,HOST:PORT"`
    = the same with these servers, from a data directory that holds nothing but the secret and the certificates. A group in which nobody
    is hot is asked again and again `within_s` seconds.

    Raises CannotConnect when none runs there, AccessRefused when it refuses the logon, UsageError for a group that nobody knows.
    """
    directory = DataDir(find_data(Path(data) if data is not None else None), Seams())
    if group:
        hot = HotServer(directory, group)
        return System(hot.log_on(within_s), hot)
    directory.read_run()
    try:
        channel = dial_unix(directory.control_socket, hello(), directory.secret(), seams=directory.seams, limits=limits())
    except OSError as error:
        raise CannotConnect(f"the system in {directory.path} does not answer: {error.strerror or error}",
                            hint="is it still starting? `hisee ps` shows it") from error
    return System(channel)


def hello() -> Hello:
    return Hello(kind="TEL", pid=os.getpid())


class HotServer:
    """The hot server of a group, for a program without an event loop: found at the first logon, and again after each loss."""

    def __init__(self, directory: DataDir, group: bool | str) -> None:
        self._directory, self._secret, self.gate = directory, directory.secret(), Gate()
        if isinstance(group, str):
            self._name, self._members = "", members_by_addresses(group.split(","))
        else:
            plan = by_group(directory.read_run(), "", directory.control_socket)
            self._name, self._members = plan.group, plan.members()

    def log_on(self, seconds: float) -> Channel:
        """Raises CannotConnect when no server says within that time that it is hot, AccessRefused at once."""
        deadline = time.monotonic() + seconds
        while True:
            answers, faults = ask_all(self._members, self._enter, least=self.gate.epoch)
            chosen = choose(answers, self._name, self.gate)
            for answer in [*chosen.rest, *([chosen.standby] if chosen.standby else [])]:
                answer.close("not the hot server")
            if chosen.hot is not None:
                return chosen.hot.channel
            why = nobody(answers, faults, self._name or "that was named")
            if isinstance(why, AccessRefused) or time.monotonic() > deadline:
                raise why
            time.sleep(AGAIN_S)

    def is_beyond(self, epoch: int) -> bool:
        """Does a server say that it is hot in a later epoch? Blocks as long as those need that do not answer."""
        answers, _ = ask_all(self._members, self._enter, least=epoch + 1, seconds=DOUBT_LOOK_S)
        for answer in answers:
            answer.close("only asked who is hot")
        return any(answer.state.hot_itself and answer.state.epoch > epoch for answer in answers)

    def _enter(self, member: Member) -> Channel:
        said = hello()
        said.facts = dict(member.facts)
        return dial_plain(member.way, said, self._secret, self._directory.seams, partial(to_dial, self._directory), timers=LOGON)


class System:
    """A session with a running system. Not for use by several threads at once.

    With a group a request that is under way when the hot server is lost raises CannotConnect; the next one goes to the new hot server.
    `server` is what the server of this session said of itself last: node, state, sub-state, epoch; None where there is no group.
    """

    def __init__(self, channel: Channel, hot: HotServer | None = None) -> None:
        self._hot = hot
        self._corr = self.logons = 0
        self._changes: list[ValueState] = []
        self._use(channel)
        self._beats = threading.Event()
        threading.Thread(target=self._beat_until_closed, name="hisee-beat", daemon=True).start()

    def _use(self, channel: Channel) -> None:
        assert channel.welcome is not None
        self._channel, self._number, self.name = channel, channel.welcome.number, channel.welcome.system
        self.logons += 1
        self.server = told_in(channel.welcome)
        self._over = ""  # why the next request goes elsewhere

    def __enter__(self) -> System:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<hisee.System {self.name} as number {self._number}>"

    def close(self) -> None:
        self._beats.set()
        self._channel.close("done")

    def _beat_until_closed(self) -> None:
        """The session lives while its program thinks: the server would call a silent one dead."""
        while not self._beats.wait(BEAT_S):
            try:
                self._channel.beat()
            except (ChannelClosed, OSError):
                if self._hot is None:
                    return

    # -- requests

    def ask(self, kind: Kind, payload: Payload | bytes = b"", *, target: int = KNL, lane: int = Lane.CONTROL,
            timeout_s: float = REQUEST_S) -> bytes:
        """One request and its reply's payload. Raises RequestRefused, TimeOver, CannotConnect (the system ended)."""
        self.follow(timeout_s)
        self._corr += 1
        data = payload if isinstance(payload, bytes) else pack(payload)
        message = Message(kind=kind, lane=lane, source=self._number, target=target, corr=self._corr, payload=data, wants_answer=True)
        try:
            self._channel.send(message)
            return self._answer(time.monotonic() + timeout_s, kind)
        except ChannelClosed as error:
            raise self._ended(error, kind) from error
        except NotSpoken as error:
            raise RequestRefused(Failed(error=Err.ERR_NOT_SUPPORTED, text=error.text)) from error
        except TimeOver as error:
            self._over = str(error)
            raise

    def _ended(self, error: ChannelClosed, kind: Kind) -> CannotConnect:
        self._over = str(error)
        if self._hot is None:
            return CannotConnect(f"the system ended: {error}")
        return CannotConnect(f"the hot server is lost ({error.reason}); whether {kind.name} was done is not known",
                             hint="the next request goes to the next hot server")

    def follow(self, timeout_s: float = REQUEST_S) -> None:
        """Log on to the server that is hot now, if it is another one; each request does so first. Nothing without a group.

        Raises CannotConnect when there is none within that time.
        """
        hot = self._hot
        if hot is None:
            return
        try:
            while not self._over and (message := self._channel.receive(0)) is not None:
                self._other(message)
        except ChannelClosed as error:
            self._over = str(error)
        if self._over:
            self._channel.close("another server is hot")
            self._use(hot.log_on(timeout_s))

    def _answer(self, deadline: float, kind: Kind) -> bytes:
        while True:
            left_s = deadline - time.monotonic()
            message = self._channel.receive(max(0.0, min(left_s, AGAIN_S)))
            if message is None and left_s <= AGAIN_S:
                raise TimeOver(f"no answer to {kind.name} in time")
            if message is None:
                self._look_elsewhere(kind)
                continue
            if message.corr == self._corr and message.kind == Kind.REPLY:
                return message.payload
            if message.corr == self._corr and message.kind == Kind.FAILED:
                failed = unpack(Failed, message.payload)
                self._over = failed.text if failed.extended == Ext.STANDBY else self._over
                raise RequestRefused(failed)
            self._other(message)

    def _look_elsewhere(self, kind: Kind) -> None:
        """While nothing is heard from the server, or it is cut off from the database: is another one hot? Then nobody will answer here."""
        if self._hot is None or self.server is None:
            return
        doubtful = self._channel.silent_ms >= QUIET_MS or self.server.sub == CUT_OFF
        if doubtful and self._hot.is_beyond(self.server.epoch):
            raise self._ended(ChannelClosed("another server is hot"), kind)

    def _other(self, message: Message) -> None:
        """Values that are followed arrive between answers; `watch` hands them out."""
        if message.kind == Kind.VALUE_CHANGED:
            self._changes += unpack(Values, message.payload).values
        elif message.kind == Kind.SERVER_STATE:
            state = self.server = unpack(ServerState, message.payload)
            if self._hot is not None and (not self._hot.gate.hears(state) or left(state)):
                self._over = f"{state.node} is not hot any more: {state.sub}"

    # -- processes and times

    def ps(self) -> list[dict[str, Any]]:
        """One row for every process, all of one instant; the keys are those of `hisee ps --json`."""
        return processes(unpack(Processes, self.ask(Kind.PS_GET, PsGet(brief=True))))

    def _real(self) -> list[dict[str, Any]]:
        """Those of `ps` that are processes of a computer: the parts of a hundred thousand pictures are no help in finding one."""
        return processes(unpack(Processes, self.ask(Kind.PS_GET, PsGet(virtual=False))))

    def roles(self) -> dict[str, str | None]:
        """Who is primary work process and who holds the roles: {"primary", "O", "R"}, None where nobody does."""
        return shown.roles(self.terms())

    def terms(self) -> list[dict[str, Any]]:
        """Every term of the engine: role, holder, node of the holder, epoch. Raises EngineSilent when the database does not answer."""
        return shown.known(unpack(Table, self.ask(Kind.TERMS_GET)).rows)

    def queues(self) -> dict[str, dict[str, Any]]:
        """waiting, running and oldest_ms by queue: those of durable tasks, then the outgoing one of each communication process."""
        return shown.queues(unpack(Table, self.ask(Kind.QUEUES_GET)).rows)

    def routes(self) -> list[dict[str, Any]]:
        """Who serves each lane, which process reaches which, and the channels of HIS-SEE pairs, each with its counters."""
        return unpack(Table, self.ask(Kind.ROUTES_GET)).rows

    def tell(self, process: str, command: str, *, wait: bool = True, timeout_s: float = REQUEST_S) -> CommandResult:
        """A command for a process ("" = the server); `result` is ok, error, aborted or ignored. wait False: ok = handed over."""
        return unpack(CommandResult, self.ask(Kind.TELL, Tell(name=process, command=command, wait=wait), timeout_s=timeout_s))

    def logs(self) -> list[dict[str, Any]]:
        """The logs there are: name, bytes, changed_ms."""
        return unpack(Table, self.ask(Kind.LOGS_GET, LogsGet(name=""), lane=Lane.BULK)).rows

    def log(self, process: str, lines: int = 100, offset: int = -1) -> LogPart:
        """The last lines of a process's newest log, or from `offset` on what came since; `.offset` is where to go on."""
        return unpack(LogPart, self.ask(Kind.LOGS_GET, LogsGet(name=process, lines=lines, offset=offset), lane=Lane.BULK))

    def profile(self, *, reset: bool = False) -> list[dict[str, Any]]:
        """Recorded synchronous actions of all scripts: prepare, wait and receive in nanoseconds, oldest first."""
        return unpack(ProfileRows, self.ask(Kind.PROFILE_GET, ProfileGet(reset=reset))).rows

    def stop(self) -> None:
        """End the system in order."""
        self.ask(Kind.SYSTEM_STOP)

    # -- values

    def get(self, name: str) -> Any:
        """Value of an object, None while it is invalid; `state` gives the rest."""
        return self.state(name).value

    def state(self, *names: str) -> Any:
        """ValueState of one object (or a list for several, masks with * allowed): value, reason, time, change number, user flags."""
        states = unpack(Values, self.ask(Kind.VALUE_GET, ValueGet(names=list(names)))).values
        return states[0] if len(names) == 1 and "*" not in names[0] else states

    def set(self, name: str, value: str | int | float | bool | None, flags: str | Iterable[str] = ()) -> None:
        """Write an object; None makes it invalid. The new value has the user flags of these letters (`"A,C"`) and no others, as an
        assignment in a script gives it. Raises RequestRefused when the type does not fit, ValueError for a letter that is no flag."""
        letters = flag_letters(flag_bits(flags))
        assert self._channel.welcome is not None
        if letters and in_force(self._channel.welcome) < USER_FLAGS:
            raise HiseeError("this server is of a release that knows no user flags", hint="upgrade hisee on the computer of the server")
        self.ask(Kind.VALUE_SET, ValueSet(name=name, value=value, flags=letters), lane=Lane.SCRIPT)

    def rows(self, name: str) -> Rows:
        """A copy of a structured variable as it is now: its columns by name, for `hisee.arrays`. Raises RequestRefused, ValueError for an
        object that has no rows."""
        from hisee._core.cells import CellTable
        from hisee._core.values import Rows

        found = unpack(Table, self.ask(Kind.OBJECT_LIST, ObjectList(mask=name, details=True))).rows
        if len(found) != 1 or not (found[0].get("columns") and found[0].get("rows")):
            what = "a mask" if len(found) > 1 else "no structured variable" if found else "unknown"
            raise ValueError(f"{name} is {what}; rows are those of one structured variable")
        row, wanted = found[0], Subscribe(objects=[found[0]["hbj"]])
        replica = CellTable()
        replica.apply(self.ask(Kind.SUBSCRIBE, wanted, lane=Lane.SCRIPT))
        self.ask(Kind.UNSUBSCRIBE, wanted, lane=Lane.SCRIPT)
        return Rows.of(replica.get((row["hbj"], 0, 0)), [column[0] for column in row["columns"]])

    def watch(self, *names: str, stop: Callable[[], bool] = lambda: False) -> Iterator[ValueState]:
        """The current values, then every change as it comes, until `stop()` says so."""
        yield from unpack(Values, self.ask(Kind.WATCH, ValueGet(names=list(names)))).values
        while not stop():
            changes, self._changes = self._changes, []
            yield from changes
            try:
                message = self._channel.receive(0.5)
            except ChannelClosed as error:
                raise CannotConnect(f"the system ended: {error}") from error
            if message is not None:
                self._other(message)

    # -- durable tasks

    @property
    def tasks(self) -> Tasks:
        """Durable tasks: put, list, show, cancel, retry, schedule."""
        return Tasks(self, RequestRefused)

    def enqueue(self, func: str, /, **given: Any) -> Task:
        """Put one durable task; what it takes stands at `Tasks.enqueue`."""
        return self.tasks.enqueue(func, **given)

    # -- objects

    @property
    def objects(self) -> Objects:
        """The configuration store: list, read and save objects."""
        return Objects(self)

    # -- consoles

    def console(self, name: str) -> Console:
        """The operator console `name` (WS1 or WS1.HIP); raises CannotConnect when none of that name runs."""
        full = name if name.endswith(".HIP") else f"{name}.HIP"
        for row in self._real():
            if row["name"] == full and row["state"] == "Run":
                return Console(self, full, row["number"])
        raise CannotConnect(f"console {full} does not run", hint="`hisee ps` lists the processes")


class Objects:
    """Objects of the store and their parts, addressed as S.Name:PICTURE, S.Name:ESLDefinition:1 (local) and :2 (remote)."""

    def __init__(self, system: System) -> None:
        self._system = system

    def list(self, mask: str = "*") -> list[dict[str, Any]]:
        return unpack(Table, self._system.ask(Kind.OBJECT_LIST, ObjectList(mask=mask))).rows

    def read(self, part: str, version: int = 0) -> str:
        """Text of one part, newest version by default. Raises RequestRefused when there is none."""
        return unpack(Part, self._system.ask(Kind.PART_READ, PartRead(part=part, version=version))).data.decode()

    def save(self, name: str, parts: dict[str, str]) -> Saved:
        """Save parts (keys PICTURE, ESLDefinition:1, ...) through the gate: `version` 0 means refused, see `diagnostics`."""
        encoded = {key: text.encode() for key, text in parts.items()}
        return unpack(Saved, self._system.ask(Kind.OBJECT_SAVE, ObjectSave(object=name, parts=encoded)))

    def export(self, *names: str) -> dict[str, bytes]:
        """Every object (or the named ones) as files of an application folder."""
        return unpack(Files, self._system.ask(Kind.EXPORT, Export(objects=list(names)))).files


class Console:
    """An operator console, driven the way a person would."""

    def __init__(self, system: System, name: str, number: int) -> None:
        self._system, self.name, self._number = system, name, number
        self._logon = system.logons

    def _there(self) -> int:
        """Its number at the server where the system is logged on now."""
        self._system.follow()
        if self._logon != self._system.logons:
            found = self._system.console(self.name)
            self._number, self._logon = found._number, found._logon
        return self._number

    def __repr__(self) -> str:
        return f"<hisee.Console {self.name}>"

    def do(self, verb: str, *, opened: int = 0, target: str = "", text: str = "", timeout_s: float = REQUEST_S) -> ConsoleState:
        """One step; raises RequestRefused with the console's reason."""
        command = ConsoleCommand(verb=verb, opened=opened, target=target, text=text, timeout_ms=int(timeout_s * 1000))
        return unpack(ConsoleState, self._system.ask(Kind.CONSOLE, command, target=self._there(), timeout_s=timeout_s + 2))

    @property
    def address(self) -> str:
        """Address of the operator's page, with a one-time token."""
        return str(self.do("state").facts["address"])

    def open(self, name: str) -> Picture:
        """Open a picture or a client-and-server event."""
        return Picture(self, name, self.do("open", target=name).opened)

    @property
    def messages(self) -> list[str]:
        """Texts of MESSAGE, oldest first."""
        return [row["text"] for row in self.do("messages").facts.get("messages", [])]

    def answer(self, query: int, choice: str) -> None:
        """Answer a question: yes, no or dontknow."""
        self.do("answer", target=str(query), text=choice)

    def link(self, *, rtt_ms: float, jitter_ms: float = 0.0, kbit_s: float = 0.0) -> None:
        """Change the shape of the workstation's link (only where the node has one)."""
        self.do("link", text=f"{rtt_ms} {jitter_ms} {kbit_s}")

    def round_trip_ms(self, count: int = 5) -> float:
        """Median round trip from the console to the server, measured by echoes."""
        return float(self.do("echo", text=str(count)).facts["rtt_ms"])


class Element:
    """A graphical object as it stands on the screen now."""

    def __init__(self, properties: dict[str, Any]) -> None:
        self._properties = properties

    def __getattr__(self, name: str) -> Any:
        try:
            return self._properties[name]
        except KeyError:
            raise AttributeError(f"no property {name!r}; there are {', '.join(self._properties)}") from None

    def __repr__(self) -> str:
        return f"<hisee.Element {self._properties}>"


class Picture:
    """An opened object on a console."""

    def __init__(self, console: Console, name: str, opened: int) -> None:
        self._console, self.name, self.opened = console, name, opened

    def __repr__(self) -> str:
        return f"<hisee.Picture {self.name} on {self._console.name}>"

    def __getitem__(self, element: str) -> Element:
        return Element(self._state(element).elements[element])

    def _state(self, element: str = "") -> ConsoleState:
        return self._console.do("state", opened=self.opened, target=element)

    @property
    def facts(self) -> dict[str, Any]:
        """State of the object: names of its HIS and SEE, state of each part, times of the last input and its last effect."""
        return self._state().facts

    def click(self, element: str) -> None:
        self._console.do("click", opened=self.opened, target=element)

    def type(self, element: str, text: str) -> None:
        """Type into an entry field and leave it."""
        self._console.do("type", opened=self.opened, target=element, text=text)

    def settle(self, timeout: float = REQUEST_S) -> None:
        """Wait until no event, CALL or visual message of this object is pending anywhere; TimeOver after `timeout` seconds."""
        try:
            self._console.do("settle", opened=self.opened, timeout_s=timeout)
        except RequestRefused as refused:
            if refused.error == Err.ERR_TIMEOUT:
                raise TimeOver(f"{self.name} did not settle in {timeout} s") from refused
            raise

    def trace(self) -> list[dict[str, Any]]:
        """Messages that crossed the workstation's link for this object since the last input: at_ns, direction, kind, lane."""
        return list(self._console.do("trace", opened=self.opened).facts["trace"])

    def close(self) -> bool:
        """Close it; False when its OnClose refused."""
        return bool(self._console.do("close", opened=self.opened).facts.get("closed", True))
