"""Events through real processes: two event handlers, a console, calls between their scripts, starts, locks, conversations.

Each step is one procedure of events_app/events/E.Main, started by U.Step; what it saw stands in the event log.
"""

import re
import subprocess
from pathlib import Path

import pytest

import hisee
from esl.samples import in_system
from esl.scripts import expectations
from hisee import arrays
from hisee._core.values import decode, encode
from hisee._ext.embed import ffi, lib
from hisee.values import Invalid
from support.source import ROOT
from support.system import kill, running, until

pytestmark = pytest.mark.boot
APP = Path(__file__).parent / "events_app"


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    with running(APP, tmp_path_factory.mktemp("events") / "data") as started:
        yield started


@pytest.fixture
def client(system):
    with system.connect() as connected:
        yield connected


@pytest.fixture
def lines(system):
    """Texts of the event log."""
    return lambda: [line.split("] ", 1)[-1] for line in system.log("events.log").splitlines()]


@pytest.fixture
def step(client, lines):
    """Run one step; the lines that it left."""

    def run(number):
        before = len(lines())
        client.set("U.Step", 0)
        client.set("U.Step", number)
        until(lambda: f"step done {number}" in lines()[before:], f"step {number}", seconds=20)
        return lines()[before:]

    return run


def events(client):
    return sorted(row["object"] for row in client.ps() if row["kind"] == "EVS")


@pytest.mark.req("R13")
def test_server_and_start_up_events_begin_with_their_event_handler(client, lines):
    until(lambda: {"booted", "main ready", "counter ready"} <= set(lines()), "the events began")
    assert events(client) == ["E.Counter", "E.Desk", "E.Loop", "E.Main"]
    assert {row["name"] for row in client.ps() if row["kind"] == "EVH"} == {"SRV1.EVH", "AUX.EVH"}


def test_calls_in_every_form(step):
    seen = step(1)
    for line in ("counter ready", "sum=5", "sum=12 rc=0", "callee failed 3", "count 6", "procedure 16", "not open 8", "interface 36",
                 "3.0! second rc=0", "of the parent 1"):
        assert line in seen, (line, seen)


def test_a_trigger_event_gives_its_values_back_and_refuses_what_does_not_fit(step, lines):
    seen = step(2)
    for line in ("squared 49", "n=49", "other 9", "no trigger 36"):
        assert line in seen, (line, seen)
    until(lambda: "squared 2401" in lines(), "the start that nobody waited for")


def test_one_event_over_many_parts_of_the_language(step, lines, client):
    seen = step(7)
    for line in ("squared 49", "n=49", "bits=4", "its time 28-02-2007"):
        assert line in seen, (line, seen)
    assert any('date 28-02-2007 says "ok"' in line for line in seen)
    until(lambda: "squared 1" in lines(), "the start that nobody waited for")


def test_the_call_chain_goes_through_the_processes(step):
    line = re.compile(r"chain (\w+)_\d+\.EVS;([\w.]+)\(\d+\) \d+;(\w*): [1-9]\d*\Z")
    assert [match.groups() for text in step(8) if (match := line.match(text))] == [
        ("SRV1", "E.Who", "Look"), ("AUX", "E.Loop", "Deeper"), ("SRV1", "E.Main", "Chain"), ("SRV1", "E.Main", "Step")]


def test_containers_move_with_a_call_and_come_back(step):
    """One owner at any time: what is IN stays with the callee, what an error or a missing container stopped comes back as it was."""
    assert [line for line in step(10) if line.startswith("box")] == [
        "box unreadable 5 here 2",
        "box rc=0 given 1 here 1", "box two 2", "box unknown 22", "box still 2", "box broken 3", "box back 2", "box made rc=0 holds 10",
        "box there 1"]


def test_objects_go_with_a_call_as_references(step):
    """Into another process, whose scripts name none of them: used there, re-linked for the caller, checked, or taken as a value."""
    assert [line for line in step(11) if line.startswith("object")] == [
        "object given 21", "object rc=0 now 22 linked TRUE", "object of another structure 5", "object that is none 3",
        "object that is a value 17", "object in brackets 7", "object as a value 44", "object row by reference"]


def test_of_calls_of_two_callers_that_nobody_waits_for_the_newest_runs(step):
    """The first waits in the queue when the second replaces it; the third, whose caller waits, is never dropped."""
    seen = [line for line in step(9) if line.startswith("latest")]
    assert seen == ["latest 2", "latest 3", "latest of the caller 0"]


@pytest.mark.req("R59", "R60")
def test_openevent_opens_what_fits_where_it_fits(step, client):
    seen = step(2)
    assert {"no server event 36", "own parent 12", "no console 36"} <= set(seen)
    seen = step(3)
    for line in ("pair local", "pair remote", "marked 33 TRUE", "answer of the local part", "answer of the remote part",
                 "opened and called 201"):
        assert line in seen, (line, seen)
    until(lambda: not [r for r in client.ps() if r["kind"] in ("HIS", "SEE")], "CLOSE ended both parts")


def test_a_picture_starts_calls_and_closes_itself(client, lines):
    panel = client.console("WS1").open("S.Panel")
    panel.settle(10)
    panel.click("BtnGo")
    until(lambda: {"panel 36 rc 0 lock TRUE", "panel says 36"} <= set(lines()), "the picture started and called")
    until(lambda: panel["Lbl"].text == "the only console", "and was called")
    until(lambda: any(row["object"] == "E.Pair" for row in client.ps() if row["kind"] == "HIS"), "DIRECT = its own console")
    panel.click("BtnEnd")
    until(lambda: not any(row["object"] == "S.Panel" for row in client.ps()), "it closed itself")


def test_locks_commands_and_deadlocks(step, client):
    panel = client.console("WS1").open("S.Panel")
    panel.settle(10)
    seen = step(4)
    until(lambda: panel["Lbl"].text == "notified", "the picture was called")
    for line in ("mine TRUE", "after release TRUE", "ping 0", "nonsense 12", "back 18", "round 0", "self 18"):
        assert line in seen, (line, seen)
    assert any(line.startswith("theirs FALSE ") and line.endswith(";SRV1.EVH;E.Main;main") for line in seen)
    until(lambda: [m for m in client.console("WS1").messages if "from the event" in str(m)], "the message")
    assert "night" in client.tell("", "SHOW_ACCESS_LIST").text


def test_changes_of_columns_and_rows(step, lines):
    before = len(lines())
    step(5)
    until(lambda: {"tank 2/2 4.5", "tank 3/2 1", "any 1/1"} <= set(lines()[before:]), "the changes")
    assert not [line for line in lines()[before:] if line.startswith("tank 1")]


def test_the_survivor_of_a_conversation_is_told(step, lines, client):
    before = len(lines())
    step(6)
    until(lambda: "partner gone" in lines()[before:], "the end of the conversation")
    assert {"attached main", "sent hello"} <= set(lines()[before:])
    assert "E.Desk" not in events(client)


def test_a_trigger_event_starts_when_its_object_comes_into_the_state(client, lines):
    def trips():
        return lines().count("tripped")

    for value, wanted in ((True, 1), (True, 1), (False, 1), (True, 2)):
        client.set("U.Trip", value)
        until(lambda wanted=wanted: trips() == wanted, f"{wanted} starts")


def test_three_changes_of_a_value_reach_a_handler_that_then_leaves(client, lines):
    for level in (2.0, 3.0, 4.0, 5.0):
        client.set("U.Level", level)
        until(lambda level=level: f"level moved {min(3, int(level) - 1)}" in lines(), "the change")
    assert "level moved 4" not in lines()


def test_the_samples_of_events_do_what_they_say(client, lines, system):
    """Saved one after the other: each begins at once, and logs what its comments expect."""
    samples = in_system()
    for sample in samples:
        head = sample.head
        client.objects.save(f"E.{sample.name}", {"EVENT": f'event_type = "{head["event"]}"\nparent = "{head.get("parent", "SRV1.EVH")}"\n',
                                                 "ESLDefinition:1": sample.text})
        until(lambda name=f"E.{sample.name}": name in events(client), f"{sample.name} runs")
    for sample in samples:
        wanted = expectations(sample.text).lines
        until(lambda name=sample.name, wanted=wanted: len(logged_by(system, name)) >= len(wanted), f"what {sample.name} logs", 20)
        assert logged_by(system, sample.name)[:len(wanted)] == wanted


def logged_by(system, name):
    """Lines of the event log that this sample wrote, in order."""
    mark = re.compile(rf" E\.{name}\[L\](?::\d+)? (.*)$")
    return [found[1] for line in system.log("events.log").splitlines() if (found := mark.search(line))]


def test_a_saved_server_event_starts_anew_and_a_new_one_at_once(client, lines):
    client.objects.save("E.Loop", {"ESLDefinition:1": 'BEGIN\n  LOG "loop again"\nEND\n'})
    until(lambda: "loop again" in lines(), "the new text runs")
    client.objects.save("E.New", {"EVENT": 'event_type = "server"\n', "ESLDefinition:1": 'BEGIN\n  LOG "new event"\nEND\n'})
    until(lambda: "new event" in lines(), "the new event runs")


def test_states_of_a_process_start_events(client, lines, system):
    before = len(lines())
    kill(next(row["pid"] for row in client.ps() if row["name"] == "AUX.EVH"))
    until(lambda: {"aux crashed", "aux runs", "counter ready"} <= set(lines()[before:]), "the crash and the return started events", 20)
    assert lines()[before:].index("aux crashed") < lines()[before:].index("aux runs")
    assert lines()[before:].count("aux crashed") == 1


def test_the_death_of_an_event_handler_starts_its_events_again(client, lines, system):
    handler = next(row for row in client.ps() if row["name"] == "AUX.EVH")
    before = len(lines())
    client.tell("SRV1.RRS", "RESTART AUX.EVH")
    until(lambda: "counter ready" in lines()[before:], "the server event runs again", seconds=20)
    until(lambda: next(r for r in client.ps() if r["name"] == "AUX.EVH")["pid"] not in (0, None, handler["pid"]), "another process")


# -- the embedding API


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """examples/embed, built as its README says."""
    target = tmp_path_factory.mktemp("embed") / "add"
    place = f"{hisee.__path__[0]}/embed"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", f"-I{place}", str(ROOT / "examples/embed/add.c"), f"-L{place}", "-lhisee",
                    f"-Wl,-rpath,{place}", "-o", str(target)], check=True)
    return lambda *words: subprocess.run([target, *words], capture_output=True, text=True, check=False)


def test_a_c_program_calls_a_procedure(system, client, program, lines):
    until(lambda: "counter ready" in lines(), "the event is open")
    before = int(program(system.data, "E.Counter", "Add", "0").stdout)
    done = program(system.data, "E.Counter", "Add", "5")
    assert (done.returncode, int(done.stdout)) == (0, before + 5)
    refused = program(system.data, "E.Counter", "Nope", "5")
    assert refused.returncode == 1 and "error 16" in refused.stderr
    assert "there is no object E.None" in program(system.data, "E.None", "Add", "5").stderr
    assert "running system" in program(system.data.parent, "E.Counter", "Add", "5").stderr


def test_the_same_through_cffi(system, client, lines):
    until(lambda: "counter ready" in lines(), "the event is open")
    why, value = ffi.new("char[]", lib.HISEE_WHY), ffi.new("hisee_value_t[2]", [{"type": lib.HISEE_INT, "in_only": True}, {"type": 99}])
    link = lib.hisee_open(bytes(system.data), why)
    assert link, ffi.string(why)
    assert lib.hisee_call(link, b"E.Counter", b"Add", value, 2, 5000) == lib.HISEE_USAGE and b"type" in ffi.string(lib.hisee_why(link))
    value[1].type, value[1].reason = lib.HISEE_INT, 7
    assert lib.hisee_call(link, b"E.Counter", b"Add", value, 2, 5000) == 0 and value[1].reason == 0
    assert any(row["number"] == lib.hisee_number(link) for row in client.ps())
    value[1].type = lib.HISEE_TEXT
    value[1].reason = 1
    assert lib.hisee_call(link, b"E.Counter", b"Add", value, 2, 5000) > 0, "an INT does not come back as a TEXT"
    lib.hisee_close(link)


def test_rows_of_a_structured_variable(client):
    rows = client.rows("SV.Tanks")
    assert rows.rows == 3 and rows.names[0] == "Name"
    (plain,) = decode(encode([rows]))
    levels = plain.columns[list(rows.names).index("Level")]
    assert list(arrays.valid(rows, "Level")) == [level is not None and not isinstance(level, Invalid) for level in levels]
    with pytest.raises(ValueError, match="no structured variable"):
        client.rows("U.Step")
    with pytest.raises(ValueError, match="unknown"):
        client.rows("SV.None")
