"""Reading logs: the last lines, what came since, a file that began anew, and nothing outside the folder."""

import pytest

from hisee.logreader import known, log_file, read_part


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "WP001.00.log").write_text("".join(f"line {n}\n" for n in range(10)))
    (tmp_path / "WP001.01.log").write_text("older\n")
    (tmp_path / "events.log").write_text("an event\n")
    (tmp_path / "[2]_A.SES.00.log").write_text("")
    return tmp_path


def test_each_process_has_one_newest_log(folder):
    assert [row["name"] for row in known(folder)] == ["WP001", "[2]_A.SES", "events"]
    assert log_file(folder, "WP001") == folder / "WP001.00.log" and log_file(folder, "[2]_A.SES").name == "[2]_A.SES.00.log"


@pytest.mark.parametrize("name", ["", "../secret", "..", "a/b", "NOBODY", "a\0b", "x" * 200])
def test_names_that_are_no_logs(folder, name):
    (folder.parent / "secret.log").write_text("hidden")
    assert log_file(folder, name) is None


def test_the_last_lines_and_what_came_since(folder):
    path = folder / "WP001.00.log"
    data, end = read_part(path, 2, -1)
    assert (data, end) == (b"line 8\nline 9\n", path.stat().st_size)
    assert read_part(path, 2, end) == (b"", end)
    with open(path, "a") as file:
        file.write("line 10\nhalf a li")
    assert read_part(path, 2, end) == (b"line 10\n", end + 8), "half a line waits for its end"
    path.write_text("new\n")
    assert read_part(path, 2, end) == (b"new\n", 4), "a file that began anew is read from its beginning"


@pytest.mark.parametrize("lines", [0, 1, 10, 11, 5000])
def test_any_number_of_lines(folder, lines):
    data, _ = read_part(folder / "WP001.00.log", lines, -1)
    assert data.count(b"\n") == min(lines, 10)


def test_a_long_log_is_read_from_its_end(tmp_path):
    path = tmp_path / "KNL.00.log"
    path.write_text("".join(f"{n:09d}\n" for n in range(100_000)))
    data, end = read_part(path, 20_000, -1)
    assert data.splitlines()[0] == b"000080000" and end == 1_000_000
