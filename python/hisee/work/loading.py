"""tasks.py on its way from the store into a work process: at its start, when it was saved, and when a task asks for what is not known."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from hisee.channel import RequestFailed
from hisee.channel.payloads import Part, PartRead, unpack
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.tasks import Refuse
from hisee.work.functions import Functions, SourceError

log = logging.getLogger("hisee.work")
TASKS_PART = "APP:TASKS"


class Loading:
    """Belongs to the steward's thread. `renewed` is called after other functions were loaded."""

    def __init__(self, functions: Functions, ask: Callable[..., Awaitable[bytes]]) -> None:
        self.renewed: Callable[[], None] = lambda: None
        self._functions, self._ask = functions, ask
        self._turn = asyncio.Lock()

    async def load(self) -> bool:
        """True = the functions are others now. A server that does not answer is logged."""
        try:
            return await self.fetch()
        except RequestFailed as failed:
            log.error("tasks.py: %s", failed)
            return False

    async def fetch(self) -> bool:
        """The same; raises RequestFailed. A text with a mistake is logged and leaves the functions that were known before."""
        async with self._turn:
            source = await self._source()
            changed = source is not None and self._functions.differs(source) and await self._take(source)
        if changed:
            self.renewed()
        return changed

    async def _source(self) -> bytes | None:
        try:
            return unpack(Part, await self._ask(Kind.PART_READ, PartRead(part=TASKS_PART))).data
        except RequestFailed as failed:
            if failed.error != Err.ERR_OBJECT_NOT_FOUND:
                raise
            log.info("no tasks.py: %s", failed)
            return None

    async def _take(self, source: bytes) -> bool:
        """In a thread of its own: it may import much, and requests are answered meanwhile."""
        try:
            names = await asyncio.to_thread(self._functions.load, source)
        except (SourceError, Refuse) as error:
            log.error("%s; the functions known before stay", error)
            return False
        log.info("tasks.py: %s", ", ".join(names) or "no function")
        return True
