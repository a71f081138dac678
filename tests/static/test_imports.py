"""Imports point one way: a part may use the floors below its own, never a neighbour and never a floor above."""

from __future__ import annotations

import os
import subprocess
import sys

from support.source import PYTHON, imports, module_name, name_of, sources

# Part of the package -> floor. Parts on one floor meet only through messages.
FLOORS = {
    "schema": 0, "errors": 0, "config": 0, "seams": 0, "datadir": 0, "parameters": 0, "process": 0, "values": 0, "zones": 0,
    "tasks": 0, "logfiles": 0, "tls": 0, "background": 0,
    "commands": 0, "load": 0, "logreader": 0, "shown": 0,
    "_core": 1, "_ext": 1,
    "esl": 2, "channel": 2, "engine": 2,
    "model": 3,
    "lsp": 4,
    "profile": 4, "outputs": 4, "resources": 4, "arrays": 2, "external": 2,
    "durable": 3,
    "pair": 4,
    "server": 5, "script": 5, "console": 5, "work": 5, "data": 5, "resident": 5, "plant": 5,
    "api": 6,
    "demo": 7, "cluster": 7,
    "cli": 8,
    "testing": 9,
}
GROUND = 0  # modules of the ground floor may use each other
HEAVY = ("numpy", "sqlalchemy", "starlette", "uvicorn", "hisee._core", "hisee.esl.front")


def part(module: str) -> str:
    """`hisee.server.router` -> `server`; the package itself is "" and may import nothing but what it exports."""
    return (module.split(".") + [""])[1]


def wrong(user: str, used: str) -> bool:
    if user == used or used not in FLOORS:
        return False
    if FLOORS[user] == GROUND and FLOORS[used] == GROUND:
        return False
    return FLOORS[used] >= FLOORS[user]


def test_every_part_has_a_floor():
    parts = {part(module_name(p)) for p in sources("*.py", under=("python",))} - {"", "__main__"}
    missing = sorted(parts - set(FLOORS))
    assert not missing, f"name the floor of {missing} in FLOORS"


def test_imports_point_down():
    bad = []
    for path in sources("*.py", under=("python",)):
        user = part(module_name(path))
        if user in ("", "__main__"):
            continue
        bad += [f"{name_of(path)}:{line} imports {used}" for line, used in imports(path)
                if used.startswith("hisee.") and wrong(user, part(used))]
    assert not bad, "\n".join(bad)


def test_a_wrong_import_would_be_found():
    assert wrong("model", "server") and wrong("server", "script") and wrong("esl", "channel") and wrong("errors", "esl")
    assert not wrong("server", "model") and not wrong("config", "errors") and not wrong("cli", "server")


def test_only_the_command_line_knows_all_process_kinds():
    for path in sources("*.py", under=("python",)):
        used = {part(name) for _, name in imports(path)} & {"server", "script", "console", "data"}
        floor = FLOORS.get(part(module_name(path)), 9)
        assert len(used) <= 1 or floor >= FLOORS["api"], f"{name_of(path)} knows {sorted(used)}"


def test_import_hisee_is_light():
    probe = f"import sys, hisee; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True,
                          env=os.environ | {"PYTHONPATH": str(PYTHON)})
    assert done.stdout.strip() == "[]"


def test_the_command_line_starts_light():
    probe = f"import sys, hisee.cli.main; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True,
                          env=os.environ | {"PYTHONPATH": str(PYTHON)})
    assert done.stdout.strip() == "[]"
