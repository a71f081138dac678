"""The command line: every failure is one line and a documented exit code; commands that need no system."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest

from hisee.cli import doctor, new
from hisee.cli.main import COMMANDS, LazyGroup, fail, run_command
from hisee.cli.main import hisee as group
from hisee.cli.run import PROGRAMS, program
from hisee.cli.sarif import sarif
from hisee.errors import AccessRefused, CannotConnect, HiseeError, InternalError, TimeOver, UsageError, one_line
from hisee.schema.exits import ROWS, Exit
from support.command import environment, hisee

EXITS = {UsageError: 2, CannotConnect: 3, AccessRefused: 4, TimeOver: 5, InternalError: 70, HiseeError: 1}


def test_exit_codes_are_pinned():
    assert {row.name: row.number for row in ROWS} == {
        "OK": 0, "FINDINGS": 1, "USAGE": 2, "CANNOT_CONNECT": 3, "REFUSED": 4, "TIMED_OUT": 5, "INTERNAL": 70, "LOST_MEMBER": 75}


@pytest.mark.parametrize("fault", list(EXITS))
def test_every_fault_has_its_exit_code_and_one_line(fault, monkeypatch, capsys):
    @click.command()
    def broken() -> None:
        raise fault("value x\nis wrong", hint="mend it")

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: broken)
    assert run_command(["broken"]) == EXITS[fault]
    assert capsys.readouterr().err == "hisee: value x\\nis wrong; mend it\n"


def test_a_fault_of_ours_is_one_line_and_70(monkeypatch, capsys):
    @click.command()
    def broken() -> None:
        raise KeyError("lost")

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: broken)
    monkeypatch.delenv("HISEE_TRACEBACK", raising=False)
    assert run_command(["broken"]) == Exit.INTERNAL
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and "internal error: KeyError: 'lost'" in line and "test_cli.py" in line


def test_ctrl_c_is_no_fault(monkeypatch):
    @click.command()
    def stopped() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: stopped)
    assert run_command(["stopped"]) == 130


def test_line_breaks_in_a_message_are_shown():
    assert one_line("a\r\nb\nc") == "a\\nb\\nc"
    assert fail("x", Exit.USAGE) == 2


@pytest.mark.parametrize(("words", "named"), [
    (["nosuch"], "nosuch"), (["new"], "PATH"), (["check", "x", "--nosuch"], "--nosuch"), (["check", "x", "--format", "xml"], "xml"),
])
def test_wrong_usage_is_one_line_and_2(words, named, capsys):
    assert run_command(words) == Exit.USAGE
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and named in line and "--help" in line


def test_every_command_exists_and_has_help(capsys):
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        assert isinstance(command, click.Command), name
        assert run_command([name, "--help"]) == Exit.OK, name
    assert capsys.readouterr().out


def test_every_process_program_exists():
    assert all(callable(program(command)) for command in PROGRAMS)


def test_version_and_overview():
    done = hisee("--version")
    assert done.returncode == 0 and done.stdout.startswith("hisee ")
    assert all(name in hisee("--help").stdout for name in COMMANDS)
    assert hisee().returncode == Exit.USAGE


def test_a_reader_that_leaves_is_no_fault():
    """The pipe's reader is gone before the first byte: `hisee ps | head` must not complain."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "hisee", "--help"], env=environment(), stdout=writer, stderr=subprocess.PIPE,
                          check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


# -- new

def test_new_makes_a_whole_application(tmp_path):
    path = tmp_path / "my-plant"
    assert run_command(["new", str(path)]) == Exit.OK
    assert 'name = "my_plant"' in (path / "app.toml").read_text()
    assert (path / ".gitignore").read_text() == "/.hisee/\n" and (path / "pictures/S.Main/local.esl").is_file()
    assert not [p for p in tmp_path.iterdir() if p != path]


def test_new_fills_an_empty_folder_and_refuses_a_full_one(tmp_path, capsys):
    assert run_command(["new", str(tmp_path), "--name", "x"]) == Exit.OK
    before = sorted(tmp_path.rglob("*"))
    assert run_command(["new", str(tmp_path)]) == Exit.USAGE
    assert sorted(tmp_path.rglob("*")) == before and "not empty" in capsys.readouterr().err


def test_new_refuses_a_wrong_name(tmp_path, capsys):
    assert run_command(["new", str(tmp_path / "a"), "--name", "much too long"]) == Exit.USAGE
    assert "much too long" in capsys.readouterr().err and not (tmp_path / "a").exists()


@pytest.mark.parametrize(("folder", "name"), [("plant", "plant"), ("my plant!", "my_plant"), ("verylongname", "verylong"), ("é", "app")])
def test_the_system_name_comes_from_the_folder(folder, name):
    assert new.system_name(Path(folder)) == name


@pytest.mark.parametrize("template", list(new.TEMPLATES))
def test_every_template_loads(template, tmp_path):
    from hisee.model import load_application

    new.make(tmp_path / "a", template, "abc")
    assert load_application(tmp_path / "a").name == "abc"


# -- doctor

def test_doctor_prints_a_repair_for_every_failure(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(doctor, "SHM", tmp_path / "absent")
    assert run_command(["doctor"]) == Exit.FINDINGS
    assert "missing  shared memory" in (out := capsys.readouterr().out) and "mend: mount" in out


def test_doctor_json(tmp_path, capsys):
    run_command(["doctor", "--json", "--data", str(tmp_path)])
    rows = json.loads(capsys.readouterr().out)
    assert {"Python", "compiled core", "shared memory", "open files", "data directory", "system"} <= {r["name"] for r in rows}
    assert all(r["ok"] or r["repair"] for r in rows)


def test_doctor_names_who_holds_the_port(monkeypatch):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(doctor, "DEFAULT_PORT", taken.getsockname()[1])
        found = doctor.port()
    assert not found.ok and str(taken_port(found)) in found.repair


def taken_port(found: doctor.Finding) -> int:
    return int(found.text.partition(":")[0])


def test_doctor_looks_at_a_folder_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.touch()
    file.chmod(stat.S_IRUSR)
    assert not doctor._data_directory(file / "data").ok


def test_doctor_looks_for_the_libraries_that_an_application_lists(tmp_path, monkeypatch, capsys):
    there = tmp_path / "libthere.so"
    there.touch()
    (tmp_path / "app.toml").write_text(f'name = "x"\n[nodes.N]\nprocesses = [{{kind = "server"}}]\n[scripts]\n'
                                       f'libraries = ["{there}", "{tmp_path}/libgone.so"]\n')
    monkeypatch.chdir(tmp_path)
    assert run_command(["doctor", "--json"]) == Exit.FINDINGS
    found = [row for row in json.loads(capsys.readouterr().out) if row["name"] == "library"]
    assert [row["ok"] for row in found] == [True, False] and "libgone.so: no such file" in found[1]["text"] and found[1]["repair"]


# -- sarif

FINDING = {"code": "ESL2101", "severity": "error", "file": "a b/local.esl", "part": "S.X:ESLDefinition:1", "line": 3, "column": 5,
           "end_line": 3, "end_column": 9, "message": "declared twice", "hint": "keep one",
           "notes": [{"file": "remote.esl", "part": "", "line": 1, "column": 1, "end_column": 4, "text": "here"}]}


def test_sarif_has_place_rule_and_related_place():
    run = sarif([FINDING])["runs"][0]
    assert [r["id"] for r in run["tool"]["driver"]["rules"]] == ["ESL2101"]
    result = run["results"][0]
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a%20b/local.esl"},
                     "region": {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9}}
    assert result["level"] == "error" and result["message"]["text"] == "declared twice; keep one"
    assert result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "remote.esl"


def test_sarif_of_nothing_is_valid():
    assert sarif([])["runs"][0]["results"] == []
