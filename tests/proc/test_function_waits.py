"""Functions that wait: the others go on meanwhile, and nothing of a script outlives it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from esl.outside import fill, site
from hisee.config import limits
from hisee.esl import ObjectContext, compile_source
from hisee.script.instance import Instance
from support.alone import DEADLINE_S, Alone


class Outside(Alone):
    def __init__(self, folder: Path) -> None:
        fill(folder)
        self.site = site(folder, 1)
        super().__init__(self.site)

    def start(self, number: int, text: str) -> Instance:
        done = compile_source(text, name="S.Test", context=ObjectContext("script"), part=1)
        assert done.ok, done.diagnostics
        unit = self.engine.load(done.unit)
        return self.engine.start(number=number, name=f"WS{number}.HIS", object="S.Test", part=1, unit=unit, console=0, limits=limits(),
                                 variables=[])


def test_other_scripts_run_while_one_waits_for_a_program(tmp_path: Path) -> None:
    async def play() -> list[str]:
        outside = Outside(tmp_path)
        outside.start(1, 'INT _i\nBEGIN\n_i := %RunProgram("/bin/sleep", "0.2", @TRUE)\nLOG "slow", _i\nEND\n')
        outside.start(2, 'BEGIN\nLOGEX "quick"\nEND\n')
        await outside.until(2)
        return outside.lines

    assert asyncio.run(play()) == ["quick", "slow 0"]


def test_a_waiting_function_raises_what_the_script_can_catch(tmp_path: Path) -> None:
    async def play() -> tuple[list[str], list[str]]:
        outside = Outside(tmp_path)
        outside.start(1, 'TEXT _s\nBEGIN\nON ERROR OFF\n_s := %FileReadLine(7)\nLOG "", _ERR_NR\nEND\n')
        await outside.until(1)
        return outside.lines, outside.failures

    lines, failures = asyncio.run(play())
    assert (lines, failures) == (["22"], [])


def test_the_end_of_a_script_ends_its_program_and_closes_its_files(tmp_path: Path) -> None:
    async def play() -> None:
        outside = Outside(tmp_path)
        script = outside.start(1, 'INT _h\nBEGIN\n_h := %FileOpen("a.txt", 1)\nLOGEX "open"\n'
                                  '_h := %RunProgram("/bin/sleep", "30", @TRUE)\nEND\n')
        await outside.until(1)
        assert len(script.functions.handles) == 1
        async with asyncio.timeout(DEADLINE_S):
            while not outside.site.programs:
                await asyncio.sleep(0.01)
            program = next(iter(outside.site.programs.values()))
            outside.engine.stop(1)
            while program.poll() is None or len(script.functions.handles):
                await asyncio.sleep(0.01)

    asyncio.run(play())


def test_a_script_is_ended_when_a_function_waits_longer_than_an_action_may(tmp_path: Path) -> None:
    async def play() -> list[str]:
        outside = Outside(tmp_path)
        script = outside.start(1, 'INT _i\nBEGIN\n_i := %RunProgram("/bin/sleep", "30", @TRUE)\nEND\n')
        script.limits = {**script.limits, "request_limit_s": 0}
        await outside.until(1)
        async with asyncio.timeout(DEADLINE_S):
            while outside.site.programs:
                await asyncio.sleep(0.01)
        return outside.failures

    (reason,) = asyncio.run(play())
    assert "%RunProgram waited longer than request_limit_s" in reason
