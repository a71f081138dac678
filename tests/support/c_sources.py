"""Which C files make up a compiled module, as setup.py lists them: for programs that use the core without Python."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from support.source import ROOT

C = ROOT / "core/c"


def sources_of(module: str) -> list[Path]:
    """C files of `hisee._core.vm`, say. Raises KeyError for a module that setup.py does not know."""
    known = _constants()
    extensions = known["EXTENSIONS"]
    assert isinstance(extensions, ast.Dict)
    of_module = {key.value: value for key, value in zip(extensions.keys, extensions.values, strict=True) if isinstance(key, ast.Constant)}
    return [C / f"{name}.c" for name in _listed(of_module[module], known)]


def flags_of(source: str) -> list[str]:
    """What gcc gets for the C file `esl_vm`, say, besides the flags of all."""
    found: dict[str, list[str]] = ast.literal_eval(_constants()["OF_SOURCE"])
    return found.get(source, [])


def _constants() -> dict[str, ast.expr]:
    """What setup.py assigns, by name."""
    return {node.targets[0].id: node.value for node in ast.parse((ROOT / "setup.py").read_text()).body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}


def _listed(node: ast.expr, known: Mapping[str, ast.expr]) -> list[str]:
    """Texts of a list that may hold other lists by name."""
    assert isinstance(node, ast.List)
    found: list[str] = []
    for item in node.elts:
        if isinstance(item, ast.Starred) and isinstance(item.value, ast.Name):
            found += _listed(known[item.value.id], known)
        else:
            found.append(ast.literal_eval(item))
    return found
