"""External functions in an engine: who waits, who goes on, who is told of a crash."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from esl.directory import Names
from hisee.config import limits
from hisee.esl import ObjectContext, ObjectEntry, compile_source
from hisee.esl.context import Foreign
from hisee.external import ExternalError
from hisee.external.declaration import declared
from hisee.script.external_calls import settled
from hisee.script.functions import Rules, Site
from hisee.script.instance import Instance
from hisee.values import Invalid, Time, Type
from support.alone import Alone
from support.foreign import HEADER, build, release, wait_until_gone


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("library"))


class Outside(Alone):
    """`library` is the one that may be opened."""

    def __init__(self, library: Path, **own_limits: int) -> None:
        self.library = library
        self.limits = {**limits(), **own_limits}
        super().__init__(Site(rules=Rules(libraries=(str(library),)), limits=self.limits))

    def entry(self, name: str, seconds: float | None = None, path: str = "") -> ObjectEntry:
        found = declared(HEADER, name)
        return ObjectEntry(f"X.{name}", 900, "external_function", access="r",
                           foreign=Foreign(path or str(self.library), HEADER, name, found.parameters, found.result, seconds))

    def start(self, number: int, text: str, *more: ObjectEntry) -> Instance:
        names = ("mix", "greeting", "counted", "crash", "hang", "held", "pid", "note", "is_even", "absent")
        directory = Names([*more, *(self.entry(n) for n in names if n not in {e.name[2:] for e in more})])
        done = compile_source(text, name="S.Test", context=replace(ObjectContext("script"), directory=directory), part=1)
        assert done.ok, done.diagnostics
        unit = self.engine.load(done.unit)
        return self.engine.start(number=number, name=f"WS{number}.HIS", object="S.Test", part=1, unit=unit, console=0, limits=self.limits,
                                 variables=[])


def played(outside_of: Callable[[], Outside], play: Callable[[Outside], Coroutine[Any, Any, None]]) -> Outside:
    """Let a play run on a loop; at its end no process of the library is left."""

    async def run() -> Outside:
        outside = outside_of()
        try:
            await play(outside)
        finally:
            pids = [state.pid for state in outside.engine.external.states() if state.pid]
            for number in list(outside.engine.instances):
                outside.engine.stop(number)
            outside.engine.shut()
        assert all(wait_until_gone(pid) for pid in pids)
        return outside

    return asyncio.run(run())


def test_values_validity_and_the_time_that_it_took(library: Path) -> None:
    async def play(outside: Outside) -> None:
        outside.start(1, 'REAL _r\nBOOL _b\nBEGIN\n_r := %X.mix(1.5, 2, @TRUE)\nLOG "r", _r\n_r := %X.mix(_r, 1 / 0, @TRUE)\n'
                         'LOG "reason", %InvalidReason(_r)\n%X.note()\nLOG "n", %X.counted()\n_b := %X.is_even(4)\nLOG "b", _b\n'
                         'LOG "t", %X.greeting("a")\nLOG "null", %InvalidReason(%X.greeting(""))\nEND\n')
        await outside.until(6)

    outside = played(lambda: Outside(library), play)
    assert outside.lines == ["r 3.5", "reason 4", "n 101", "b TRUE", "t ahoj a", "null 1"]
    rows = {(row["line"], row["action"]): row for row in outside.recorder.rows()}
    assert set(rows) == {(4, "%X.mix"), (8, "%X.note"), (9, "%X.counted"), (10, "%X.is_even"), (12, "%X.greeting"), (13, "%X.greeting")}
    first = rows[4, "%X.mix"]
    assert 0 < first["service_ns"] <= first["wait_ns"] and first["bytes_out"] > first["bytes_in"] > 0


def test_other_scripts_run_while_one_waits(library: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def play(outside: Outside) -> None:
        outside.start(1, f'INT _i\nBEGIN\n_i := %X.held("{fifo}")\nLOG "slow", _i\nEND\n')
        outside.start(2, 'INT _i\nBEGIN\nLOGEX "quick"\n_i := %X.counted()\nLOG "behind", _i\nEND\n')
        await outside.until(1)
        assert outside.lines == ["quick"]
        await asyncio.to_thread(release, fifo)
        await outside.until(3)

    assert played(lambda: Outside(library), play).lines == ["quick", "slow 1", "behind 1"]


def test_many_scripts_at_once_take_turns(library: Path) -> None:
    async def play(outside: Outside) -> None:
        for number in range(1, 201):
            outside.start(number, 'INT _i, _n\nBEGIN\nFOR _i = 1 TO 5 DO_LOOP\n_n := %X.counted()\nEND_LOOP\nLOG "", _n\nEND\n')
        await outside.until(200)
        (state,) = outside.engine.external.states()
        assert (state.calls, state.failed, state.starts, state.waiting) == (1000, 0, 1, 0)

    outside = played(lambda: Outside(library), play)
    last = sorted(int(line) for line in outside.lines)
    assert len(set(last)) == 200 and last[-1] == 1000


def test_a_crash_is_told_to_the_script_that_called_and_to_nobody_else(library: Path) -> None:
    async def play(outside: Outside) -> None:
        outside.start(1, 'INT _i\nBEGIN\nON ERROR Caught\n_i := %X.crash(0)\nLOG "not reached"\nCaught:\nLOG _ERR_MSG\nLOG "nr", _ERR_NR\n'
                         'LOG "line", _ERR_LINE\nEND\n')
        outside.start(2, 'INT _i\nBEGIN\n_i := %X.counted()\nLOG "other", _i\nEND\n')
        await outside.until(5)
        outside.start(3, 'INT _i\nBEGIN\n_i := %X.crash(2)\nEND\n')
        await outside.until(7)

    outside = played(lambda: Outside(library), play)
    text = "%X.crash: crash of libx.so crashed: SIGSEGV"
    assert sorted(outside.lines[:5]) == sorted([text, text, "nr 32", "line 4", "other 1"]), "once by the script, once in the event log"
    assert outside.failures == ["_ERR_EXT_FUNCTION 3: %X.crash: crash of libx.so crashed: exit 3"]


def test_the_deadline_of_the_object_and_of_the_system(library: Path) -> None:
    async def play(outside: Outside) -> None:
        outside.start(1, "BEGIN\n%X.hang()\nEND\n", outside.entry("hang", 0.2))
        await outside.until(2)
        outside.start(2, "BEGIN\n%X.hang()\nEND\n")
        await outside.until(4)
        outside.start(3, 'INT _i\nBEGIN\n_i := %X.counted()\nLOG "fresh", _i\nEND\n')
        await outside.until(5)

    outside = played(lambda: Outside(library, external_s=1), play)
    assert [f.partition("; ")[0] for f in outside.failures] == [
        f"_ERR_EXT_FUNCTION 2: %X.hang: hang of libx.so did not end in time ({s} s)" for s in ("0.2", "1")]
    assert outside.lines[-1] == "fresh 1"


def test_one_whose_turn_does_not_come_is_told_at_its_own_deadline(library: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def play(outside: Outside) -> None:
        outside.start(1, f'INT _i\nBEGIN\n_i := %X.held("{fifo}")\nLOG "slow", _i\nEND\n')
        outside.start(2, "INT _i\nBEGIN\n_i := %X.counted()\nEND\n", outside.entry("counted", 0.1))
        await outside.until(2)
        assert "other calls of its library took longer than 0.1 s" in outside.failures[0]
        await asyncio.to_thread(release, fifo)
        await outside.until(3)
        outside.start(3, 'INT _i\nBEGIN\n_i := %X.counted()\nLOG "first", _i\nEND\n')
        await outside.until(4)

    outside = played(lambda: Outside(library), play)
    assert outside.lines[1:] == ["slow 1", "first 1"], "a call that was given up is not made later"


def test_a_script_that_ends_leaves_its_call_unmade(library: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def play(outside: Outside) -> None:
        outside.start(1, f'INT _i\nBEGIN\n_i := %X.held("{fifo}")\nLOG "slow", _i\nEND\n')
        outside.start(2, 'INT _i\nBEGIN\nLOGEX "here"\n_i := %X.counted()\nEND\n')
        await outside.until(1)
        outside.engine.stop(2)
        await asyncio.to_thread(release, fifo)
        await outside.until(2)
        outside.start(3, 'INT _i\nBEGIN\n_i := %X.counted()\nLOG "first", _i\nEND\n')
        await outside.until(3)

    assert played(lambda: Outside(library), play).lines == ["here", "slow 1", "first 1"]


def test_a_process_that_is_killed_is_started_again(library: Path) -> None:
    async def play(outside: Outside) -> None:
        outside.start(1, 'INT _i\nBEGIN\n_i := %X.counted()\nLOG "a", _i\nEND\n')
        await outside.until(1)
        (state,) = outside.engine.external.states()
        os.kill(state.pid, signal.SIGKILL)
        assert await asyncio.to_thread(wait_until_gone, state.pid)
        assert not outside.engine.external.states()[0].running
        outside.start(2, 'INT _i\nBEGIN\n_i := %X.counted()\nLOG "b", _i\nEND\n')
        await outside.until(2)
        (after,) = outside.engine.external.states()
        assert (after.running, after.starts, after.failed, after.ended) == (True, 2, 0, "SIGKILL") and after.pid != state.pid

    assert played(lambda: Outside(library), play).lines == ["a 1", "b 1"]


@pytest.mark.parametrize(("name", "path", "words"), [
    ("counted", "/lib/other.so", "library /lib/other.so is not among those that may be opened"),
    ("absent", "", "undefined symbol|not found")])
def test_what_cannot_be_called_is_an_error_of_the_script(library: Path, name: str, path: str, words: str) -> None:
    async def play(outside: Outside) -> None:
        outside.start(1, f"INT _i\nBEGIN\n_i := %X.{name}()\nEND\n", outside.entry(name, path=path))
        await outside.until(1)

    (failure,) = played(lambda: Outside(library), play).failures
    assert failure.startswith("_ERR_EXT_FUNCTION 3: ")
    assert any(word in failure for word in words.split("|"))


def test_a_library_that_is_not_there_when_the_script_runs(tmp_path: Path) -> None:
    async def play(outside: Outside) -> None:
        outside.start(1, "INT _i\nBEGIN\n_i := %X.counted()\nEND\n")
        await outside.until(1)
        outside.start(2, "INT _i\nBEGIN\nON ERROR OFF\nFOR _i = 1 TO 5 DO_LOOP\n%X.counted()\nEND_LOOP\nLOGEX _ERR_MSG\nEND\n")
        await outside.until(2)
        assert outside.engine.external.states()[0].starts == 5

    outside = played(lambda: Outside(tmp_path / "gone.so"), play)
    (failure,) = outside.failures
    assert failure.startswith("_ERR_EXT_FUNCTION 3: ") and "gone.so cannot be used" in failure
    assert "or could not be opened, and is not started now" in outside.lines[0], "no process is started for each of many calls"


def test_one_that_keeps_dying_is_refused_for_a_time(library: Path) -> None:
    async def play(outside: Outside) -> None:
        outside.start(1, "INT _i\nBEGIN\nON ERROR OFF\nFOR _i = 1 TO 6 DO_LOOP\n%X.crash(1)\nEND_LOOP\nLOGEX _ERR_MSG\nEND\n")
        await outside.until(6)
        (state,) = outside.engine.external.states()
        assert (state.starts, state.failed, state.running) == (5, 6, False)

    outside = played(lambda: Outside(library), play)
    assert "died 5 times within 60 s, or could not be opened, and is not started now; it is tried again when" in outside.lines[-1]
    assert len(outside.lines) == 6, "five crashes are events, the refusal is not"


def test_closing_in_the_middle_of_a_call_leaves_nothing(library: Path) -> None:
    async def play(outside: Outside) -> None:
        outside.start(1, 'INT _i\nBEGIN\n_i := %X.counted()\nLOGEX "begun"\n%X.hang()\nEND\n')
        await outside.until(1)

    assert played(lambda: Outside(library), play).lines == ["begun"]


@pytest.mark.parametrize(("value", "wanted", "held"), [
    (True, Type.BOOL, True), (3, Type.INT, 3), (0.5, Type.REAL, 0.5), ("abcd", Type.TEXT, "abc"),
    (Invalid(4, "TEXT"), Type.REAL, Invalid(4, "REAL")),
    ("x", Type.INT, None), (1, Type.BOOL, None), (True, Type.INT, None), (1, Type.REAL, None), (Time(1), Type.INT, None)])
def test_a_value_of_another_type_than_the_header_says_never_reaches_a_script(value: Any, wanted: Type, held: Any) -> None:
    if held is not None:
        assert settled(value, wanted, 3) == held
        return
    with pytest.raises(ExternalError, match=f"answered a {type(value).__name__}, not {wanted.name}"):
        settled(value, wanted, 3)
