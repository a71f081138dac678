"""What holds for every test: nothing stays behind, and requirement marks are collected."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.leftovers import children, eventually, shared_memory

settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", deadline=None, max_examples=20_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

# a run in the background of a shell begins with Ctrl-C switched off, and every process it starts would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)

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
    eventually(lambda: not shared_memory(), "shared memory is findable by name")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands such as DI OFF change the levels of this process's loggers; the next test starts with them as they were."""
    known = [logging.getLogger(), *(one for one in logging.Logger.manager.loggerDict.values() if isinstance(one, logging.Logger))]
    before = [(one, one.level, one.propagate, one.disabled) for one in known]
    handlers = list(logging.getLogger().handlers)
    yield
    for one, level, propagate, disabled in before:
        one.level, one.propagate, one.disabled = level, propagate, disabled
    for handler in logging.getLogger().handlers[:]:
        if handler not in handlers and not type(handler).__module__.startswith("_pytest"):
            logging.getLogger().removeHandler(handler)
    logging.getLogger().manager._clear_cache()  # type: ignore[attr-defined]


PASSED: set[str] = set()


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Remember the requirement numbers of every test whose body really ran and passed."""
    if call.when == "call" and call.excinfo is None:
        PASSED.update(number for mark in item.iter_markers("req") for number in mark.args)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """For `./hisee test`, whose runs together are everything: what this one has proved."""
    if os.environ.get("HISEE_PROVED"):
        Path(os.environ["HISEE_PROVED"]).write_text("\n".join(sorted(PASSED)))
