"""External functions run in a process of their own: what happens there to one call happens to nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hisee.external import External, ExternalError, Library
from hisee.external import library as module
from hisee.external.declaration import DeclarationError, Declared, declared
from hisee.values import Invalid
from support.foreign import HEADER, build, release, wait_until_gone


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("library"))


def test_values_go_in_and_come_back(path: Path) -> None:
    with Library(path, HEADER) as library:
        assert library.call("mix", 1.5, 2, True) == 3.5 and library.call("mix", 1, 2, False) == -1.0
        assert library.call("greeting", "žluť") == "ahoj žluť"
        assert library.call("greeting", "") == Invalid(1, "TEXT")
        assert library.call("mix", Invalid(3, "REAL"), 2, True) == Invalid(3, "REAL"), "an invalid argument is the result"
        assert [library.call("counted") for _ in range(3)] == [1, 2, 3], "one process serves all calls"


@pytest.mark.parametrize(("name", "arguments", "result"), [
    ("is_even", (4,), True), ("is_even", (2**62 + 1,), False), ("huge", (), Invalid(2, "INT")), ("special", (0,), Invalid(2, "REAL")),
    ("special", (1,), Invalid(2, "REAL")), ("half", (0.5,), 0.25), ("small", (-128,), -128), ("letter", (200,), 201),
    ("next", (4,), -1), ("next", (-1,), 4), ("broken", (), "a�z"), ("note", (), Invalid(1, "INT"))])
def test_types_of_c(path: Path, name: str, arguments: tuple, result: object) -> None:
    with Library(path, HEADER) as library:
        assert library.call(name, *arguments) == result


@pytest.mark.parametrize(("name", "arguments", "words"), [
    ("mix", (1.0,), "takes 3 arguments, not 1"), ("mix", ("x", 1, True), "'x' is no double"), ("mix", (1.0, 2, 3), "3 is no _Bool"),
    ("mix", (1.0, 2**40, True), "(?i)overflow|integer"), ("small", (128,), "(?i)overflow|integer"), ("letter", (256,), "range"),
    ("greeting", ("a\0b",), "zero byte"), ("greeting", ("a" * (17 << 20),), "more than 16777216"),
    ("nothing", (), "nothing"), ("absent", (), "absent")])
def test_a_wrong_call_is_told_and_the_process_goes_on(path: Path, name: str, arguments: tuple, words: str) -> None:
    with Library(path, HEADER) as library:
        library.call("counted")
        with pytest.raises(ExternalError, match=words) as told:
            library.call(name, *arguments)
        assert told.value.fault == "called" and library.call("counted") == 2
        assert (library.figures.calls, library.figures.failed, library.figures.starts) == (3, 1, 1)


def test_headers_of_several_objects_share_the_process(path: Path) -> None:
    with Library(path) as library:
        assert library.call("counted", declaration="int counted(void);") == 1
        assert library.call("counted", declaration="typedef int number;\nnumber counted(void);") == 2
        with pytest.raises(ExternalError, match="no C: At end of input"):
            library.call("counted", declaration="int counted(")
        assert library.call("half", 3.0, declaration="float half(float);") == 1.5
        assert library.call("counted", declaration="int counted(void);") == 3


def test_a_crash_reaches_its_caller_only(path: Path) -> None:
    with Library(path, HEADER) as library, Library(path, HEADER) as other:
        assert other.call("counted") == 1
        for how, name in ((0, "SIGSEGV"), (1, "SIGABRT"), (2, "exit 3")):
            with pytest.raises(ExternalError, match=f"crashed: {name}") as told:
                library.call("crash", how)
            assert told.value.fault == "crashed" and library.figures.ended == name
        assert library.call("counted") == 1 and other.call("counted") == 2, "it was started again; the other one has gone on"
        assert library.figures.starts == 4


def test_one_that_hangs_is_ended_at_the_deadline(path: Path) -> None:
    with Library(path, HEADER) as library:
        library.call("counted")
        pid, late = library.pid, []
        waiting = threading.Thread(target=lambda: late.append(library.call("counted")))
        with pytest.raises(ExternalError, match="did not end in time") as told:
            library.call("hang", deadline_s=0.2)
        assert told.value.fault == "late" and library.pid is None
        waiting.start()
        waiting.join(20)
        assert late == [1] and library.pid != pid


def test_one_that_was_killed_between_two_calls_is_no_fault_of_the_next(path: Path) -> None:
    with Library(path, HEADER) as library:
        pid = library.call("pid")
        os.kill(pid, signal.SIGKILL)
        assert wait_until_gone(pid)
        assert library.call("pid") != pid and library.figures.ended == "SIGKILL" and library.figures.failed == 0


@pytest.mark.parametrize("how", [0, 1, 2])
def test_one_that_writes_into_the_way_to_its_owner_is_ended(path: Path, how: int) -> None:
    with Library(path, HEADER) as library:
        pid = library.call("pid")
        with pytest.raises(ExternalError, match="no answer") as told:
            library.call("forge", how)
        assert told.value.fault == "crashed" and library.pid is None
        assert library.call("pid") != pid and library.call("counted") == 1


def test_one_that_dies_again_and_again_is_not_started(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Library(path, HEADER) as library:
        for _ in range(module.MOST_DEATHS):
            with pytest.raises(ExternalError, match="crashed"):
                library.call("crash", 1)
        with pytest.raises(ExternalError, match="died 5 times") as told:
            library.call("counted")
        assert told.value.fault == "refused" and "when the time is over" in told.value.hint
        monkeypatch.setattr(module, "WINDOW_S", 0.0)
        assert library.call("counted") == 1


def test_the_library_sees_neither_secrets_nor_our_output(path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> None:
    monkeypatch.setenv("HISEE_TEST_SECRET", "x")
    with Library(path, HEADER) as library:
        assert library.call("secret") == Invalid(1, "TEXT")
        library.call("shout")
    seen = capfd.readouterr()
    assert seen.out == "" and "out of the library" in seen.err


OWNER = """
import sys
from hisee.external import Library
library = Library(sys.argv[1], "int pid(void); void hang(void);")
print(library.call("pid"), flush=True)
library.call("hang", deadline_s=1000)
"""


def test_it_ends_with_its_owner_even_in_the_middle_of_a_call(path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, path], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert wait_until_gone(pid)


def collected(external: External, path: str, count: int) -> tuple[list[object], threading.Event]:
    results: list[object] = []
    all_there = threading.Event()

    def work(library: Library) -> None:
        results.append(library.call("counted", declaration=HEADER))
        if len(results) == count:
            all_there.set()

    for _ in range(count):
        external.put(path, work)
    return results, all_there


def test_calls_of_a_library_take_turns_and_other_libraries_go_on(path: Path, tmp_path: Path) -> None:
    other = build(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    external = External([str(path), str(other)])
    try:
        held: list[object] = []
        external.put(str(path), lambda library: held.append(library.call("held", str(tmp_path / "fifo"), declaration=HEADER)))
        behind, behind_there = collected(external, str(path), 3)
        beside, beside_there = collected(external, str(other), 3)
        assert beside_there.wait(20) and beside == [1, 2, 3] and behind == held == []
        assert [state.waiting for state in external.states() if state.path == str(path)] == [3]
        release(tmp_path / "fifo")
        assert behind_there.wait(20) and behind == [1, 2, 3] and held == [1]
        states = external.states()
        shown = {state.path: (state.running, state.calls, state.failed, state.starts) for state in states}
        assert shown == {str(path): (True, 4, 0, 1), str(other): (True, 3, 0, 1)}
    finally:
        external.close()
    assert all(wait_until_gone(state.pid) for state in states)


def test_only_listed_libraries_are_opened(path: Path, tmp_path: Path) -> None:
    external = External([str(path), str(tmp_path / "none.so")])
    try:
        with pytest.raises(ExternalError, match="not among those that may be opened: .*libx.so") as told:
            external.put("/lib/other.so", lambda library: None)
        assert told.value.fault == "refused" and "[scripts]" in told.value.hint
        failures: list[str] = []
        over = threading.Event()

        def work(library: Library) -> None:
            try:
                library.call("f", declaration="int f(void);")
            except ExternalError as error:
                failures.append(str(error))
            over.set()

        external.put(str(tmp_path / "none.so"), work)
        assert over.wait(20) and "cannot be used" in failures[0] and "none.so" in failures[0]
    finally:
        external.close()


def test_closing_ends_a_call_that_hangs(path: Path) -> None:
    external = External([str(path)])
    failures: list[str] = []
    begun = threading.Event()

    def work(library: Library) -> None:
        library.call("counted", declaration=HEADER)
        begun.set()
        try:
            library.call("hang", declaration=HEADER, deadline_s=1000)
        except ExternalError as error:
            failures.append(error.fault)

    external.put(str(path), work)
    assert begun.wait(20)
    external.close()
    assert failures == ["crashed"] and external.states() == []


def test_closing_wins_over_a_process_that_is_just_started(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, closers = Library(path, HEADER), []

    class Starting(subprocess.Popen):
        def __init__(self, *words: object, **more: object) -> None:
            super().__init__(*words, **more)
            closers.append(threading.Thread(target=library.close))
            closers[0].start()
            while not library._closing:
                pass

    monkeypatch.setattr(subprocess, "Popen", Starting)
    with pytest.raises(ExternalError, match="is closed"):
        library.call("hang", deadline_s=1000)
    closers[0].join(20)
    assert library.pid is None and not closers[0].is_alive()


def test_declarations() -> None:
    assert declared("double enthalpy(double p_bar, double t_celsius);") == Declared("enthalpy", ("REAL", "REAL"), "REAL")
    text = "typedef int64_t my;\n/* f(x); */ extern my\nf(my a, char *s, bool b);"
    assert declared(text) == Declared("f", ("INT", "TEXT", "BOOL"), "INT")
    assert declared(HEADER, "next") == Declared("next", ("INT",), "INT")
    assert declared("void go(void);") == Declared("go", (), "")


@pytest.mark.parametrize(("header", "function", "words", "line"), [
    ("double f(double", "", "At end of input", 1), ("int a(void);\nint f(unknown_t x);", "", "before x in", 2),
    ("", "", "declares no function", 1), ("int x;", "", "declares no function", 1), ("int f(void);", "g", "no function g", 1),
    ("int f(void); int g(void);", "", "several functions .f, g.: say which one by `function`", 1),
    ("int a;\n\nint f(const char *format, ...);", "", "any number of arguments", 3),
    ("\nint f(int a, double *out);", "", "parameter 2 of f is `double \\*`", 2),
    ("struct s { int a; };\nint f(struct s v);", "", "parameter 1 of f is `struct s`", 2),
    ("struct q *f(void);", "", "f gives `struct q \\*`", 1), ("long double f(void);", "", "f gives `long double`", 1),
    ("int f(void) { return 1; }", "", "not valid in cdef", 1), ("int f(int," + "(" * 9000, "", "no C", 1),
    ("// " + "x" * 20_000, "", "at most 16384", 1)])
def test_a_header_of_no_use_says_why_and_where(header: str, function: str, words: str, line: int) -> None:
    with pytest.raises(DeclarationError, match=words) as told:
        declared(header, function)
    assert told.value.line == line
