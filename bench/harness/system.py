"""A whole system for a benchmark: an application out of texts, its processes, and its one picture open on its one console."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import hisee
from support.system import RunningSystem, running

CONSOLE = "WS1"


@contextmanager
def picture_open(name: str, files: Mapping[str, str], *, count: int) -> Iterator[tuple[RunningSystem, hisee.System, hisee.Picture]]:
    """`files`: texts by their path in the application folder; COUNT in them becomes `count`."""
    with tempfile.TemporaryDirectory(prefix="hisee-bench-") as folder:
        app = Path(folder) / "app"
        for path, text in files.items():
            place = app / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text.replace("COUNT", str(count)))
        with running(app, Path(folder) / "data") as system, system.connect() as client:
            picture = client.console(CONSOLE).open(name)
            picture.settle(10)
            yield system, client, picture
            picture.close()
