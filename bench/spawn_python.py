"""One kind of suspended computation, created and run to its first wait COUNT times: `python bench/spawn_python.py KIND COUNT [UNIT]`.

Kinds: script (hisee's VM from Python; UNIT parks in a DELAY), generator, task (asyncio), greenlet, lupa. Prints one "name figure" a line.
The ones of peers run in the peers' interpreter, so only the standard library is imported here.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SWITCHES = 1_000_000
Made = tuple[Callable[[int], Any], Callable[[Any], Any]]  # create and run to the first wait; resume to the next


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def script(count: int, unit: str) -> Made:
    from hisee._core.vm import Script, Setting, Status, Unit
    from hisee.config import limits

    loaded, setting = Unit(Path(unit).read_bytes()), Setting(limits(), None)

    def create(_: int) -> Any:
        made = Script(loaded, None, None, setting)
        made.start_init()
        assert made.run(1000) == Status.ACTION
        return made

    def resume(made: Any) -> None:
        made.complete()
        assert made.run(1000) == Status.ACTION

    return create, resume


def generator(*_: object) -> Made:
    def body(a: int, b: int) -> Iterator[int]:
        x = a + b
        while True:
            yield x
            x = x + 1

    def create(number: int) -> Iterator[int]:
        made = body(number, 2)
        assert next(made) == number + 2
        return made

    return create, next


def lupa(*_: object) -> Made:
    from lupa.lua54 import LuaRuntime

    body = LuaRuntime().eval("function(a, b) local x = a + b while true do coroutine.yield(x) x = x + 1 end end")

    def create(number: int) -> Any:
        made = body.coroutine(number, 2)
        assert next(made) == number + 2
        return made

    return create, next


def greenlet(*_: object) -> Made:
    import greenlet

    hub = greenlet.getcurrent()

    def body(a: int, b: int) -> None:
        x = a + b
        while True:
            hub.switch(x)
            x = x + 1

    def create(number: int) -> Any:
        made = greenlet.greenlet(body)
        assert made.switch(number, 2) == number + 2
        return made

    return create, lambda made: made.switch()


def measure(count: int, create: Callable[[int], Any], resume: Callable[[Any], Any]) -> None:
    before, start = resident_bytes(), time.perf_counter()
    made = [create(i) for i in range(count)]
    show("create_ns", (time.perf_counter() - start) / count * 1e9)
    show("parked_bytes", (resident_bytes() - before) / count)
    few = made[:4]
    start = time.perf_counter()
    for _ in range(SWITCHES // len(few)):
        for one in few:
            resume(one)
    show("switch_hot_ns", (time.perf_counter() - start) / SWITCHES * 1e9)


def task(count: int) -> None:
    """asyncio has no resume: a switch is a round of sleep(0) by four tasks."""
    async def body(a: int, b: int) -> int:
        x = a + b
        await asyncio.Event().wait()
        return x

    async def turns(many: int) -> None:
        for _ in range(many):
            await asyncio.sleep(0)

    async def main() -> None:
        before, start = resident_bytes(), time.perf_counter()
        made = [asyncio.create_task(body(i, 2)) for i in range(count)]
        await asyncio.sleep(0)
        show("create_ns", (time.perf_counter() - start) / count * 1e9)
        show("parked_bytes", (resident_bytes() - before) / count)
        start = time.perf_counter()
        await asyncio.gather(*(turns(SWITCHES // 20) for _ in range(4)))
        show("switch_hot_ns", (time.perf_counter() - start) / (SWITCHES // 5) * 1e9)
        for one in made:
            one.cancel()

    asyncio.run(main())


def show(name: str, value: float) -> None:
    print(name, f"{value:.3f}")


def main() -> None:
    kind, count = sys.argv[1], int(sys.argv[2])
    gc.disable()  # for all alike: none of them makes cycles
    if kind == "task":
        task(count)
    else:
        measure(count, *{"script": script, "generator": generator, "lupa": lupa, "greenlet": greenlet}[kind](count, *sys.argv[3:]))


if __name__ == "__main__":
    main()
