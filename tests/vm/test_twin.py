"""The whole VM suite again, on the switch dispatch and under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"


def done(command: list[str], root: Path, **env: str) -> None:
    ran = subprocess.run(command, cwd=root, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=420)
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-6000:]


def built(root: Path, into: Path, **env: str) -> Path:
    """A build of the VM of its own; the installed one stays as it is."""
    places = ["--build-lib", str(into / "lib"), "--build-temp", str(into / "temp")]
    done([sys.executable, "setup.py", "-q", "build_ext", *places], root, HISEE_ONLY="hisee._core.vm", **env)
    return into / "lib" / "hisee" / "_core"


def suite_on(root: Path, vm: Path, **env: str) -> None:
    """`-s`: a sanitizer's last words must not be lost with the captured output."""
    options = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--ignore", "tests/vm/test_twin.py"]
    done([sys.executable, "-m", "pytest", "tests/vm", *options], root, HISEE_VM_DIR=str(vm), **env)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_switch_twin_passes_the_same_suite(root: Path, tmp_path: Path) -> None:
    vm = built(root, tmp_path, HISEE_DEFINES="ESL_COMPUTED_GOTO=0")
    suite_on(root, vm, HISEE_VM_DISPATCH="switch")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_reads_or_writes_where_it_must_not(root: Path, tmp_path: Path) -> None:
    library = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=False).stdout.strip()
    if not os.path.isabs(library):
        pytest.skip("gcc has no libasan here")
    vm = built(root, tmp_path, CFLAGS=SANITIZE, LDFLAGS=SANITIZE)
    suite_on(root, vm, LD_PRELOAD=library, ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1", PYTHONMALLOC="malloc")
