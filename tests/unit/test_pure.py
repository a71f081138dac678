"""The compiler as Python and the compiler as C are the same compiler: equal units, equal diagnostics."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support.command import environment
from support.source import PYTHON, ROOT

PROBE = """
import hashlib, sys
from hisee.esl.front import parser
from hisee.model import load_application
from hisee.model.gate import build
print(parser.__file__.rpartition(".")[2])
for path in sys.argv[1:]:
    for b in build(load_application(path)):
        print(b.name, b.diagnostics, sorted((part, hashlib.sha256(unit).hexdigest()) for part, unit in b.units.items()))
"""
APPLICATIONS = [str(ROOT / "examples/hello"), str(ROOT / "python/hisee/demo/app")]


def compile_all(**more: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", PROBE, *APPLICATIONS], env=environment(**more), capture_output=True, text=True,
                          check=True)
    return done.stdout.splitlines()


@pytest.mark.slow
def test_both_compile_the_same():
    if not list((PYTHON / "hisee/esl/front").glob("parser.*.so")):
        pytest.skip("the front end is not compiled here")
    compiled, plain = compile_all(), compile_all(HISEE_PURE="1")
    assert (compiled[0], plain[0]) == ("so", "py")
    assert compiled[1:] == plain[1:] and len(plain) > 2
