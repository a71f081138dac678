"""`hisee run`: what a script logs is standard output, everything else standard error; exit codes as documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from esl.scripts import expectations
from hisee.schema.exits import Exit
from support.command import hisee


@pytest.fixture
def script(tmp_path: Path):
    """Writes a script and runs it with the given options."""

    def run(text: str, *words: str):
        file = tmp_path / "one.esl"
        file.write_text(text)
        return hisee("run", str(file), *words, cwd=tmp_path)

    return run


def test_logs_are_lines_of_standard_output(script):
    done = script('INT _a\nBEGIN\n  _a := 41 + 1\n  LOG "answer", _a\n  LOGEX "done"\n')
    assert (done.returncode, done.stdout) == (Exit.OK, "answer 42\ndone\n")


def test_messages_keep_their_place_among_the_logs(script):
    done = script("".join(["BEGIN\n", *(f'  MESSAGE "m{i}" ON SELF.HIP\n  LOG "l{i}"\n' for i in range(20))]))
    assert done.stdout.split() == [f"{kind}{i}" for i in range(20) for kind in "ml"]


def test_a_line_break_in_a_log_stays_one_line(script):
    done = script('BEGIN\n  LOGEX "a" + %Chr(10) + "b"\n')
    assert done.stdout == "a\\nb\n"


def test_a_log_is_cut_and_a_number_in_it_rounded(script):
    """The same script as the conformance suite has, and the same lines."""
    path = Path(__file__).parents[1] / "esl/language/log_lengths.esl"
    done = script(path.read_text())
    assert done.stdout.splitlines() == expectations(path.read_text()).lines


def test_a_text_that_was_cut_is_a_text_to_every_action(script):
    """Its mark goes with values; what an action reads is the text alone."""
    done = script('TEXT _s\nBEGIN\n  _s := %StrRepeat("x", 99999) + "ab"\n  LOG _s\n  LOG "value", _s\n  LOGEX _s\n  MESSAGE _s\n')
    assert done.stdout.splitlines() == ["x" * 200, "value " + "x" * 20, "x" * 200, "x" * 99_999 + "a"]


def test_an_object_without_an_application_names_the_option(script):
    done = script("BEGIN\n  U.X := 1\n")
    assert done.returncode == Exit.FINDINGS and done.stdout == "" and "--app" in done.stderr


def test_an_unhandled_error_names_line_and_error(script):
    done = script("INT _a\nBEGIN\n  IF %SetValid(_a, @FALSE) > 1 THEN\n  ENDIF\n")
    assert done.returncode == Exit.FINDINGS and done.stderr.startswith("one line 3: unhandled _ERR_EXPRESSION_STATUS")
    assert len(done.stderr.splitlines()) == 1, "it is told once"


@pytest.mark.parametrize("options", [("--fuel", "10000"), ("--timeout", "0.3")])
def test_a_limit_ends_an_endless_script(script, options):
    done = script("INT _a\nBEGIN\n  DO_LOOP\n    _a := 1\n  END_LOOP\n", *options)
    assert done.returncode == Exit.FINDINGS and done.stderr.startswith("one line ") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("option", [("--timeout", "0"), ("--timeout", "x"), ("--fuel", "0"), ("--arg", "x=1")])
def test_wrong_options_are_usage(script, option):
    done = script("BEGIN\n", *option)
    assert done.returncode == Exit.USAGE and option[1] in done.stderr and len(done.stderr.splitlines()) == 1


EVENTS = Path(__file__).parents[1] / "proc" / "events_app"


def test_events_of_the_application_run_when_the_script_asks_for_them(script):
    done = script("""INT _n, _sum
BEGIN
  _n := 7
  EVENT E.Square (_n = _n)
  LOG "n", _n
  OPENEVENT E.Counter DIRECT INSTANCE 2 SYNC
  CALL [E.Counter] Add(5, _sum) ON AUX.EVH INSTANCE 2
  LOG "sum", _sum
  EVENT E.Square (_n = _n) ASYNC
END
""", "--app", str(EVENTS))
    assert done.stdout.splitlines() == ["squared 49", "n 49", "counter ready", "sum 5", "squared 2401"], done.stderr


def test_functions_reach_objects_and_what_the_application_allows(script, tmp_path: Path):
    app, files = tmp_path / "app", tmp_path / "files"
    app.mkdir()
    files.mkdir()
    (app / "app.toml").write_text(
        f'name = "PLANT"\n[nodes.SRV1]\nprocesses = [{{kind = "server"}}]\n[scripts]\nfiles = "{files}"\n')
    (app / "objects.toml").write_text(
        '["SD.Tank"]\ntype = "structure_definition"\ncolumns = [["Name", "TEXT"], ["Level", "REAL"]]\n'
        '["SV.Tanks"]\ntype = "structured_variable"\ndefinition = "SD.Tank"\nrows = 3\n'
        '["U.Count"]\ntype = "user_variable"\nvalue_type = "INT"\ninitial = 7\n')
    done = script("\n".join([
        "ALIAS _o", "INT _h", "BEGIN",
        '_h := %ObjFind("u.count")', 'LOG "open", %OpenRefToObject(_h, @TRUE)', "SET _o AS (_h)", 'LOG "value", _o',
        'LOG "type", %ObjType(_h)',
        '_h := %ObjFind("SV.Tanks")', 'LOG "rows", %ObjRows(_h)', 'LOG "columns", %ObjCols(_h)', "LOGEX %ObjName(%ObjParent(_h))",
        "LOGEX %ColName(_h, 2)", 'LOG "column", %ColIndex(_h, "LEVEL")', 'LOG "runs", %ProcState(%ObjFind("SRV1.KNL"))',
        'LOG "none", %ObjExists("U.None")', "LOGEX %AppName()", 'LOG "saved", %FileSave("a.txt", "x")',
        'LOG "out", %FileSave("../b.txt", "x")',
        "END", ""]), "--app", str(app))
    assert done.stdout.splitlines() == [
        "open TRUE", "value 7", "type 1", "rows 3", "columns 2", "SD.Tank", "Level", "column 2", "runs 1", "none FALSE", "PLANT",
        "saved TRUE", "out FALSE"], done.stderr
    assert (files / "a.txt").read_text() == "x" and not (tmp_path / "b.txt").exists()


OBJECTS = """
["U.Level"]
type = "user_variable"
value_type = "REAL"
initial = 5.0
ll = 1.0
hl = 9.0
retain = false

["SD.Tank"]
type = "structure_definition"
columns = [["Name", "TEXT"], ["Level", "REAL"]]

["SD.Info"]
type = "structure_definition"
columns = [["Id", "INT"], ["Name", "TEXT"], ["Desc", "TEXT"], ["Type", "INT"], ["Rows", "INT"], ["Cols", "INT"], ["Parent", "INT"]]

["SV.Tanks"]
type = "structured_variable"
definition = "SD.Tank"
rows = 3
retain = false
"""


def test_rows_flags_limits_and_lists_are_those_of_the_system(script, tmp_path):
    app = tmp_path / "app"
    app.mkdir()
    (app / "app.toml").write_text('name = "rows"\nversion = "1.0.0"\ntime_zone = "Europe/Bratislava"\n')
    (app / "objects.toml").write_text(OBJECTS)
    done = script(r"""RECORD NOALIAS (SD.Tank) _r
RECORD NOALIAS (SD.Info) _d
RECORD _any
ALIAS _all
INT _h, _nr, _why
BEGIN
  LOG "initial", U.Level\LIM
  REDIM SV.Tanks[5]
  _r[1]^Name := "new"
  INSERT SV.Tanks, 1, _r
  DELETE SV.Tanks, 6
  LOGEX %IToStr(SV.Tanks\DIM) + " " + SV.Tanks[1]^Name
  U.Level := %SetFlag(9.5, @C, @TRUE)
  WAIT
  LOGEX %ToStr(%Flag(U.Level, @C)) + " " + %IToStr(U.Level\LIM)
  SET _any WITH SV.Tanks
  LOGEX _any[1]^Name + " of " + %IToStr(_any\DIM)
  LST_CREATE "S*", @OTYPE_ALL_TYPES, _all, @SORT_LIST_NAME, 2, _h, _d
  LOGEX _d[1]^Name + " " + _d[2]^Name
  LST_GO_NEXT _h, _d
  LOGEX _d[1]^Name + " " + %IToStr(_d\DIM)
  LOG "now", _d[1]^Rows
  ON ERROR OFF
  REDIM SV.Tanks[0]
  _why := _ERR_NR_TRANS_EX
  LOGEX %IToStr(_ERR_NR) + " " + %IToStr(_why) + " " + %IToStr(SV.Tanks\DIM)
""", "--app", str(app))
    wanted = ["initial 0", "5 new", "TRUE 3", "new of 5", "SD.Info SD.Tank", "SV.Tanks 1", "now 5", "4 14 5"]
    assert (done.returncode, done.stdout.splitlines()) == (Exit.OK, wanted), done.stderr
