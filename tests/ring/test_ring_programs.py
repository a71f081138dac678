"""The product's C ring under ThreadSanitizer, between two processes, and killed at every instruction.

HISEE_TEST_FULL=1 runs the long forms: ten million records, every instruction, more real kills.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .build import FULL, compile_program, run


def figures(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"(points|kills|violations) (\d+)", text)}


@pytest.mark.slow
def test_two_threads_without_data_race(tmp_path: Path) -> None:
    done = run(compile_program(tmp_path, "ring_threads", "-g", "-fsanitize=thread"), 1_000_000 if FULL else 50_000)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_thread_sanitizer_sees_a_commit_without_release(tmp_path: Path) -> None:
    program = compile_program(tmp_path, "ring_threads", "-g", "-fsanitize=thread", "-DESL_RING_MUTANT_RELAXED")
    assert "data race" in run(program, 5_000).stderr


@pytest.mark.slow
@pytest.mark.req("R48")
@pytest.mark.parametrize("how", [1, 2], ids=["futex", "bell"])
@pytest.mark.parametrize("slow", [0, 1, 2], ids=["even", "slow producer", "slow consumer"])
def test_two_processes_keep_order_and_content(tmp_path: Path, slow: int, how: int) -> None:
    done = run(compile_program(tmp_path, "ring_processes"), 10_000_000 if FULL else 150_000, slow, how)
    assert done.returncode == 0, done.stdout


SWEEP = (1, 499) if FULL else (7, 997)  # look at every n-th instruction, kill at every n-th


@pytest.mark.slow
@pytest.mark.parametrize("role", ["publish", "consume"])
def test_a_kill_at_any_instruction_leaves_whole_records(tmp_path: Path, role: str) -> None:
    done = run(compile_program(tmp_path, "ring_sweep"), role, *SWEEP)
    seen = figures(done.stdout)
    assert done.returncode == 0, done.stdout
    assert seen["violations"] == 0
    assert seen["points"] >= (10_000 if FULL else 1_000)
    assert seen["kills"] >= (20 if FULL else 3)


@pytest.mark.slow
@pytest.mark.parametrize(("mutant", "role"), [("TAILFIRST", "publish"), ("ALIGN", "publish"), ("HEADFIRST", "consume")])
def test_the_sweep_catches_seeded_mistakes(tmp_path: Path, mutant: str, role: str) -> None:
    done = run(compile_program(tmp_path, "ring_sweep", f"-DESL_RING_MUTANT_{mutant}"), role, 7, 0)
    assert done.returncode == 1, done.stdout
    assert figures(done.stdout)["violations"] > 10
