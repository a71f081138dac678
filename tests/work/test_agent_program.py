"""What `hisee agent` says before it does anything: a wrong allow-list, no way in, a state folder that is in use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hisee.cli.main import run_command
from hisee.cli.start import parse_start
from hisee.datadir import DataDir
from hisee.errors import CannotConnect, UsageError
from hisee.schema.exits import Exit
from hisee.seams import Seams
from hisee.work.agent import locked
from hisee.work.programs import Program, read_programs
from hisee.work.wayin import WayIn, address

GOOD = '[programs.echo]\nargv = ["echo"]\n'


@pytest.mark.parametrize(("text", "reason"), [
    ("[programs.x]\n", "argv"), ('[programs.x]\nargv = []\n', "needs argv"), ('[programs.x]\nargv = ["a"]\nargs = "any"\n', "append, none"),
    ('[programs."a b"]\nargv = ["a"]\n', "no name"), ('[programs.x]\nargv = ["a"]\nshell = true\n', "shell"), ("not toml", "allow-list"),
    ('[programs.x]\nargv = "a"\n', "array"), ("\n".join(f'[programs.{"n" * 60}{i}]\nargv = ["a"]' for i in range(60)), "two agents")])
def test_a_wrong_allow_list_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "programs.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match="allow-list") as wrong:
        read_programs(path)
    assert reason in str(wrong.value)


def test_the_limits_of_time_of_program_and_task_meet() -> None:
    times = [(0, 0, 0), (5, 0, 5), (0, 7, 7), (5, 7, 5), (7, 5, 5)]
    assert [Program(argv=["x"], timeout_s=own).longest_s(wanted) for own, wanted, _ in times] == [longest for _, _, longest in times]


def test_the_command_ends_with_the_reason(tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    allowed = tmp_path / "programs.toml"
    assert run_command(["agent", "/WAG1", "--state", str(tmp_path)]) == Exit.USAGE
    assert run_command(["agent", "/WAG1", "--programs", str(allowed), "--state", str(tmp_path)]) == Exit.USAGE
    allowed.write_text(GOOD)
    assert run_command(["agent", "/WAG1", "--programs", str(allowed)]) == Exit.USAGE
    with locked(tmp_path):
        assert run_command(["agent", "/WAG1", "--programs", str(allowed), "--state", str(tmp_path)]) == Exit.REFUSED
    said = capsys.readouterr().err
    for words in ("allow-list", "No such file", "--state DIR", "in use by another agent"):
        assert words in said
    assert run_command(["agent", "/?"]) == Exit.OK and "--programs" in capsys.readouterr().out


def test_the_way_in_is_what_was_given(tmp_path: Path, data_dir: Path) -> None:
    data = DataDir(data_dir, Seams())
    data.make()
    data.secret(create=True)
    tcp = {"CP001": {"tcp": "127.0.0.1:4001"}, "CP002": {"tcp": "127.0.0.1:4002"}, "WP001": {}}
    data.write_run({"nodes": {"SRV1": {"host": "", "link": {}}, "FAR": {"host": "127.0.0.1", "link": {"rtt_ms": 1.0}}}, "processes": tcp})

    def way(*words: str, with_data: bool = True) -> list[str]:
        return WayIn.find(parse_start("agent", words), data if with_data else None, tmp_path, Seams()).doors.known

    assert way("--node", "SRV1") == [] and way("/SSRV1", "--node", "SRV1") == [], "the control socket"
    assert way("--node", "FAR") == ["127.0.0.1:4001", "127.0.0.1:4002"]
    assert way("/Splant:4500") == ["plant:4500"] and way("/Splant") == ["plant:3119"]
    with pytest.raises(CannotConnect, match="no system secret"):
        way("/Splant", with_data=False)
    (tmp_path / "secret").write_bytes(os.urandom(32))
    assert way("/Splant", with_data=False) == ["plant:3119"]
    for wrong in ("", "a:b", ":5", "a:0", "a:70000"):
        with pytest.raises(UsageError):
            address(wrong)
