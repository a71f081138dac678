"""Start parameters: both spellings mean the same, and a wrong line is refused by name before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from hisee.cli.start import help_text, parse_start, rows_of, wants_help
from hisee.errors import UsageError
from hisee.schema.exits import Exit
from hisee.schema.parameters import ROWS
from support.command import hisee

COMMANDS = ("server", "cp", "event", "dbm", "hip", "wp", "jwp", "agent", "rrs")


def refused(command: str, *argv: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_start(command, argv)
    assert caught.value.exit is Exit.USAGE
    return str(caught.value)


@pytest.mark.parametrize("argv", [
    ["/SSRV1", "/WREMOTE1", "--SES_REMOTE"],
    ["/sSRV1", "/wREMOTE1", "--ses-remote"],
    ["--server", "SRV1", "--name", "REMOTE1", "--SES_REMOTE"],
    ["--server=SRV1", "--name=REMOTE1", "--ses-remote"],
])
def test_both_spellings_mean_the_same(argv):
    found = parse_start("event", argv)
    assert (found.kind, found.server, found.names, found.ses_remote, found.ses_local) == ("SES", "SRV1", ("REMOTE1",), True, False)


def test_a_console_process_takes_several_names():
    assert parse_start("hip", ["/SSRV1", "/WWS1", "/WWS2"]).names == ("WS1", "WS2")


@pytest.mark.parametrize(("argv", "names"), [
    (["--consoles", "3"], ("WS1", "WS2", "WS3")), (["/WBOX1", "--consoles", "2"], ("BOX1", "BOX2")), (["/WX"], ("X",)), ([], ()),
])
def test_consoles_are_numbered_after_the_name(argv, names):
    assert parse_start("hip", argv).names == names


def test_the_data_directory_comes_from_the_option_or_the_environment():
    assert parse_start("cp", ["--data", "d"], {"HISEE_DATA": "e"}).data == Path("d")
    assert parse_start("cp", [], {"HISEE_DATA": "e"}).data == Path("e")
    assert parse_start("cp", [], {}).data is None


def test_numbers():
    found = parse_start("cp", ["--port", "0", "--ready-fd=7", "--listen", "127.0.0.1"])
    assert (found.port, found.ready_fd, found.listen) == (0, 7, "127.0.0.1")


@pytest.mark.req("R11")
@pytest.mark.parametrize(("command", "argv", "named"), [
    ("event", ["--NOSUCH"], "--NOSUCH"),
    ("hip", ["--SES_REMOTE"], "--SES_REMOTE"),
    ("server", ["/SSRV1"], "/SSRV1"),
    ("cp", ["stray"], "stray"),
    ("event", ["/XY"], "/XY"),
    ("cp", ["--port"], "--port"),
    ("cp", ["--port", "x"], "--port x"),
    ("cp", ["--port=70000"], "--port=70000"),
    ("cp", ["--port", "-1"], "--port -1"),
    ("hip", ["/W"], "/W"),
    ("hip", ["/WA/../B"], "/WA/../B"),
    ("hip", ["/WA,2"], "/WA,2"),
])
def test_unknown_and_wrong_parameters_are_named(command, argv, named):
    assert named in refused(command, *argv)


@pytest.mark.req("R11")
@pytest.mark.parametrize(("command", "argv"), [
    ("event", ["/SSRV1", "/SSRV2", "--SES_REMOTE"]),
    ("hip", ["/SSRV1", "/RDG"]),
    ("hip", ["/SSRV1", "--group", "G"]),
    ("hip", ["/RDG", "/RFG"]),
])
def test_contradictions_name_both(command, argv):
    text = refused(command, *argv)
    assert argv[0] in text and argv[1] in text and "contradict" in text


def test_the_same_parameter_twice_is_no_contradiction():
    assert parse_start("cp", ["/SSRV1", "/SSRV1"]).server == "SRV1"


def test_names_that_do_not_fit():
    assert "twice" in refused("hip", "/WA", "/WA")
    assert "only one name" in refused("cp", "/WA", "/WB")
    assert "only one name" in refused("hip", "/WA", "/WB", "--consoles", "3")


@pytest.mark.req("R13")
def test_without_a_switch_the_event_program_is_no_ses():
    assert parse_start("event", ["/SSRV1"]).kind == "EVH"


@pytest.mark.req("R13")
def test_either_switch_makes_an_ses():
    assert parse_start("event", ["/SA", "--SES_LOCAL"]).ses_local
    both = parse_start("event", ["/SA", "--SES_LOCAL", "--SES_REMOTE"])
    assert both.ses_local and both.ses_remote and both.kind == "SES"


@pytest.mark.req("R16")
@pytest.mark.parametrize("group", ["/RDG", "/RFG", "/RSG", "--group=G"])
def test_an_ses_follows_no_group(group):
    text = refused("event", group, "--SES_REMOTE")
    assert group in text and "/S" in text


@pytest.mark.req("R10")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("word", ["/?", "/h", "-h", "--help"])
def test_help_wins_over_everything_else(command, word):
    assert wants_help(["--NOSUCH", "/Snowhere", word])


@pytest.mark.req("R10")
@pytest.mark.parametrize("command", COMMANDS)
def test_help_lists_exactly_the_rows_of_the_kind(command):
    words = {word.partition("<")[0] for word in help_text(command).split()}
    for row in ROWS:
        taken = command in row.commands.split()
        assert all((spelling in words) == taken for spelling in (row.gnu, row.original) if spelling), row


def test_every_row_is_taken_by_a_known_command():
    for row in ROWS:
        assert set(row.commands.split()) <= set(COMMANDS)
        assert set(row.excludes.split()) <= {r.name for r in ROWS}
    assert all(rows_of(c) for c in COMMANDS)


@pytest.mark.req("R10")
def test_the_command_prints_the_list_and_connects_to_nothing(tmp_path):
    done = hisee("event", "/Snowhere.invalid", "--NOSUCH", "/?", data=tmp_path / "absent")
    assert done.returncode == Exit.OK and "--SES_REMOTE" in done.stdout and not done.stderr
    assert not (tmp_path / "absent").exists()


@pytest.mark.req("R11")
def test_the_command_ends_with_2_and_one_line(tmp_path):
    done = hisee("event", "/SA", "/SB", "--SES_REMOTE", data=tmp_path / "absent")
    assert done.returncode == Exit.USAGE and not done.stdout
    assert len(done.stderr.splitlines()) == 1 and "/SA" in done.stderr and "/SB" in done.stderr
    assert not (tmp_path / "absent").exists()


@pytest.mark.req("R16")
def test_an_ses_of_a_group_ends_before_it_connects(tmp_path):
    done = hisee("event", "/RDGROUP", "--SES_REMOTE", data=tmp_path / "absent")
    assert done.returncode == Exit.USAGE and "an SES needs /S" in done.stderr
