"""A client of the engine database of a pair: URL FILE. Puts tasks one after the other; each acknowledged one is a line "number time"."""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

from hisee.engine import open_engine
from hisee.engine.coordinator import EngineError, TaskRequest


def main(url: str, file: str) -> None:
    engine = None
    with open(file, "a") as out:
        for number in itertools.count():
            while True:
                try:
                    engine = engine or open_engine(url, Path(file).parent)
                    engine.put([TaskRequest(func="tasks.none", args={"n": number})])
                    break
                except EngineError as error:  # it does not answer for so long, or its end is not known: the number is given up
                    print(error, flush=True)
                    if engine is not None:
                        number = -1
                        break
                    time.sleep(0.1)
            if number >= 0:
                out.write(f"{number} {time.monotonic()}\n")
                out.flush()
            time.sleep(0.005)


main(*sys.argv[1:])
