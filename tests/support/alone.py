"""An engine of scripts with nobody around it: what scripts log, and how they fail and end, is kept."""

from __future__ import annotations

import asyncio
from typing import Any

from hisee.channel import Message
from hisee.channel.payloads import LogWrite, unpack
from hisee.profile import Recorder
from hisee.schema.messages import MessageKind as Kind
from hisee.script.engine import Engine
from hisee.script.functions import Site
from hisee.script.instance import Instance
from hisee.seams import Seams

DEADLINE_S = 30.0


class Alone:
    """The outside of an engine. Log lines go into `lines`; what scripts do not catch, and how they are ended, into `failures`."""

    near = None

    def __init__(self, site: Site) -> None:
        self.lines: list[str] = []
        self.failures: list[str] = []
        self.recorder = Recorder()
        self.engine = Engine(self, Seams(), self.recorder, site=site)
        self.changed = asyncio.Event()

    def send(self, message: Message) -> None:
        assert message.kind == Kind.LOG_WRITE
        self._keep(self.lines, unpack(LogWrite, message.payload).text)

    def far(self, message: Message) -> bool:
        return False

    def ended(self, instance: Instance, reason: str) -> None:
        self._keep(self.failures, reason)

    def script_failed(self, instance: Instance, failure: Any) -> None:
        self._keep(self.failures, f"{failure.name} {failure.line}: {failure.text}")

    def external_failed(self, instance: Instance, text: str, line: int) -> None:
        self._keep(self.lines, text)

    def script_idle(self, instance: Instance) -> None:
        """Nothing to do."""

    def _keep(self, where: list[str], text: str) -> None:
        where.append(text)
        self.changed.set()

    async def until(self, count: int) -> None:
        """As many lines and failures."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self.lines) + len(self.failures) < count:
                self.changed.clear()
                await self.changed.wait()
