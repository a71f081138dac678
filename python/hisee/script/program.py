"""`hisee event /SSRV1`: an event handler (EVH); with --SES_REMOTE or --SES_LOCAL a script execution server (SES) (R13)."""

from __future__ import annotations

import asyncio
import os
import socket

from hisee.channel import dial_unix
from hisee.channel.direct import FACT as DIRECT
from hisee.channel.payloads import Hello
from hisee.config import limits
from hisee.datadir import DataDir
from hisee.parameters import StartParameters
from hisee.process import announce_ready, named_log, run_until_stopped
from hisee.script.evh import Evh
from hisee.script.host import Host
from hisee.script.ses import Ses
from hisee.seams import Seams


def main(parameters: StartParameters) -> int:
    data = DataDir(parameters.data or ".", Seams())
    named_log(data.log_dir, f"{parameters.name or parameters.node}.{kind_of(parameters)}")
    return run_until_stopped(lambda stop: _serve(parameters, data, stop))


def kind_of(parameters: StartParameters) -> str:
    """One program, two roles: the switches decide."""
    return "SES" if parameters.ses_remote or parameters.ses_local else "EVH"


def hello_of(parameters: StartParameters) -> Hello:
    serves = [name for name, on in (("SES_REMOTE", parameters.ses_remote), ("SES_LOCAL", parameters.ses_local)) if on]
    facts = {"serves": serves, "host": socket.gethostname(), DIRECT: True}
    return Hello(kind=kind_of(parameters), name=parameters.name, node=parameters.node, pid=os.getpid(), facts=facts)


async def _serve(parameters: StartParameters, data: DataDir, stop: asyncio.Event) -> int:
    channel = dial_unix(data.control_socket, hello_of(parameters), data.secret(), seams=data.seams, limits=limits())
    kind = kind_of(parameters)
    host: Host = Ses(channel, data.seams) if kind == "SES" else Evh(channel, data.seams)
    host.stop = stop
    host.attach(asyncio.get_running_loop())
    announce_ready(parameters.ready_fd, kind.lower())
    await stop.wait()
    host.engine.shut()
    channel.close(f"the {kind} ends")
    return 3 if host.lost.is_set() else 0
