"""SES: a host of remote parts. KNL asks for a SEE, the SES verifies its unit, answers and runs it."""

from __future__ import annotations

import asyncio
import logging

from hisee._core.vm import UnitRejected
from hisee.channel import Channel, Message, RequestFailed
from hisee.channel.payloads import Payload, SeeStart, SeeStop, Started, unpack
from hisee.commands import Commands
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.script.host import Host
from hisee.script.instance import Instance
from hisee.seams import Seams

log = logging.getLogger("hisee.script")


class Ses(Host):
    """Virtual SEE processes of one SES."""

    def __init__(self, server: Channel, seams: Seams) -> None:
        self._draining = False
        super().__init__(server, seams)

    def control(self, message: Message) -> bool:
        if message.kind == Kind.SEE_START:
            self.background.spawn(self._start(message, unpack(SeeStart, message.payload)))
        elif message.kind == Kind.SEE_STOP:
            stop = unpack(SeeStop, message.payload)
            self.engine.stop(stop.number, stop.reason)
            self._look_whether_drained()
        else:
            return super().control(message)
        return True

    async def _start(self, request: Message, start: SeeStart) -> None:
        """Started is answered before the init part runs; a unit that does not verify is refused with its reason."""
        if self._draining:
            self.refuse(request, Err.ERR_TRANS_IGNORED, "this SES is draining")
            return
        try:
            unit = await self.unit(start.unit)
        except (RequestFailed, UnitRejected) as error:
            log.warning("SEE %s refused: %s", start.name, error)
            self.refuse(request, Err.ERR_NOT_SUPPORTED, f"unit {start.unit[:12]} of {start.object}: {error}")
            return
        if start.values:
            self.engine.values(start.values)
        self.reply(request, Started(number=start.number, incarnation=start.incarnation))
        see = self.engine.start(number=start.number, name=start.name, object=start.object, part=2, unit=unit, console=start.console,
                                limits=start.limits, variables=start.variables, incarnation=start.incarnation)
        see.partner, see.partner_state = start.his, "up"

    # -- draining (R35)

    def make_commands(self) -> Commands:
        return Commands("SES", lambda: self.stop.set(), {"DRAIN": self._drain, "RESUME": self._resume},
                        status=lambda: {"sees": len(self.engine.instances), "draining": self._draining}, trace=self.trace_switch.switch)

    def _drain(self, words: list[str]) -> str:
        """What runs goes on to its end; nothing is started any more."""
        self._draining = True
        asyncio.get_running_loop().call_soon(self._look_whether_drained)  # after the answer
        return f"{len(self.engine.instances)} SEEs left"

    def _resume(self, words: list[str]) -> str:
        self._draining = False
        return "takes SEEs again"

    def ended(self, instance: Instance, reason: str) -> None:
        super().ended(instance, reason)
        self._look_whether_drained()

    def _look_whether_drained(self) -> None:
        if self._draining and not self.engine.instances:
            log.info("drained: no SEE runs any more")
            self.tell(Kind.DRAINED, Payload())
