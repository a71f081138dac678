"""External functions run in a process of their own: what happens there to one call happens to nobody else."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from hisee.external import External, ExternalError, Library
from hisee.external import library as module
from hisee.values import Invalid

SOURCE = r"""
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdbool.h>
static int calls;
double mix(double a, int b, bool c) { return c ? a + b : a - b; }
const char *greeting(const char *name) { static char text[64]; strcpy(text, "ahoj "); strncat(text, name, 50);
                                    return name[0] ? text : NULL; }
int counted(void) { return ++calls; }
int crash(int how) { if (how) abort(); return *(volatile int *)0; }
void hang(void) { for (;;) pause(); }
"""
DECLARED = """double mix(double a, int b, _Bool c); const char *greeting(const char *name); int counted(void); int crash(int how);
void hang(void); int absent(void);"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    (folder / "x.c").write_text(SOURCE)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "libx.so", folder / "x.c"], check=True)
    return folder / "libx.so"


def test_values_go_in_and_come_back(path: Path) -> None:
    with Library(path, DECLARED) as library:
        assert library.call("mix", 1.5, 2, True) == 3.5 and library.call("mix", 1, 2, False) == -1.0
        assert library.call("greeting", "žluť") == "ahoj žluť"
        assert library.call("greeting", "") == Invalid(1, "TEXT")
        assert library.call("mix", Invalid(3, "REAL"), 2, True) == Invalid(3, "REAL"), "an invalid argument is the result"
        assert [library.call("counted") for _ in range(3)] == [1, 2, 3], "one process serves all calls"


@pytest.mark.parametrize(("name", "arguments", "words"), [
    ("mix", (1.0,), "takes 3 arguments, not 1"), ("mix", ("x", 1, True), "'x' is no double"),
    ("mix", (1.0, 2**40, True), "(?i)overflow|integer"), ("greeting", ("a\0b",), "zero byte"),
    ("nothing", (), "nothing"), ("absent", (), "absent")])
def test_a_wrong_call_is_told_and_the_process_goes_on(path: Path, name: str, arguments: tuple, words: str) -> None:
    with Library(path, DECLARED) as library:
        library.call("counted")
        with pytest.raises(ExternalError, match=words) as told:
            library.call(name, *arguments)
        assert told.value.fault == "called" and library.call("counted") == 2


def test_a_crash_reaches_its_caller_only(path: Path) -> None:
    with Library(path, DECLARED) as library, Library(path, DECLARED) as other:
        assert other.call("counted") == 1
        for how, name in ((0, "SIGSEGV"), (1, "SIGABRT")):
            with pytest.raises(ExternalError, match=f"crashed: {name}") as told:
                library.call("crash", how)
            assert told.value.fault == "crashed"
        assert library.call("counted") == 1 and other.call("counted") == 2, "it was started again; the other one has gone on"


def test_one_that_hangs_is_ended_at_the_deadline(path: Path) -> None:
    with Library(path, DECLARED) as library:
        library.call("counted")
        pid, late = library.pid, []
        waiting = threading.Thread(target=lambda: late.append(library.call("counted")))
        with pytest.raises(ExternalError, match="did not end in time") as told:
            library.call("hang", deadline_s=0.2)
        assert told.value.fault == "late" and library.pid is None
        waiting.start()
        waiting.join(20)
        assert late == [1] and library.pid != pid


def test_one_that_dies_again_and_again_is_not_started(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DEATHS", 1)
    with Library(path, DECLARED) as library:
        library._deaths = module.deque(maxlen=1)
        with pytest.raises(ExternalError, match="crashed"):
            library.call("crash", 0)
        with pytest.raises(ExternalError, match="died 1 times") as told:
            library.call("counted")
        assert told.value.fault == "refused"


def test_only_listed_libraries_are_opened(path: Path, tmp_path: Path) -> None:
    functions = {"X.Mix": (str(path), "double mix(double a, int b, _Bool c);"), "X.Count": (str(path), "int counted(void);"),
                 "X.Bad": (str(tmp_path / "none.so"), "int f(void);"), "X.Other": ("/lib/other.so", "int g(void);")}
    external = External(functions, [str(path), str(tmp_path / "none.so")])
    try:
        assert external.call("X.Mix", 1.0, 1, True) == 2.0 and external.call("X.Count") == 1
        for name, words in (("X.Other", "not among those"), ("X.None", "no external function"), ("X.Bad", "cannot be used: .*none.so")):
            with pytest.raises(ExternalError, match=words):
                external.call(name)
    finally:
        external.close()
