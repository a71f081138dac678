"""What holds for every test: nothing stays behind, and requirement marks are collected."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.leftovers import children, eventually, shared_memory

settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", deadline=None, max_examples=20_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data directory; no other one is reachable through the environment."""
    monkeypatch.delenv("HISEE_DATA", raising=False)
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True, scope="module")
def nothing_left_behind() -> Iterator[None]:
    """A module ends with the child processes and shared-memory names it began with.

    Per module, not per test: a system may serve all tests of its module.
    """
    before = children(os.getpid())
    yield
    eventually(lambda: not (children(os.getpid()) - before), "child processes left")
    assert not shared_memory(), "shared memory is findable by name"
