"""The compiler of ESL beside CPython's: the same program in both languages, line by line, and the demo application.

A case checks first that both programs compile and give the same answer. Lines per second are the figure; `-s` prints the ratio
and what each pass takes. A pass is timed by itself, so the sum may differ a little from the whole.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache, partial

import pytest

from hisee._core.values import decode
from hisee._core.vm import Script, Status, Unit
from hisee.config import limits
from hisee.esl import ObjectContext, compile_object, compile_source
from hisee.esl.compile import ROOM
from hisee.esl.front.checker import check
from hisee.esl.front.codegen import generate
from hisee.esl.front.lexer import Source, tokenize
from hisee.esl.front.parser import parse
from hisee.model import load_application
from hisee.model.gate import build
from support.source import ROOT
from support.twins import twin

CONTEXT = ObjectContext(kind="script", server_script=False)
ROUNDS = 10
SMALL, LARGE = 5_000, 50_000
DEMO = ROOT / "python/hisee/demo/app"


@cache
def proved_twin(lines: int) -> tuple[str, str]:
    """Both texts; they have the same lines and the same answer."""
    esl, python = twin(lines)
    assert abs(esl.count("\n") - lines) < 50 and esl.count("\n") == python.count("\n")
    assert answer_of_esl(esl) == answer_of_python(python) > 0
    return esl, python


def answer_of_esl(text: str) -> int:
    compiled = compile_esl(text)
    assert compiled.ok, compiled.diagnostics[:3]
    script = Script(Unit(compiled.unit), None, None, limits(), None)
    script.start_init()
    while (status := script.run(1_000_000)) is Status.SLICE:
        pass
    assert status is Status.ACTION, script.failure
    return decode(script.pending.payload)[-1]


def answer_of_python(text: str) -> int:
    done = subprocess.run([sys.executable, "-"], input=text + "print(SUM[0])\n", capture_output=True, text=True, check=True)
    return int(done.stdout)


def compile_esl(text: str):
    return compile_source(text, name="S.Twin", context=CONTEXT)


def compile_python(text: str):
    return compile(text, "twin", "exec")


def in_turns(*works: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Least seconds of the processor for each; they take turns, so a busy moment meets all."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for at, work in enumerate(works):
            begin = time.process_time()
            work()
            best[at] = min(best[at], time.process_time() - begin)
    return best


def told(name: str, lines: int, ours: float, theirs: float, their_lines: int = 0) -> None:
    our_rate, their_rate = lines / ours / 1e3, (their_lines or lines) / theirs / 1e3
    print(f"\n{name}: {lines:,} lines, ESL {our_rate:.0f} k lines/s, CPython {their_rate:.0f} k lines/s, ratio {our_rate / their_rate:.2f}")


@pytest.mark.benchmark(group="compile")
@pytest.mark.parametrize("lines", [SMALL, LARGE])
def test_compile_esl(benchmark, lines):
    esl, python = proved_twin(lines)
    benchmark.extra_info["lines"] = esl.count("\n")
    told("generated", esl.count("\n"), *in_turns(partial(compile_esl, esl), partial(compile_python, python), rounds=3))
    assert benchmark(compile_esl, esl).ok


@pytest.mark.benchmark(group="compile")
@pytest.mark.parametrize("lines", [SMALL, LARGE])
def test_compile_peer_python(benchmark, lines):
    assert benchmark(compile_python, proved_twin(lines)[1]) is not None


def demo_objects() -> Iterator[tuple]:
    """What the save gate hands to the compiler for the demo application."""
    found: list[tuple] = []

    def note(*given):
        found.append(given)
        return compile_object(*given)

    assert all(b.ok for b in build(load_application(str(DEMO)), compile_object=note))
    return iter(found)


@pytest.mark.benchmark(group="compile the demo")
def test_compile_the_demo(benchmark):
    objects = list(demo_objects())
    lines = sum(text.count("\n") for _, parts, _ in objects for text in parts.values())

    def whole() -> list:
        return [compile_object(*given) for given in objects]

    python = proved_twin(lines)[1]
    told("demo application", lines, *in_turns(whole, partial(compile_python, python), rounds=200), python.count("\n"))
    assert all(done.ok for done in benchmark(whole))


def test_passes(capsys):
    """Not a case: where the time goes, for 5,000 lines."""
    esl, python = proved_twin(SMALL)
    source = Source(esl)
    tokens = tokenize(esl)
    tree, faults, _ = parse(source, tokens, 200)
    assert not faults

    def checked():
        return check(source, tokens, tree, [], CONTEXT, "S.Twin", 1)

    with ROOM:
        ready = checked()
        passes = {"lines": partial(Source, esl), "lexer": partial(tokenize, esl), "parser": partial(parse, source, tokens, 200),
                  "checker": checked, "code generator": partial(generate, ready), "whole": partial(compile_esl, esl),
                  "CPython": partial(compile_python, python)}
        times = in_turns(*passes.values())
    with capsys.disabled():
        print(f"\n{esl.count(chr(10)):,} lines, best of {ROUNDS}, ms: " + ", ".join(
            f"{name} {seconds * 1e3:.2f}" for name, seconds in zip(passes, times, strict=True)))
