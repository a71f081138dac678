"""The samples of the description: what compiles, what runs in a picture, and that the others wait for nothing but what does not exist.

Those that run by themselves are in test_scripts.py, those of a running system in tests/proc/test_events.py.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from hisee._core.vm import Status
from hisee.esl.context import FROM_HIP_NUMBER

from .host import Host
from .samples import PAGE, Plant, Sample, missing, page, samples

STEP = re.compile(r"^; (do|set|object): (.*)$", re.M)
CALL = re.compile(r"(\w+)(?:\((.*)\))?\Z")
EXPECT = re.compile(r"; expect: (.*?)\s*$", re.M)
NOT_YET = {"ESL1003", "ESL2070"}  # known but not there, and why
COUNT = {"": 9, "pictures": 2, "system": 7, "later": 8}


class Screen(Host):
    """A host whose log also tells what a script does to its picture and asks of the other part."""

    def __init__(self, sample: Sample) -> None:
        unit, errors = sample.compiled()
        assert not errors, errors
        super().__init__(unit)
        self.names = {number: name for name, number in sample.refs.items()}
        for index, (_, kind) in enumerate(sample.variables, 1):
            self.variables.define(index, kind)
        self.variables.define(FROM_HIP_NUMBER, "INT")
        self.variables.set(FROM_HIP_NUMBER, 301)

    def _picture(self, name: str, values: list[Any]) -> None:
        if name.startswith("Set") or name[3:].startswith("Set"):
            self.log.append(f"{self.names[values[0]]}.{name.removeprefix('HI_').removeprefix('Set')} = {json.dumps(values[1])}")
        super()._picture(name, values)

    def do_call_other(self, flags: int, procedure: str, modes: str, *arguments: Any) -> list[Any] | None:
        given = ", ".join(json.dumps(getattr(a, "value", a)) for a in arguments)
        self.log.append(f"CALL [] {procedure}({given})")
        return super().do_call_other(flags, procedure, modes, *arguments)


def of(folder: str) -> list[Sample]:
    return [s for s in samples() if s.folder == folder]


@pytest.mark.parametrize("folder", COUNT)
def test_no_sample_is_missing(folder: str) -> None:
    assert len(of(folder)) == COUNT[folder]


@pytest.mark.parametrize("sample", [s for s in samples() if s.folder != "later"], ids=lambda s: s.name)
def test_it_compiles(sample: Sample) -> None:
    unit, errors = sample.compiled()
    assert unit and not errors


@pytest.mark.parametrize("sample", of("later"), ids=lambda s: s.name)
def test_what_waits_has_no_other_error(sample: Sample) -> None:
    _, errors = sample.compiled()
    assert errors, "it compiles: move it to where it runs"
    assert {d.code for d in errors} <= NOT_YET, missing(errors)


@pytest.mark.parametrize("sample", of("pictures"), ids=lambda s: s.name)
def test_it_runs_in_a_picture(sample: Sample) -> None:
    host = Screen(sample)
    assert host.init() == Status.DONE
    for word, rest in STEP.findall(sample.text):
        if word == "do":
            do(host, rest)
        else:
            name, _, value = rest.partition(" = ")
            if word == "set":
                put(host, sample, name, json.loads(value))
            else:
                seen(host, name, json.loads(value))
    assert host.log == EXPECT.findall(sample.text)


def do(host: Host, call: str) -> None:
    """Raise an event or call a procedure; what an in-out parameter brings back is a line of the log."""
    match = CALL.match(call)
    assert match, call
    index = [p.name for p in host.script.unit.procedures].index(match[1])
    parameters = host.script.unit.procedures[index].parameters
    results = host.call(match[1], *json.loads(f"[{match[2] or ''}]"))
    host.log += [f"-> {json.dumps(r)}" for p, r in zip(parameters, results, strict=True) if p.mode != "IN"]


def put(host: Host, sample: Sample, name: str, value: Any) -> None:
    host.variables.set([v for v, _ in sample.variables].index(name) + 1, value)


def seen(host: Host, name: str, value: Any) -> None:
    entry = Plant().object(name)
    assert entry is not None and host.cells.get(entry.hbj).value == value


def test_the_page_is_true() -> None:
    assert PAGE.read_text() == page(), "run `python -m esl.samples` in tests/"
