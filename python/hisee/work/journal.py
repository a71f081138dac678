"""What an agent may not forget: jobs it began, reports that nobody has answered yet. One append-only file; knows no programs.

A line is the CRC-32 of the rest in eight hexadecimal digits, a blank, one JSON object. What a crash left half written at the
end is cut off. A damaged line in the middle is not guessed at: the whole file is kept aside under another name, the readable
lines are used, and the caller is told how many were lost.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

Record = dict[str, Any]


def encode(record: Mapping[str, Any]) -> bytes:
    text = msgspec.json.encode(record)
    return b"%08x %s\n" % (crc32(text), text)


def decode(line: bytes) -> Record | None:
    """None = not a line that `encode` made."""
    text = line[9:]
    if line[8:9] != b" " or line[:8] != b"%08x" % crc32(text):
        return None
    record: Record = msgspec.json.decode(text)
    return record


class Journal:
    """`records` is what the file held when it was opened; `damaged` counts lines that could not be read, a torn end not among them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.records: list[Record] = []
        self.damaged = 0
        good_bytes = self._read()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if os.fstat(self._file).st_size != good_bytes:
            self.rewrite(self.records) if self.damaged else os.truncate(self._file, good_bytes)
        self.bytes = os.fstat(self._file).st_size

    def _read(self) -> int:
        """Fill `records`; the length of the file without a torn end."""
        data = self._path.read_bytes() if self._path.exists() else b""
        lines = data.splitlines(keepends=True)
        while lines and (not lines[-1].endswith(b"\n") or decode(lines[-1][:-1]) is None):
            data = data[: -len(lines.pop())]
        for line in lines:
            record = decode(line[:-1])
            self.damaged += record is None
            if record is not None:
                self.records.append(record)
        if self.damaged:
            self._keep_aside()
            return -1
        return len(data)

    def _keep_aside(self) -> None:
        number = 1
        while (aside := self._path.with_name(f"{self._path.name}.damaged-{number}")).exists():
            number += 1
        aside.write_bytes(self._path.read_bytes())

    def append(self, *records: Mapping[str, Any], durable: bool = True) -> None:
        """Write; with `durable` it is on the disk when this returns. Raises OSError, then nothing of it counts as written."""
        data = b"".join(encode(record) for record in records)
        if os.write(self._file, data) != len(data):
            os.truncate(self._file, self.bytes)
            raise OSError(28, "the disk of the agent's state folder is full", str(self._path))
        self.bytes += len(data)
        if durable:
            os.fsync(self._file)

    def rewrite(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Replace the whole file by these records; old or new is there at any instant."""
        part = self._path.with_name(self._path.name + ".part")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.writelines(encode(record) for record in records)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self._path)
        self._sync_folder()
        os.close(self._file)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        self.bytes = os.fstat(self._file).st_size

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Idempotent."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)
