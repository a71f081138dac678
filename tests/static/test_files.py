"""What the text of the files promises: fresh tables, bounded length, no dangerous call, no place of one machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.source import ROOT, is_generated, name_of, sources

LONGEST = 800
CODE = ("*.py", "*.pyx", "*.pxd", "*.pyi", "*.c", "*.h", "*.js", "*.css", "*.html")
ALL = ("python", "core", "ext", "tests", "bench", "examples")
# Module -> why nobody may import it.
BANNED_MODULES = {
    "multiprocessing": "forks and pickles; processes start with subprocess",
    "pickle": "runs code from data", "marshal": "runs code from data", "shelve": "pickles", "dill": "pickles",
}
BANNED_CALLS = {"eval", "exec"}
BANNED_ATTRIBUTES = {("yaml", "load"), ("os", "fork"), ("os", "system")}
MACHINE_PLACE = re.compile(r"(?<![\w.])/(?:work|home|root|opt|Users)/\w")
LONG_SLEEP_S = 0.25


def test_generated_files_are_fresh():
    done = subprocess.run([sys.executable, ROOT / "core/schema/generate.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_file_is_too_long():
    long = [f"{name_of(p)}: {count} lines" for p in sources(*CODE, under=ALL)
            if not is_generated(p) and (count := len(p.read_text().splitlines())) > LONGEST]
    assert not long, "\n".join(long)


def banned(tree: ast.AST, attributes: set[tuple[str, str]] = BANNED_ATTRIBUTES) -> list[tuple[int, str]]:
    """(line, what) of every banned import or call."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found += [(node.lineno, n) for n in names if n.split(".")[0] in BANNED_MODULES]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS:
            found.append((node.lineno, node.func.id))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in attributes:
            found.append((node.lineno, f"{node.value.id}.{node.attr}"))
    return found


def test_nothing_banned_in_python():
    bad = [f"{name_of(p)}:{line}: {what}" for p in sources("*.py") for line, what in banned(ast.parse(p.read_text()))]
    assert not bad, "\n".join(bad)


def test_nothing_banned_in_tests():
    """A test may fork, to show that a forked child is refused; multiprocessing is a peer that the bench measures."""
    bad = [f"{name_of(p)}:{line}: {what}" for p in sources("*.py", under=("tests", "bench"))
           for line, what in banned(ast.parse(p.read_text()), BANNED_ATTRIBUTES - {("os", "fork")})
           if (name_of(p), what) != ("bench/ipc/transports.py", "multiprocessing")]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("text", ["import pickle", "from multiprocessing import Process", "eval('1')", "exec('x')",
                                  "yaml.load(f)", "import os\nos.fork()"])
def test_a_banned_thing_would_be_found(text):
    assert banned(ast.parse(text))


def test_nothing_banned_in_cython():
    word = re.compile(r"\b(multiprocessing|pickle|marshal|eval|exec)\b\s*[(.]|^\s*c?import (pickle|marshal|multiprocessing)", re.M)
    assert not [name_of(p) for p in sources("*.pyx", "*.pxd") if word.search(p.read_text())]


def test_no_python_in_the_c_core():
    assert not [name_of(p) for p in sources("*.c", "*.h", under=("core/c",)) if "Python.h>" in p.read_text()]


def test_no_place_of_one_machine():
    bad = [f"{name_of(p)}: {found.group()}" for p in text_files() if (found := MACHINE_PLACE.search(p.read_text(errors="replace")))]
    assert not bad, "\n".join(bad)


def text_files() -> list[Path]:
    here = Path(__file__)
    listed = sources(*CODE, "*.md", "*.toml", "*.sh", "*.svg", "*.esl", under=(*ALL, "docs"))
    return [p for p in [*listed, *ROOT.glob("*.md"), ROOT / "setup.py", ROOT / "pyproject.toml", ROOT / "hisee"] if p != here]


def test_no_test_sleeps_long():
    bad = []
    for path in sources("test_*.py", "conftest.py", under=("tests",)):  # helper programs may wait to be killed
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
                value = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else 0
                if isinstance(value, int | float) and value > LONG_SLEEP_S:
                    bad.append(f"{name_of(path)}:{node.lineno}: sleeps {value} s; wait for the event instead")
    assert not bad, "\n".join(bad)


def test_every_source_says_what_it_owns():
    bad = [name_of(p) for p in sources("*.py", under=("python", "core", "tests"))
           if p.read_text().strip() and not is_generated(p) and not ast.get_docstring(ast.parse(p.read_text()))]
    assert not bad, "files without an opening docstring: " + ", ".join(bad)


def test_compiled_modules_have_stubs():
    missing = []
    for pyx in sources("*.pyx", under=("core", "ext")):
        package, module = pyx.parent.name, pyx.stem
        if not (ROOT / "python/hisee" / package / f"{module}.pyi").is_file():
            missing.append(f"python/hisee/{package}/{module}.pyi")
    assert not missing, "\n".join(missing)
