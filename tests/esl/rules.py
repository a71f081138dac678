"""Rules of the language and the tests that check them. `python tests/esl/rules.py` prints the rules that no test checks.

A rule's script stands in language/ (it runs) or mistakes/ (it is refused) and names the rule in its head comment; a test in Python
names it at the end of the first line of its docstring. Both write `[name, name]`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
LIST = r"\[([a-z0-9-]+(?:, [a-z0-9-]+)*)\]"
NAMES = re.compile(LIST + r"\s*$")
DOCSTRING = re.compile(r"^def test_.*\n    \"\"\".*" + LIST + r"(?:\"\"\")?$", re.MULTILINE)


def table() -> tuple[dict[str, str], list[str]]:
    """The rules by name, and the names of those that may be without a test today."""
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
    return {path: named(path) for folder in ("language", "mistakes") for path in sorted((HERE / folder).rglob("*.esl"))}


def proofs() -> dict[Path, list[str]]:
    """Rules that the tests in Python name."""
    found = {path: DOCSTRING.findall(path.read_text()) for path in sorted(HERE.parent.rglob("test_*.py"))}
    return {path: ", ".join(lists).split(", ") for path, lists in found.items() if lists}


def unchecked() -> list[str]:
    seen = {name for names in (scripts() | proofs()).values() for name in names}
    return [name for name in table()[0] if name not in seen]


def main() -> None:
    rules, _ = table()
    for name in unchecked():
        print(f"{name:<26} {rules[name]}")


if __name__ == "__main__":
    main()
