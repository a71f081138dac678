"""SES: a host of remote parts. KNL asks for a SEE, the SES verifies its unit, answers and runs it."""

from __future__ import annotations

import logging

from hisee._core.vm import UnitRejected
from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import SeeStart, SeeStop, Started, unpack
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.script.host import Host

log = logging.getLogger("hisee.script")


class Ses(Host):
    """Virtual SEE processes of one SES."""

    def control(self, message: Message) -> bool:
        if message.kind == Kind.SEE_START:
            self.spawn(self._start(message, unpack(SeeStart, message.payload)))
        elif message.kind == Kind.SEE_STOP:
            stop = unpack(SeeStop, message.payload)
            self.engine.stop(stop.number, stop.reason)
        else:
            return super().control(message)
        return True

    async def _start(self, request: Message, start: SeeStart) -> None:
        """Started is answered before the init part runs; a unit that does not verify is refused with its reason."""
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
