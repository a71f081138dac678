"""Compiles the Java work process into one jar, with the numbers of the tables; needs javac 17 and nothing else.

    python java/build.py OUTPUT.jar
"""

from __future__ import annotations

import hashlib
import importlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "src"
SCHEMA = HERE.parent / "core/schema"
TABLE = "hisee/jwp/Table.java"
STAMP = (1980, 1, 1, 0, 0, 0)  # of every entry: the same sources give the same jar
NO_COMPILER = "no javac: built without the Java work process (Debian: default-jdk-headless)"


def rows(table: str) -> list[Any]:
    sys.path.insert(0, str(SCHEMA))
    try:
        return list(importlib.import_module(table).TABLE.rows)
    finally:
        sys.path.remove(str(SCHEMA))


def constants() -> dict[str, int]:
    """Message kinds, lanes, errors and extended reasons under the names that Java uses for them."""
    named = [(row.name, row.number) for row in rows("messages")]
    named += [("LANE_" + re.sub(r"\W", "_", row.name).upper(), row.number) for row in rows("lanes")]
    named += [(row.name.strip("_"), row.number) for table in ("errors", "extended") for row in rows(table)]
    if len(dict(named)) != len(named):
        raise SystemExit("java/build.py: two tables use the same name")
    return dict(named)


def table_source() -> str:
    lines = "\n".join(f"    static final int {name} = {number};" for name, number in constants().items())
    head = "package hisee.jwp;\n\n/** Numbers of the tables in core/schema; made by java/build.py. */\nfinal class Table {\n"
    return f"{head}{lines}\n\n    private Table() {{}}\n}}\n"


def digest() -> str:
    """Names everything that the jar is made of: equal texts, equal jar."""
    parts = [table_source().encode(), Path(__file__).read_bytes()]
    parts += [str(p.relative_to(SOURCES)).encode() + p.read_bytes() for p in sorted(SOURCES.rglob("*")) if p.is_file()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def compile_into(folder: Path, more: list[Path] | None = None, *, class_path: Path | None = None) -> None:
    """Classes of our sources, or of `more` against `class_path`, below `folder`. Raises SystemExit with javac's words."""
    files = more
    if files is None:
        generated = folder / "generated" / TABLE
        generated.parent.mkdir(parents=True)
        generated.write_text(table_source())
        files = [*sorted(SOURCES.rglob("*.java")), generated]
    path = ["-cp", str(class_path)] if class_path else []
    done = subprocess.run(["javac", "--release", "17", "-Xlint:all", "-Werror", "-encoding", "UTF-8", *path, "-d", str(folder / "classes"),
                           *map(str, files)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"javac failed:\n{done.stdout}{done.stderr}")


def write_jar(classes: Path, output: Path) -> None:
    entries = {str(p.relative_to(root)): p for root in (classes, SOURCES) for p in sorted(root.rglob("*"))
               if p.is_file() and (root is classes or p.suffix != ".java")}
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as jar:
        for name in sorted(entries, key=lambda n: (not n.startswith("META-INF"), n)):
            jar.writestr(zipfile.ZipInfo(name, STAMP), entries[name].read_bytes(), zipfile.ZIP_DEFLATED)
    part.replace(output)


def build(output: Path) -> bool:
    """Make the jar; False and one line on standard error when there is no compiler."""
    if shutil.which("javac") is None:
        print(f"hisee: {NO_COMPILER}", file=sys.stderr)
        return False
    with tempfile.TemporaryDirectory() as folder:
        compile_into(Path(folder))
        write_jar(Path(folder) / "classes", output)
    return True


if __name__ == "__main__":
    build(Path(sys.argv[1]))
