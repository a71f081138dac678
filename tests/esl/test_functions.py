"""Every function of the language by its cases, through compiler, VM and host."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from hisee.esl import compile_source

from . import cases, outside
from .cases import Case
from .directory import plain


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with outside.pages() as found:
        yield found


@pytest.mark.parametrize("path", cases.files(), ids=lambda p: p.stem)
def test_cases(path: Path, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISEE_CASE", "on")
    outside.fill(tmp_path)
    site = outside.site(tmp_path, port)
    found = [with_port(c, port) for c in cases.read(path) if c.compiles]
    host = cases.start(found, site=site, world=outside.LocalWorld())
    wrong = []
    try:
        for index, case in enumerate(found):
            value = cases.run(host, index, case.type)
            if not cases.fits(case.expected, value):
                wrong.append(f"{case.place} {case.function}: {case.body()} -> {cases.written(value)}, not {case.expected}")
    finally:
        host.functions.close()
        for program in site.programs.values():
            program.kill()
            program.wait()
    assert wrong == []


def with_port(case: Case, port: int) -> Case:
    return dataclasses.replace(case, expression=case.expression.replace("{port}", str(port)),
                               actions=tuple(a.replace("{port}", str(port)) for a in case.actions))


@pytest.mark.parametrize("path", cases.files(), ids=lambda p: p.stem)
def test_cases_that_do_not_compile(path: Path) -> None:
    wrong = []
    for case in cases.read(path):
        if not case.compiles:
            found = {d.code for d in compile_source(cases.script([case]), name="S.Test", context=plain(), part=1).diagnostics}
            if case.expected.removeprefix("compile:") not in found:
                wrong.append(f"{case.place} {case.body()}: {sorted(found)}, not {case.expected}")
    assert wrong == []


def test_every_function_has_its_four_kinds_of_cases() -> None:
    found = cases.figures()
    assert found["missing"] == {} and found["fewest"] >= 3
