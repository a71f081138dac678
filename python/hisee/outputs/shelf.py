"""Where outputs lie: DATA/outputs/<name>-<task>.<format>. A task writes one file, however often it ran."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hisee.seams import Disk

NAME = re.compile(r"[\w][\w .-]{0,99}\Z")
MAX_BYTES = 64 << 20
FACT = "output/"  # facts of the engine about outputs, by file name
TYPES = {"csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8", "pdf": "application/pdf", "zip": "application/zip"}


class OutputRefused(ValueError):
    """The output cannot be kept or is not there; the text names it."""


class Shelf:
    """The outputs of one system."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder, self._disk = folder, disk

    def put(self, name: str, task: int, format: str, data: bytes) -> str:
        """Keep `data` durably; returns the file name. Raises OutputRefused (name, format, size) and OSError of the disk."""
        if not NAME.match(name):
            raise OutputRefused(f"output name {name!r}: letters, digits, blank, _ . - and at most 100 of them")
        if format not in TYPES:
            raise OutputRefused(f"output format {format!r}: one of {', '.join(TYPES)}")
        if len(data) > MAX_BYTES:
            raise OutputRefused(f"output {name} has {len(data)} bytes, more than {MAX_BYTES}")
        self._folder.mkdir(parents=True, exist_ok=True)
        file = f"{name}-{task}.{format}"
        self._disk.write(self._folder / file, data)
        return file

    def get(self, file: str) -> bytes:
        """Raises OutputRefused when there is no such output."""
        if file not in self.files():
            raise OutputRefused(f"no output {file!r}; `hisee task outputs` lists them")
        return self._disk.read(self._folder / file)

    def files(self) -> list[str]:
        """Names, in order."""
        return sorted(self._complete())

    def _complete(self) -> Iterator[str]:
        if self._folder.is_dir():
            yield from (p.name for p in self._folder.iterdir() if p.is_file() and p.suffix.removeprefix(".") in TYPES)
