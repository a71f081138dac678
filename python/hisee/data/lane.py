"""One lane of the database manager: message in, one statement, message out. No process, no socket, no thread in here.

A refused statement is a reply with a return code; a request that cannot be read is answered FAILED.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hisee import config as system_config
from hisee._core.reads import Reads
from hisee._core.values import decode, encode
from hisee.channel import Message
from hisee.channel.payloads import DataHead, Failed, PeerLost, pack, pack_data_reply, unpack, unpack_data
from hisee.data.actions import Actions
from hisee.data.config import DbmConfig, read_config
from hisee.data.creation import ReadPart
from hisee.data.database import Database
from hisee.data.trouble import Trouble
from hisee.schema.actions import BY_NUMBER as ACTIONS
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind
from hisee.seams import Seams

log = logging.getLogger("hisee.data")
UNFIT = (ValueError, TypeError, IndexError, AttributeError)  # what operands of another shape run into


class BadRequest(Exception):
    """The request is none that this release knows."""

    def __init__(self, error: int, text: str) -> None:
        super().__init__(text)
        self.error = error


def no_parts(address: str) -> bytes:
    raise FileNotFoundError(address)


class Lane:
    """Serves every database of one DBM.

    facts      DbmConfig as Python or MessagePack
    read_part  gives the files that fill a new database, by address (DB.Plant:SQL, T.Meter:CSV)
    beat       is called while a statement takes long
    """

    def __init__(
        self,
        facts: Mapping[str, Any] | bytes,
        data: Path,
        seams: Seams,
        read_part: ReadPart = no_parts,
        *,
        limits: Mapping[str, int] | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.config: DbmConfig = read_config(facts if isinstance(facts, bytes) else dict(facts))
        limits = limits or system_config.limits()
        self._databases = {
            number: Database(
                database,
                {n: t for n, t in self.config.tables.items() if t.database == number},
                Path(data),
                seams.clock,
                read_part,
                statement_s=limits["request_limit_s"],
                beat=beat,
            )
            for number, database in self.config.databases.items()
        }
        self.reads = Reads(MessageKind.DATA, MessageKind.REPLY, self._read_failed)
        self._actions = Actions(self.config, self._databases, limits["record_rows"], self.reads.forget)

    def check(self) -> list[str]:
        """Open every database and look at every table; the sentences say what does not fit. Nothing is given up for good."""
        found = []
        for number, table in self.config.tables.items():
            try:
                self._databases[table.database].shape(number)
            except Trouble as trouble:
                found.append(trouble.text)
        return found

    def close(self) -> None:
        for database in self._databases.values():
            database.close()

    def forget(self, process: int) -> None:
        """A process is gone: its handles end."""
        self._actions.forget(process)

    @property
    def handles(self) -> int:
        return self._actions.handles

    def answer(self, message: Message) -> Message | None:
        """What is sent back for `message`; None when it wants nothing."""
        return self.reads.answer(message) or self._answer(message)

    def _read_failed(self, message: Message, error: Exception) -> Message | None:
        """The reply to a read that was known again and did not work."""
        if not isinstance(error, Trouble):
            raise error
        action, _ = unpack_data(message.payload)
        return _reply(message, MessageKind.REPLY, self._failed(message, action, error))

    def _answer(self, message: Message) -> Message | None:
        if message.kind == MessageKind.PEER_LOST:
            self.forget(unpack(PeerLost, message.payload).number)
            return None
        if message.kind == MessageKind.ECHO:
            return _reply(message, MessageKind.REPLY, message.payload)
        if message.kind != MessageKind.DATA:
            return refusal(message, Err.ERR_NOT_SUPPORTED, f"a database manager knows no message of kind {message.kind:#06x}")
        try:
            return _reply(message, MessageKind.REPLY, self.execute(message))
        except BadRequest as error:
            return refusal(message, error.error, str(error))

    def execute(self, message: Message) -> bytes:
        """The reply payload of a DATA message; raises BadRequest."""
        try:
            action, data = unpack_data(message.payload)
            request = decode(data)
        except ValueError as error:
            raise BadRequest(Err.ERR_PARAM_TYPE, f"a data request that cannot be read: {error}") from error
        if not self._actions.serves(action):
            raise BadRequest(Err.ERR_NOT_SUPPORTED, f"data action {action} is not served here")
        self._service_ns()
        try:
            values = self._actions.perform(action, message.source, request)
        except Trouble as trouble:
            return self._failed(message, action, trouble)
        except UNFIT as error:
            raise BadRequest(Err.ERR_PARAM_TYPE, f"{ACTIONS[action].name} with operands that do not fit: {error}") from error
        read = self._actions.read_of(action, message.source, request)
        if read is not None:
            self.reads.keep(message, read)
        return pack_data_reply(DataHead(self._service_ns()), encode(values))

    def _failed(self, message: Message, action: int, trouble: Trouble) -> bytes:
        """The reply payload of a request that the engine, or we, refused."""
        log.info("%s of process %d: %s", ACTIONS[action].name, message.source, trouble.text)
        head = DataHead(self._service_ns(), int(trouble.extended), trouble.engine_code, trouble.text)
        return pack_data_reply(head, encode(self._actions.failed(action, int(trouble.code))))

    def _service_ns(self) -> int:
        """Time of the statements since the last call."""
        total = 0
        for database in self._databases.values():
            total += database.service_ns
            database.service_ns = 0
        return total


def _reply(request: Message, kind: int, payload: bytes) -> Message | None:
    if not request.wants_answer:
        return None
    return Message(
        kind=kind,
        lane=request.lane,
        source=request.target,
        target=request.source,
        object=request.object,
        corr=request.corr,
        payload=payload,
    )


def refusal(request: Message, error: int, text: str, extended: int = 0) -> Message | None:
    """FAILED for `request`, noted in the log."""
    log.warning("request %d of process %d refused: %s", request.corr, request.source, text)
    return _reply(request, MessageKind.FAILED, pack(Failed(error=error, extended=extended, text=text)))
