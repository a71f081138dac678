"""Scripts that must run: their log, line by line, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from hisee._core.vm import Status
from hisee.esl import compile_source, render

from .directory import event, picture, plain
from .host import Host
from .scripts import expectations, files

CONTEXTS = {"script": plain, "picture": picture, "event": event}


def run(path: Path) -> tuple[Host, Status]:
    text = path.read_text()
    wanted = expectations(text)
    done = compile_source(text, name="S.Test", context=CONTEXTS[wanted.kind](), part=wanted.part)
    errors = [d for d in done.diagnostics if d.severity == "error"]
    assert done.ok, render(errors, {wanted.part: text})
    host = Host(done.unit)
    return host, host.init()


@pytest.mark.parametrize("path", files("language") + files("samples"), ids=lambda p: p.stem)
def test_rule(path: Path):
    wanted = expectations(path.read_text())
    host, status = run(path)
    assert host.log == wanted.lines, host.script.failure
    if wanted.failure is None:
        assert status == Status.DONE, host.script.failure
    else:
        name, line = wanted.failure
        assert status == Status.FAILED and host.script.failure.name == name
        assert line in (0, host.script.failure.line)


def test_sample_s03_writes_the_object_once_it_is_linked():
    host, _ = run(Path(__file__).parent / "samples/S03.esl")
    assert host.cells.get(101).value == 5
