"""Rules of the language and the scripts that check them. `python tests/esl/rules.py` prints the rules that no script checks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
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
    return {path: named(path) for path in sorted((HERE / "language").rglob("*.esl"))}


def unchecked() -> list[str]:
    seen = {name for names in scripts().values() for name in names}
    return [name for name in table()[0] if name not in seen]


def main() -> None:
    rules, _ = table()
    for name in unchecked():
        print(f"{name:<26} {rules[name]}")
    for path in (path for path, names in scripts().items() if not names):
        print(f"{path.name}: names no rule")


if __name__ == "__main__":
    main()
