"""The data plane of the router in C: threads, real rings and sockets under both sanitizers; seeded mistakes are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from .build import FULL, ROUTER, compile_program, run

MESSAGES = 20_000 if FULL else 300


@pytest.mark.slow
@pytest.mark.req("R48", "R49")
@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
def test_what_passes_keeps_order_and_content_and_delays_nobody(tmp_path: Path, sanitizer: str) -> None:
    done = run(compile_program(tmp_path, "router_check", "-g", f"-fsanitize={sanitizer}", also=ROUTER), MESSAGES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("mutant", "line"), [
    ("ROUTER_MUTANT_OVERTAKE", "e.corr == ++seen"), ("ROUTER_MUTANT_NOTURN", "parts_before < 100"),
    ("ROUTER_MUTANT_ANYBODY", "poll(&p, 1, LIMIT_MS) == 1"), ("ROUTER_MUTANT_BEHIND", "e.corr == 3"),
    ("BOOK_MUTANT_CIRCLE", "poll(&p, 1, LIMIT_MS) == 1"), ("BOOK_MUTANT_ANYBODY", "poll(&p, 1, LIMIT_MS) == 1")])
def test_a_seeded_mistake_is_found(tmp_path: Path, mutant: str, line: str) -> None:
    done = run(compile_program(tmp_path, "router_check", f"-DESL_{mutant}", "-DLIMIT_MS=2000", also=ROUTER), MESSAGES)
    assert done.returncode == 1, done.stdout
    assert line in done.stderr
