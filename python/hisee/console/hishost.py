"""The HIS host process of this hip process: started once and kept warm, found dead, started again, sent to another server of a group.
Owns the process and its link."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hisee.channel import Channel, Message, over_socket
from hisee.channel.payloads import Hello, HisHostStart, SettleGet, pack
from hisee.console.link import ChannelLink
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams

log = logging.getLogger("hisee.console")
READY_S = TIMERS["ready"].ms / 1000
LOGON_S = 2 * TIMERS["logon"].ms / 1000
STOP_S = TIMERS["stop"].ms / 1000
COMMAND = [*(["-I"] if sys.flags.isolated else []), "-m", "hisee.script.hishost"]


class HisHostProcess:
    """One child process; `link` speaks to it, `session` is the session of this process to whose server it is logged on."""

    def __init__(self, child: subprocess.Popen[bytes], link: ChannelLink, session: object = None) -> None:
        self._child, self.link, self.session = child, link, session
        self.lost = False  # nothing in it lives on

    @property
    def pid(self) -> int:
        return self._child.pid

    async def move(self, start: HisHostStart, session: object) -> None:
        """Log on where the console is logged on now; what runs in it goes on. Raises RequestFailed."""
        self.session = None
        await self.link.ask(Message(kind=Kind.HIS_SERVER, payload=pack(start)), LOGON_S)
        self.session = session

    async def end(self) -> None:
        """Ask, wait, kill; idempotent."""
        self.link.close("the console ends")
        await asyncio.to_thread(end_child, self._child)


def end_child(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
    child.wait()


def spawn(log_file: Path, start: HisHostStart) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the child with one end of a socket pair and tell it where to log on.

    In the main thread only: the child asks to die with the thread that made it.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with theirs, open(log_file, "ab") as errors:
            child = subprocess.Popen([sys.executable, *COMMAND, "--fd", str(theirs.fileno())], pass_fds=[theirs.fileno()],
                                     stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        data = pack(start)
        ours.sendall(len(data).to_bytes(4, "little") + data)
    except OSError:
        ours.close()
        raise
    return child, ours


async def start_his_host(start: HisHostStart, log_file: Path, seams: Seams, take: Callable[[Message], None],
                         lost: Callable[[str], None], session: object = None) -> HisHostProcess:
    """Start the child, link to it, and return once it has logged on to the server and answers.

    Raises HiseeError of the channel, OSError, or RequestFailed when it does not answer in time.
    """
    child, sock = spawn(log_file, start)
    try:
        hello = Hello(kind="HIP", name=start.workstation, node=start.node)
        channel: Channel = await asyncio.to_thread(over_socket, sock, hello, start.secret, seams=seams, limits=start.limits, server=True)
        link = ChannelLink(channel, take, lost)
        link.attach(asyncio.get_running_loop())
        await link.ask(Message(kind=Kind.SETTLE_GET, payload=pack(SettleGet(opened=0))), READY_S)
    except BaseException:
        with contextlib.suppress(OSError):
            sock.close()
        await asyncio.to_thread(end_child, child)
        raise
    log.info("HIS host runs, pid %d, carrier %s", child.pid, channel.carrier)
    return HisHostProcess(child, link, session)
