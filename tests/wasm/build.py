"""The machine compiled to WebAssembly: the C of `hisee._core.vm`, as setup.py lists it, with Debian's clang, lld and wasi-libc."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.c_sources import sources_of

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


def build(folder: Path, optimize: str = "-O2") -> Path:
    """The program; CalledProcessError with the compiler's words when it does not compile."""
    def compiled(source: Path) -> Path:
        target = folder / (source.stem + ".o")
        run(["clang", *FLAGS, optimize, f"-I{ROOT / 'core/c'}", "-c", str(source), "-o", str(target)])
        return target

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compiled, [*sources_of("hisee._core.vm"), GUEST]))
    program = folder / "machine.wasm"
    run(["clang", "--target=wasm32-wasi", f"-Wl,-z,stack-size={STACK_BYTES}", *map(str, objects), "-lm", "-o", str(program)])
    return program


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command[:3])} ..: {done.stderr[-4000:]}"
