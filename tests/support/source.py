"""The product's source as data for the static tests: files, modules, imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "python"
GENERATED = ("python/hisee/schema/", "core/c/gen/", "docs/reference/")


def name_of(path: Path) -> str:
    """Path below the checkout, with slashes."""
    return path.relative_to(ROOT).as_posix()


def is_generated(path: Path) -> bool:
    return name_of(path).startswith(GENERATED) or ".gen." in path.name


def sources(*patterns: str, under: tuple[str, ...] = ("python", "core", "ext")) -> list[Path]:
    """Files below `under` that match one of `patterns`, in order."""
    found = {p for folder in under for pattern in patterns for p in (ROOT / folder).rglob(pattern)}
    return sorted(p for p in found if "__pycache__" not in p.parts and "egg-info" not in p.parts[-2])


def module_name(path: Path) -> str:
    """Import path of a file below python/."""
    parts = path.relative_to(PYTHON).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, absolute module) of every import in a Python file, those inside functions and TYPE_CHECKING too."""
    package = module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, name) for name in _from_names(node, package))


def _from_names(node: ast.ImportFrom, package: str) -> list[str]:
    base = node.module or ""
    if node.level:
        parts = package.split(".")
        base = ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
    return [f"{base}.{alias.name}" for alias in node.names]
