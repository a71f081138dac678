"""The machine compiled to WebAssembly: the C of `hisee._core.vm`, as setup.py lists it, with Debian's clang, lld and wasi-libc."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUEST = Path(__file__).with_name("guest.c")
RUNNER = Path(__file__).with_name("run.mjs")
# there is no computed goto in WebAssembly; clang's warning is about `|` where we want no jump
FLAGS = ["--target=wasm32-wasi", "-std=gnu11", "-ffp-contract=off", "-fno-strict-aliasing", "-DESL_COMPUTED_GOTO=0", "-Wall", "-Wextra",
         "-Werror", "-Wno-unknown-warning-option", "-Wno-bitwise-instead-of-logical"]
STACK_BYTES = 1 << 20
PROGRAMS = ("clang", "wasm-ld", "node")
SYSTEM_PACKAGES = "clang lld wasi-libc libclang-rt-dev-wasm32 nodejs"


def missing() -> str:
    """What is not installed of the tools, with the line that installs it; "" when all are there."""
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    if not Path("/usr/include/wasm32-wasi").exists():
        absent.append("wasi-libc")
    return f"not installed: {', '.join(absent)}; apt-get install {SYSTEM_PACKAGES}" if absent else ""


def sources() -> list[Path]:
    """What setup.py compiles into the module of the machine."""
    known = {node.targets[0].id: node.value for node in ast.parse((ROOT / "setup.py").read_text()).body
             if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    extensions = known["EXTENSIONS"]
    assert isinstance(extensions, ast.Dict)
    of_module = {key.value: value for key, value in zip(extensions.keys, extensions.values, strict=True) if isinstance(key, ast.Constant)}
    return [ROOT / "core/c" / f"{name}.c" for name in listed(of_module["hisee._core.vm"], known)]


def listed(node: ast.expr, known: Mapping[str, ast.expr]) -> list[str]:
    """Texts of a list that may hold other lists by name."""
    assert isinstance(node, ast.List)
    found: list[str] = []
    for item in node.elts:
        if isinstance(item, ast.Starred) and isinstance(item.value, ast.Name):
            found += listed(known[item.value.id], known)
        else:
            found.append(ast.literal_eval(item))
    return found


def build(folder: Path, optimize: str = "-O2") -> Path:
    """The program; CalledProcessError with the compiler's words when it does not compile."""
    def compiled(source: Path) -> Path:
        target = folder / (source.stem + ".o")
        run(["clang", *FLAGS, optimize, f"-I{ROOT / 'core/c'}", "-c", str(source), "-o", str(target)])
        return target

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compiled, [*sources(), GUEST]))
    program = folder / "machine.wasm"
    run(["clang", "--target=wasm32-wasi", f"-Wl,-z,stack-size={STACK_BYTES}", *map(str, objects), "-lm", "-o", str(program)])
    return program


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command[:3])} ..: {done.stderr[-4000:]}"
