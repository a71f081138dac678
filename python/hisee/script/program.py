"""`hisee event /SSRV1 --SES_REMOTE`: the SES process."""

from __future__ import annotations

import asyncio
import os
import socket

from hisee.channel import dial_unix
from hisee.channel.payloads import Hello
from hisee.config import limits
from hisee.datadir import DataDir
from hisee.parameters import StartParameters
from hisee.process import announce_ready, named_log, run_until_stopped
from hisee.script.ses import Ses
from hisee.seams import Seams


def main(parameters: StartParameters) -> int:
    data = DataDir(parameters.data or ".", Seams())
    named_log(data.log_dir, f"{parameters.name or parameters.node}.SES")
    return run_until_stopped(lambda stop: _serve(parameters, data, stop))


def hello_of(parameters: StartParameters) -> Hello:
    serves = [name for name, on in (("SES_REMOTE", parameters.ses_remote), ("SES_LOCAL", parameters.ses_local)) if on]
    facts = {"serves": serves, "host": socket.gethostname()}
    return Hello(kind="SES", name=parameters.name, node=parameters.node, pid=os.getpid(), facts=facts)


async def _serve(parameters: StartParameters, data: DataDir, stop: asyncio.Event) -> int:
    channel = dial_unix(data.control_socket, hello_of(parameters), data.secret(), seams=data.seams, limits=limits())
    ses = Ses(channel, data.seams)
    ses.stop = stop
    ses.attach(asyncio.get_running_loop())
    announce_ready(parameters.ready_fd, "ses")
    await stop.wait()
    channel.close("the SES ends")
    return 3 if ses.lost.is_set() else 0
