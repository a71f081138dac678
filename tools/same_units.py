"""Compiles many texts with the compilers of two trees and tells which come out differently: for work that must change no unit.

    python tools/same_units.py OTHER_TREE [--programs N]

The texts are the test scripts of ESL in every kind of object and with each optimisation left out, the same with small damage, N
generated programs, and the examples. Compared are units, diagnostics and what else a compile tells. Each tree is one with built modules
(`python setup.py build_ext --inplace`), or HISEE_PURE=1 is set.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DAMAGE = ("", " ", "_x", "1", '"', "(", "^", "\\VLD", ":=", "IF")
WOUNDS = 3


def results(programs: int) -> Iterator[str]:
    """A line for each text: its name and the hash of what the compiler of this tree makes of it."""
    from esl.directory import event, picture, plain, unit
    from esl.scripts import expectations, files
    from hisee.esl import compile_source
    from hisee.esl.optimisations import ALL
    from oracle.generate import program

    contexts = {"script": plain(), "picture": picture(), "event": event(), "unit": unit(), "interface": replace(unit(), kind="interface")}

    def line(name: str, text: str, kind: str, part: int = 1, without: str = "") -> str:
        done = compile_source(text, name="S.Test", context=contexts[kind], part=part, without=frozenset(without.split()))
        told = (done.ok, done.unit, done.diagnostics, done.handlers, done.objects, done.interfaces)
        return f"{name} {kind} {without}: {digest(told)}"

    rng = random.Random(5)
    for path in [p for folder in ("language", "samples", "mistakes") for p in files(folder)]:
        text = path.read_text()
        wanted = expectations(text)
        yield from (line(path.stem, text, kind, wanted.part) for kind in contexts)
        yield from (line(path.stem, text, wanted.kind, wanted.part, one) for one in ALL)
        yield from (line(f"{path.stem} damaged {n}", damaged(text, rng), wanted.kind, wanted.part) for n in range(3))
    for seed in range(programs):
        yield from (line(f"seed {seed}", program(seed, 12), "script", 1, one) for one in ("", *(ALL if seed % 8 == 0 else ())))
    yield from applications()


def applications() -> Iterator[str]:
    from hisee.model import load_application
    from hisee.model.gate import build

    for folder in ("examples/hello", "python/hisee/demo/app"):
        yield from (f"{b.name}: {digest((b.diagnostics, sorted(b.units.items())))}" for b in build(load_application(folder)))


def damaged(text: str, rng: random.Random) -> str:
    """A few characters of it replaced."""
    lines = text.split("\n")
    for _ in range(WOUNDS):
        row = rng.randrange(len(lines))
        if lines[row]:
            at = rng.randrange(len(lines[row]))
            lines[row] = lines[row][:at] + rng.choice(DAMAGE) + lines[row][at + 1:]
    return "\n".join(lines)


def digest(told: object) -> str:
    return hashlib.sha256(repr(told).encode()).hexdigest()[:20]


def of_tree(tree: Path, programs: int) -> list[str]:
    env = os.environ | {"PYTHONPATH": f"{tree}/python:{tree}/tests", "PYTHONHASHSEED": "0"}
    done = subprocess.run([sys.executable, __file__, "--here", "--programs", str(programs), str(tree)], cwd=tree, env=env,
                          stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--programs", type=int, default=300)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # print the lines of the tree that runs this
    given = parser.parse_args()
    if given.here:
        print(*results(given.programs), sep="\n")
        return
    here, there = of_tree(ROOT, given.programs), of_tree(given.tree.resolve(), given.programs)
    different = sorted(set(here) ^ set(there))
    print(*different[:20], f"{len(here)} texts here, {len(there)} there, {len(different)} lines differ", sep="\n")
    raise SystemExit(bool(different))


if __name__ == "__main__":
    main()
