"""tasks.py from bytes: marks, defaults, clear errors; from a name to what runs it."""

from __future__ import annotations

import json
import traceback

import pytest

import hisee
from hisee.engine.coordinator import Claim
from hisee.errors import HiseeError
from hisee.tasks import Options
from hisee.work.functions import Functions, SourceError, UnknownFunction

SOURCE = b'''"""Tasks of a plant."""
import hisee
FACTOR = 2

@hisee.task
def plain(ctx, a, b=5):
    return (a + b) * FACTOR

@hisee.task(queue="R", retries=3, priority=7, retry_s=2.5, idempotency_key=lambda day, **_: f"day {day}")
def marked(ctx, day, **more):
    return day

def not_marked(ctx, n=1):
    return n
'''


def loaded(source: bytes = SOURCE) -> Functions:
    functions = Functions()
    functions.load(source)
    return functions


def claim(func: str, **facts: object) -> Claim:
    plain = {"id": 1, "token": 1, "attempt": 1, "func": func, "args": {}, "queue": "general", "priority": 100, "due_ms": 0, "order_key": "",
             "created_ms": 0, "max_attempts": 5, "retry_s": 1.0, "timeout_s": 0.0}
    return Claim(**(plain | facts))


def test_marked_and_plain_functions_are_found() -> None:
    assert Functions().load(SOURCE) == ["tasks.marked", "tasks.not_marked", "tasks.plain"]
    assert "engine.echo" in loaded().names()
    made = loaded().request("tasks.not_marked", {"n": 3})
    assert (made.queue, made.priority, made.max_attempts) == ("general", Options().priority, Options().retries + 1)


def test_what_is_no_task_is_not_one() -> None:
    """Imported, private, without a place for ctx, or no function at all; a mark makes any of them a task."""
    functions = Functions()
    assert functions.load(b"""
import hisee, json
from json import dumps
from textwrap import dedent as cut
def _inner(ctx): pass
def nothing(): pass
def only_names(*, ctx): pass
def collects(*args): pass
class Plant:
    def start(self): pass
shown = lambda ctx: ctx
LIMIT = 3
@hisee.task
def _marked(ctx): pass
""") == ["tasks._marked", "tasks.shown"]
    with pytest.raises(UnknownFunction):
        functions.request("tasks.dumps", {})


def test_a_task_that_does_not_fit_is_tried_again_with_the_newest_text() -> None:
    functions, newer = loaded(), SOURCE + b"def fresh(ctx, c):\n    return c\n"
    asked = []

    def refresh() -> bool:
        asked.append(1)
        return bool(functions.differs(newer) and functions.load(newer))

    functions.refresh = refresh
    assert functions.prepare(claim("tasks.fresh", args={"c": 4})).args == {"c": 4}
    with pytest.raises(UnknownFunction):
        functions.prepare(claim("tasks.absent"))
    assert len(asked) == 2, "what fits asks for nothing"
    functions.prepare(claim("tasks.plain", args={"a": 1}))
    assert len(asked) == 2


def test_the_mark_leaves_the_function_as_it_is() -> None:
    @hisee.task(retries=0)
    def double(ctx: object, n: int) -> int:
        return 2 * n

    assert double(None, 4) == 8
    for wrong, said in (({"retries": -1}, "retries"), ({"priority": "R"}, "priority .* not 'R'"), ({"timeout_s": "2"}, "timeout_s"),
                        ({"quue": "R"}, "no option quue; there are queue, ")):
        with pytest.raises(ValueError, match=said):
            hisee.task(**wrong)


def test_prepare_binds_and_keeps_the_form() -> None:
    prepared = loaded().prepare(claim("tasks.plain", args={"a": 1}))
    assert prepared.call(None, **prepared.args) == 12
    form = json.loads(prepared.generated)
    assert form["func"] == "tasks.plain" and form["args"] == {"a": 1, "b": 5} and form["source"].startswith("tasks.py ")


@pytest.mark.req("R140")
def test_another_attempt_runs_the_form_that_was_kept() -> None:
    first = loaded().prepare(claim("tasks.plain", args={"a": 1}))
    changed = loaded(SOURCE.replace(b"b=5", b"b=50"))
    again = changed.prepare(claim("tasks.plain", args={"a": 1}, generated=first.generated, attempt=2))
    assert again.args == {"a": 1, "b": 5}


def test_extra_arguments_pass() -> None:
    assert loaded().prepare(claim("tasks.marked", args={"day": 1, "x": 2})).args == {"day": 1, "x": 2}


def test_a_default_that_is_no_json_is_not_kept() -> None:
    functions = loaded(b"import hisee\n@hisee.task\ndef f(ctx, a, b=print):\n    return a\n")
    prepared = functions.prepare(claim("tasks.f", args={"a": 1}))
    assert prepared.args == {"a": 1} and json.loads(prepared.generated)["args"] == {"a": 1}


@pytest.mark.parametrize("args", [{}, {"a": 1, "c": 2}])
def test_wrong_arguments_are_refused_with_the_name(args: dict[str, int]) -> None:
    with pytest.raises(hisee.Refuse, match="tasks.plain"):
        loaded().prepare(claim("tasks.plain", args=args))


@pytest.mark.parametrize(("func", "args", "said"), [
    ("engine.sleep", {"seconds": "abc"}, r'engine\.sleep: argument seconds = "abc": Expected `float`'),
    ("engine.report", {"name": "x", "source": 5}, "argument source = 5: Expected `str`"),
    ("engine.export", {"name": "x", "objects": "S.Main"}, "argument objects"),
    ("engine.calendar", {"name": "x", "year": None}, "argument year = null")])
def test_arguments_of_our_own_functions_have_types(func: str, args: dict[str, object], said: str) -> None:
    with pytest.raises(hisee.Refuse, match=said):
        Functions().request(func, args)
    assert Functions().request("engine.sleep", {"seconds": 2}).queue == "general"


def test_unknown_functions_name_those_that_exist() -> None:
    with pytest.raises(UnknownFunction, match=r"no function tasks\.absent.*tasks\.marked"):
        loaded().find("tasks.absent")


def test_a_request_takes_what_the_mark_says() -> None:
    made = loaded().request("tasks.marked", {"day": 3})
    assert (made.queue, made.max_attempts, made.priority, made.retry_s, made.key) == ("R", 4, 7, 2.5, "day 3")
    assert loaded().request("tasks.marked", {"day": 3}, queue="general", key="x").key == "x"
    assert loaded().request("engine.release", {}).queue == "R"
    assert loaded().request("program.copy", {}).queue == "general" and loaded().request("service.tariff", {}).queue == "java"


@pytest.mark.parametrize(("func", "queue"), [("tasks.plain", "java"), ("service.tariff", "general"), ("tasks.plain", "nowhere")])
def test_a_queue_that_cannot_run_it_is_refused(func: str, queue: str) -> None:
    with pytest.raises(hisee.Refuse, match=queue):
        loaded().request(func, {"a": 1}, queue=queue)


@pytest.mark.parametrize(("source", "said"), [
    (b"import hisee\ndef f(:\n", "line 2: SyntaxError"), (b"x = 1\ny = x / 0\n", "line 2: ZeroDivisionError"),
    (b"import no_such_module\n", "line 1: ModuleNotFoundError"), (b"\xff\xfe", "UnicodeDecodeError"), (b"raise SystemExit(3)\n", "line 1"),
    (b"import hisee\n@hisee.task(queue='nowhere')\ndef f(ctx): pass\n", "nowhere")])
def test_a_broken_text_is_named_and_changes_nothing(source: bytes, said: str) -> None:
    functions = loaded()
    with pytest.raises(HiseeError, match=said):
        functions.load(source)
    assert "tasks.plain" in functions.names()
    with pytest.raises(UnknownFunction, match=f"tasks.fresh: the newest text could not be loaded.*{said}"):
        functions.find("tasks.fresh")
    with pytest.raises(UnknownFunction, match="known: "):
        loaded().find("tasks.fresh")


def test_errors_of_the_text_show_its_line() -> None:
    functions = loaded(b"import hisee\n@hisee.task\ndef f(ctx):\n    raise KeyError('pump 7')\n")
    prepared = functions.prepare(claim("tasks.f"))
    try:
        prepared.call(None)
    except KeyError:
        shown = traceback.format_exc()
    assert 'File "tasks.py", line 4' in shown and "raise KeyError('pump 7')" in shown


def test_a_new_text_replaces_the_old_one() -> None:
    functions = loaded()
    functions.load(b"import hisee\n@hisee.task\ndef other(ctx): pass\n")
    assert [n for n in functions.names() if n.startswith("tasks.")] == ["tasks.other"]


def test_defaults_of_the_mark() -> None:
    assert Options() == ("general", 100, 4, 1.0, 0.0, "", "", "", "once")


def test_source_error_is_a_fault_of_the_user() -> None:
    assert issubclass(SourceError, HiseeError)
