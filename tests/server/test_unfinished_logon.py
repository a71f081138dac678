"""A process that gets its name and never finishes its logon gives the name back (R6, R9)."""

import asyncio
import socket
from dataclasses import replace

import pytest

from hisee.channel.dial import converse
from hisee.channel.payloads import Hello
from hisee.channel.settings import settings
from hisee.channel.wire import Wire
from hisee.server.registry import State
from support.stage import SECRET, eventually, stage


async def welcomed(made, name):
    """The client's end of a logon up to the WELCOME: the server waits for an answer to its offer of rings."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(made.door))
    config = settings()
    wire = Wire(sock, config.fragment_bytes, descriptors=True)
    await asyncio.to_thread(converse, wire, Hello(kind="SES", name=name), SECRET, made.seams, config)
    assert made.knl.core.registry.named(f"{name}.SES").state is State.RUN
    return wire


@pytest.mark.req("R6", "R9")
def test_a_process_that_dies_in_its_logon_gives_its_name_back_at_once():
    async def body():
        async with stage(rings=True) as made:
            (await welcomed(made, "S1")).close()
            await eventually(lambda: made.knl.core.registry.named("S1.SES").state is State.CRASH, "its death is known")
            await made.ses("S1")
            assert made.knl.core.registry.named("S1.SES").state is State.RUN

    asyncio.run(body())


@pytest.mark.req("R6", "R9")
def test_a_process_that_freezes_in_its_logon_gives_its_name_back_at_the_deadline():
    async def body():
        async with stage(rings=True) as made:
            listener = made.knl._listener
            listener._config = replace(listener._config, logon_s=0.2)
            wire = await welcomed(made, "S1")
            await eventually(lambda: made.knl.core.registry.named("S1.SES").state is State.WDERR, "its silence is known")
            await made.ses("S1")
            wire.close()

    asyncio.run(body())
