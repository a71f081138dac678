"""Rules of the language and what checks them. `python tests/esl/rules.py` prints the rules that nothing checks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
MARK = re.compile(r"^# rules: ([a-z0-9-]+(?:, [a-z0-9-]+)*)$", re.MULTILINE)
NAMES = re.compile(r"\[([a-z0-9-]+(?:, [a-z0-9-]+)*)\]\s*$")


def table() -> tuple[dict[str, str], list[str]]:
    """The rules by name, and the names of those that may be without a script today."""
    read = tomllib.loads((HERE / "rules.toml").read_text())
    return read["rules"], read["open"]


def named(path: Path) -> list[str]:
    """Rules that a script names in its head comment: the comment lines at its beginning."""
    names: list[str] = []
    for line in path.read_text().split("\n"):
        if not line.startswith(";"):
            break
        match = NAMES.search(line)
        names += match[1].split(", ") if match else []
    return names


def scripts() -> dict[Path, list[str]]:
    """Scripts that run; each names a rule."""
    return {path: named(path) for path in sorted((HERE / "language").rglob("*.esl"))}


def checks() -> dict[Path, list[str]]:
    """Scripts that run, scripts with mistakes, and tests in Python, with the rules that they name."""
    mistakes = {path: named(path) for path in sorted((HERE / "mistakes").rglob("*.esl"))}
    tests = {path: [name for found in MARK.findall(path.read_text()) for name in found.split(", ")]
             for path in sorted(HERE.parent.rglob("test_*.py"))}
    return scripts() | mistakes | tests


def unchecked() -> list[str]:
    seen = {name for names in checks().values() for name in names}
    return [name for name in table()[0] if name not in seen]


def main() -> None:
    rules, _ = table()
    for name in unchecked():
        print(f"{name:<26} {rules[name]}")
    for path in (path for path, names in scripts().items() if not names):
        print(f"{path.name}: names no rule")


if __name__ == "__main__":
    main()
