"""LOGS_GET: the logs of this computer's processes, in pieces that a follower can go on from."""

from __future__ import annotations

from pathlib import Path

from hisee.channel import Message
from hisee.channel.payloads import LogPart, LogsGet, Table, unpack
from hisee.logreader import known, log_file, read_part
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.server.core import Core
from hisee.server.registry import Process


class Logs:
    """Reads files only below the log folder."""

    def __init__(self, core: Core, directory: Path | None) -> None:
        """None = a server inside another program, without logs."""
        self._core, self._directory = core, directory
        core.handlers[Kind.LOGS_GET] = self._get

    def _get(self, source: Process, message: Message) -> None:
        request = unpack(LogsGet, message.payload)
        if self._directory is None:
            self._core.fail(message, Err.ERR_NOT_SUPPORTED, 0, "this server keeps no logs")
        elif not request.name:
            self._core.reply(message, Table(rows=known(self._directory)))
        else:
            self._part(message, request, log_file(self._directory, request.name))

    def _part(self, message: Message, request: LogsGet, path: Path | None) -> None:
        if path is None:
            self._core.fail(message, Err.ERR_OBJECT_NOT_FOUND, 11, f"no log of {request.name}; `hisee logs` lists the processes")
            return
        data, offset = read_part(path, request.lines, request.offset)
        self._core.reply(message, LogPart(data=data, offset=offset))
