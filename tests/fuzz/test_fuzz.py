"""A slice of the fuzzing in every run of the tests, and all that it ever found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from . import alone
from .engine import CORPUS, HANG_S, Report, fuzz, keep, one
from .seeds import scripts
from .targets import TARGETS, Target, source, unit

STORED = sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.name != "kept.txt")


@pytest.mark.parametrize("name", TARGETS)
def test_a_slice(name: str) -> None:
    report = fuzz(TARGETS[name], inputs=400)
    assert not report.found, f"{report.found[0][0]!r}\n{report.found[0][1]}"


@pytest.mark.parametrize("path", STORED, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_what_was_found_once(path: Path) -> None:
    name = path.parent.name
    (unit if name == "vm" else TARGETS[name].takes)(path.read_bytes())


def test_every_byte_of_a_good_unit_can_be_wrong() -> None:
    """Each byte set to its complement, one at a time: refused, or run within its limits."""
    shortest = sorted(scripts(), key=len)[:25]
    for good in shortest:
        for at in range(len(good)):
            unit(good[:at] + bytes((good[at] ^ 0xFF,)) + good[at + 1:])


def test_every_cut_of_a_good_unit_is_refused_or_runs() -> None:
    good = sorted(scripts(), key=len)[3]
    for length in range(len(good)):
        unit(good[:length])


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc makes the driver")
def test_a_slice_of_those_in_c(tmp_path: Path) -> None:
    """Under the sanitizers, all of them from one build."""
    driver = alone.Driver(tmp_path, "sanitized")
    for name in alone.MODULES:
        folder = tmp_path / name
        folder.mkdir()
        figures = driver.run(name, alone.written(folder, name), count=3_000)
        assert not figures["found"], figures["why"][0]
        assert figures["edges"] >= figures["edges_of_seeds"] > 100


def test_a_fault_is_found_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def takes(data: bytes) -> None:
        assert b"\xff" not in data

    monkeypatch.setattr("fuzz.engine.CORPUS", tmp_path)
    target = Target("fault", takes, lambda: [b"harmless"], (b"\xff",))
    report = fuzz(target, inputs=200)
    assert report.found and "AssertionError" in report.found[0][1]
    assert keep(report)[0].read_bytes() == report.found[0][0]


def test_a_hang_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.engine.HANG_S", 0.05)
    report = Report("hang")

    def takes(data: bytes) -> None:
        while True:
            pass

    one(Target("hang", takes, lambda: []), b"", report)
    assert HANG_S and "Hang" in report.found[0][1]


def test_source_refuses_half_a_character() -> None:
    source(b"BEGIN\nLOG \"\xed\xa0\x80\xff\"\nEND\n")
