"""`hisee check` and `hisee disasm` on real applications: what is found, where it is said to be, and the exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hisee.cli.main import run_command
from hisee.schema.exits import Exit
from support.source import ROOT

TWICE = "\nRPC PROCEDURE Greet(IN TEXT _name, TEXT _hello)\n  _hello := _name\nEND Greet\n"
KEYS = ["code", "severity", "file", "part", "line", "column", "end_line", "end_column", "message", "hint", "notes"]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the smallest split picture, in the working folder."""
    shutil.copytree(ROOT / "examples/hello", tmp_path / "hello", ignore=shutil.ignore_patterns(".hisee"))
    monkeypatch.chdir(tmp_path)
    return Path("hello")


def local(app: Path) -> Path:
    return app / "pictures/S.Hello/local.esl"


def remote(app: Path) -> Path:
    return app / "pictures/S.Hello/remote.esl"


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def check(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, list[dict]]:
    code = run_command(["check", *(str(w) for w in words), "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_clean_prints_an_empty_list(app, capsys):
    for path in (app, app / "pictures/S.Hello", app / "pictures", local(app), remote(app)):
        assert check(capsys, path) == (Exit.OK, [])


def test_clean_text_says_nothing(app, capsys):
    assert run_command(["check", str(app)]) == Exit.OK
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("example", ["examples/hello", "python/hisee/demo/app"])
def test_what_we_give_away_is_clean(example, capsys):
    code, found = check(capsys, ROOT / example)
    assert code == Exit.OK and not [f for f in found if f["severity"] == "error"]


def test_an_error_has_its_place_in_the_file(app, capsys):
    lines = local(app).read_text().count("\n")
    append(local(app), "ENTRY BtnHello_OnNothing\n  _x := 1\nEND BtnHello_OnNothing\n")
    code, found = check(capsys, app)
    assert code == Exit.FINDINGS and found
    for row in found:
        assert list(row) == KEYS
        assert row["file"] == "hello/pictures/S.Hello/local.esl" and row["part"] == "S.Hello:ESLDefinition:1" and row["line"] > lines


@pytest.mark.req("R53")
def test_a_procedure_in_both_parts_names_both_places(app, capsys):
    append(local(app), TWICE)
    code, found = check(capsys, app)
    assert code == Exit.FINDINGS and [f["code"] for f in found] == ["ESL2101"]
    places = {found[0]["file"], *(n["file"] for n in found[0]["notes"])}
    assert places == {"hello/pictures/S.Hello/local.esl", "hello/pictures/S.Hello/remote.esl"}
    assert "Duplicate declaration of procedure" in json.dumps(found) and "Greet" in found[0]["message"]


def test_a_clash_is_shown_for_either_file(app, capsys):
    append(local(app), TWICE)
    assert check(capsys, local(app))[1] == check(capsys, remote(app))[1] != []


def test_one_file_shows_only_its_own_findings(app, capsys):
    append(local(app), "ENTRY BtnHello_OnNothing\nEND BtnHello_OnNothing\n")
    assert check(capsys, local(app))[0] == Exit.FINDINGS
    assert check(capsys, remote(app)) == (Exit.OK, [])


def test_text_has_caret_and_count(app, capsys):
    append(local(app), TWICE)
    assert run_command(["check", str(app)]) == Exit.FINDINGS
    out, err = capsys.readouterr()
    assert "error[ESL2101]" in out and "^^^^^" in out and "\033" not in out and "1 error, 0 warnings" in err


def test_sarif_of_a_real_finding(app, capsys):
    append(local(app), TWICE)
    assert run_command(["check", str(app), "--format", "sarif"]) == Exit.FINDINGS
    result = json.loads(capsys.readouterr().out)["runs"][0]["results"][0]
    assert result["ruleId"] == "ESL2101" and result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("hello/")


def test_a_broken_application_is_told_file_by_file(app, capsys):
    append(app / "app.toml", "\nnosuch = 1\n[limits]\ncall_depth = 0\n")
    (app / "objects.toml").write_text('["U.X"]\ntype = "nonsense"\n')
    code, found = check(capsys, app)
    assert code == Exit.FINDINGS and {"app.toml", "objects.toml"} <= {Path(f["file"]).name for f in found}
    assert all(list(row) == KEYS for row in found)


def test_a_script_alone(tmp_path, capsys):
    script = tmp_path / "one.esl"
    script.write_text("INT _a\nBEGIN\n  _a := 1 +\n")
    code, found = check(capsys, script)
    assert code == Exit.FINDINGS and found[0]["line"] == 3 and found[0]["file"] == str(script)
    script.write_text('INT _a\nBEGIN\n  _a := 1\n  LOG "a", _a\n')
    assert check(capsys, script) == (Exit.OK, [])


@pytest.fixture
def interface(app: Path) -> Path:
    (app / "interfaces").mkdir()
    file = app / "interfaces/I.Greeting.esl"
    file.write_text("RPC PROCEDURE Greet(IN TEXT _name, TEXT _hello)\nEND Greet\n")
    return file


def test_the_text_of_an_interface_is_checked_by_its_own_rules(interface, capsys):
    assert check(capsys, interface) == (Exit.OK, [])
    interface.write_text("INT _a\nRPC PROCEDURE Greet(IN TEXT _name)\n  _name := \"x\"\nEND Greet\nPROCEDURE Own\nEND Own\n")
    code, found = check(capsys, interface)
    assert code == Exit.FINDINGS and [(f["code"], f["line"]) for f in found] == [("ESL2030", 1), ("ESL2030", 3), ("ESL2030", 5)]
    assert {f["file"] for f in found} == {"hello/interfaces/I.Greeting.esl"}


def test_an_application_is_checked_with_its_interfaces(app, interface, capsys):
    assert check(capsys, app) == (Exit.OK, [])
    interface.write_text("RPC PROCEDURE Greet(\nEND Greet\n")
    code, found = check(capsys, app)
    assert code == Exit.FINDINGS and [Path(f["file"]).name for f in found] == ["I.Greeting.esl"]
    assert check(capsys, app / "interfaces") == (code, found)


def test_a_script_alone_knows_the_objects_of_an_application(tmp_path, capsys):
    run_command(["new", str(tmp_path / "plant")])
    script = tmp_path / "one.esl"
    script.write_text("BEGIN\n  U.Clicks := 3\n")
    capsys.readouterr()
    code, found = check(capsys, script)
    assert code == Exit.FINDINGS and "--app" in found[0]["hint"]
    assert check(capsys, script, "--app", tmp_path / "plant") == (Exit.OK, [])


@pytest.mark.parametrize(("words", "named"), [
    (["check", "nosuch"], "nosuch"), (["check", "."], "app.toml"), (["disasm", "nosuch.esl"], "nosuch.esl"),
    (["run", "nosuch.esl"], "nosuch.esl"), (["check", "hello/pictures", "--app", "."], "app.toml"), (["check", "latin.esl"], "UTF-8"),
])
def test_what_is_not_there_is_one_line_and_2(app, words, named, capsys):
    Path("latin.esl").write_bytes(b'LOGEX "\xe9"\n')
    assert run_command(words) == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and named in err


def test_disasm_shows_code_of_a_script_and_of_a_part(app, capsys):
    Path("one.esl").write_text('BEGIN\n  LOGEX "x"\n')
    for path in ("one.esl", local(app), remote(app)):
        assert run_command(["disasm", str(path)]) == Exit.OK
        assert capsys.readouterr().out.strip()


def test_disasm_of_errors_shows_them(app, capsys):
    append(local(app), TWICE)
    assert run_command(["disasm", str(remote(app))]) == Exit.FINDINGS
    out, err = capsys.readouterr()
    assert out == "" and "ESL2101" in err
