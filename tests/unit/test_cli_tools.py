"""Commands for whoever writes scripts: check --fix, explain, fmt, repl, disasm --json; what they print, write and return."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hisee.cli.main import run_command
from hisee.schema.exits import Exit
from support.source import ROOT

BROKEN = "INT _a\nBEGIN\n  IF _a = 1 THEN\n  ELSE IF _a == 2 THEN\n  ENDIF\n  _a = 3\nEND\n"
FIXED = "INT _a\nBEGIN\n  IF _a = 1 THEN\n  ELSIF _a = 2 THEN\n  ENDIF\n  _a := 3\nEND\n"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISEE_LANG", "en")


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.esl").write_text(BROKEN)
    Path("a.esl").chmod(0o640)
    return Path("a.esl")


def test_fix_writes_and_shows_a_difference(script, capsys):
    assert run_command(["check", "--fix", "all", str(script)]) == Exit.OK
    out, err = capsys.readouterr()
    assert script.read_text() == FIXED and script.stat().st_mode & 0o777 == 0o640
    assert "-  _a = 3\n+  _a := 3" in out and "--- a/a.esl" in out and "fixed ESL1007: write `ELSIF`" in err
    assert os.listdir() == ["a.esl"]


def test_a_dry_run_writes_nothing(script, capsys):
    assert run_command(["check", str(script), "--fix", "--dry-run"]) == Exit.OK
    out, err = capsys.readouterr()
    assert script.read_text() == BROKEN and "+  _a := 3" in out and "would fix ESL1007" in err


def test_one_code_leaves_the_others(script, capsys):
    assert run_command(["check", "--fix", "ESL1007", str(script)]) == Exit.FINDINGS
    assert "ELSIF _a == 2" in script.read_text() and "_a = 3" in script.read_text()


@pytest.mark.parametrize(("words", "named"), [
    (["check", "--fix", "ESL9999", "."], "no such code"), (["check", "--fix", "ESL2005", "."], "needs a person"),
    (["check", "--dry-run"], "--fix"), (["explain", "ESL0"], "ESL0"), (["fmt", "nosuch.esl"], "nosuch.esl"),
])
def test_what_cannot_be_done_is_one_line(script, words, named, capsys):
    assert run_command(words) == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and named in err


def test_fix_of_an_application_reaches_both_parts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples/hello", "hello", ignore=shutil.ignore_patterns(".hisee"))
    local, remote = Path("hello/pictures/S.Hello/local.esl"), Path("hello/pictures/S.Hello/remote.esl")
    local.write_text(local.read_text().replace("END BtnHello_OnClick", "END BtnHello_OnClik"))
    remote.write_text(remote.read_text().replace(":=", "="))
    wrong = remote.read_text()
    assert run_command(["check", str(local), "--fix"]) == Exit.OK
    assert "END BtnHello_OnClick" in local.read_text() and remote.read_text() == wrong
    assert run_command(["check", "hello", "--fix"]) == Exit.OK and ":=" in remote.read_text()


def test_sarif_carries_the_fix_and_what_the_code_means(script, capsys):
    assert run_command(["check", str(script), "--sarif"]) == Exit.FINDINGS
    run = json.loads(capsys.readouterr().out)["runs"][0]
    first = run["results"][0]
    change = first["fixes"][0]["artifactChanges"][0]
    assert first["ruleId"] == "ESL1007" and change["artifactLocation"]["uri"] == "a.esl"
    assert change["replacements"][0]["insertedContent"]["text"] == "ELSIF"
    assert change["replacements"][0]["deletedRegion"] == {"startLine": 4, "startColumn": 3, "endLine": 4, "endColumn": 10}
    assert all(rule["fullDescription"]["text"] for rule in run["tool"]["driver"]["rules"])


def test_json_is_english_unless_another_language_is_asked_for(script, capsys, monkeypatch):
    monkeypatch.setenv("HISEE_LANG", "sk")
    run_command(["check", str(script), "--json"])
    assert "opens a second IF" in json.loads(capsys.readouterr().out)[0]["message"]
    run_command(["check", str(script), "--json", "--lang", "sk"])
    assert "otvára druhé IF" in json.loads(capsys.readouterr().out)[0]["message"]
    run_command(["check", str(script)])
    assert "chyba[ESL1007]" in capsys.readouterr().out


@pytest.mark.parametrize(("environment", "lang"), [
    ({"LANG": "sk_SK.UTF-8"}, "sk"), ({"LC_ALL": "C", "LANG": "sk_SK"}, "en"), ({"LC_MESSAGES": "sk"}, "sk"), ({}, "en"),
    ({"LANG": "de_DE"}, "en"),
])
def test_the_language_comes_from_the_locale(environment, lang):
    from hisee.esl.catalogue import language

    assert language(None, environment) == lang and language("sk", environment) == "sk"


def test_explain_prints_pages_and_the_list(capsys):
    assert run_command(["explain", "2101", "ESL1007"]) == Exit.OK
    out = capsys.readouterr().out
    assert "ESL2101: procedure `<name>` is declared in both halves" in out and "ESL1007" in out and "right:" in out
    assert run_command(["check", "--explain", "ESL1007"]) == Exit.OK and "right:" in capsys.readouterr().out
    assert run_command(["explain"]) == Exit.OK and len(capsys.readouterr().out.splitlines()) > 60


def test_fmt_writes_checks_and_shows(script, capsys):
    script.write_text("begin\nlog \"a\"\nend\n")
    assert run_command(["fmt", "--check"]) == Exit.FINDINGS and "a.esl: would be formatted" in capsys.readouterr().out
    assert run_command(["fmt", "--diff", "a.esl"]) == Exit.OK and "+BEGIN" in capsys.readouterr().out
    assert script.read_text().startswith("begin")
    assert run_command(["fmt"]) == Exit.OK and script.read_text() == "BEGIN\n  LOG \"a\"\nEND\n"
    capsys.readouterr()
    assert run_command(["fmt", "--check"]) == Exit.OK and capsys.readouterr() == ("", "")


def test_fmt_leaves_what_it_cannot_read(script, capsys):
    assert run_command(["fmt", "a.esl"]) == Exit.FINDINGS
    out, err = capsys.readouterr()
    assert out == "" and "a.esl:4: ESL1007, left as it is" in err and script.read_text() == BROKEN


def test_disasm_as_json(script, capsys):
    script.write_text('BEGIN\n  LOG "a", 1\nEND\n')
    assert run_command(["disasm", "--json", "a.esl"]) == Exit.OK
    unit = json.loads(capsys.readouterr().out)
    assert unit["name"] == "a" and unit["procedures"][0]["kind"] == "INIT" and unit["procedures"][0]["code"][0]["line"] == 2


def repl(text: str, *words: str) -> tuple[list[str], list[str], int]:
    done = subprocess.run([sys.executable, "-m", "hisee", "repl", *words], input=text, capture_output=True, text=True, timeout=120,
                          env=os.environ | {"HISEE_LANG": "en"}, check=False)
    return done.stdout.splitlines(), done.stderr.splitlines(), done.returncode


def test_repl_keeps_variables_procedures_and_validity():
    out, err, code = repl(
        '1 + 2 * 3\nINT _n = 5\n_n / 0\n_n := _n + 10\nIF _n > 3 THEN\n  LOG "big", _n\nENDIF\n'
        "PROCEDURE Add(IN INT _k)\n  _n := _n + _k\nEND Add\nCALL Add(4)\n_n\n_n > 3\n%StrToI(\"x\")\n\"a\" + 'b'\n:vars\n:quit\n_n\n")
    assert (err, code) == ([], 0)
    assert out == ["= 7  INT", "= invalid (4: division by zero)  REAL", "big 15", "= 19  INT", "= @TRUE  BOOL",
                   "= invalid (3: conversion)  INT",
                   '= "ab"  TEXT', "INT _n = 19", "PROCEDURE Add(IN INT _k)"]


def test_repl_says_what_is_wrong_and_goes_on():
    out, err, code = repl("_nix\n:nope\nENTRY OnClick\nINT _a\nRETRY\n_a := 2\n_a\n")
    assert out == ["= 2  INT"] and code == Exit.FINDINGS
    text = "\n".join(err)
    assert "ESL2001" in text and "1 | _nix" in text and ":help shows them" in text and "ENTRY belongs to a script" in text
    assert "line 1: unhandled _ERR_NO_HANDLER" in text


def test_repl_over_an_application():
    text = "RECORD NOALIAS (SD.Setpoint) _s\nREDIM _s[2]\n_s[2]^Value := 4.5\n_s\nU.NoSuch\n"
    out, err, _ = repl(text, "--app", str(ROOT / "python/hisee/demo/app"))
    assert out[0] == "= 2 rows" and out[2].startswith("  [2] ") and "4.5" in out[2]
    assert any("ESL3012" in line for line in err)
