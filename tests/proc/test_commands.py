"""The commands of a running system, as scripts of users call them."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.system import running, until

pytestmark = pytest.mark.boot
APP = Path(__file__).parent / "app"
PS_KEYS = {"name", "kind", "state", "host", "pid", "role", "started_at", "busy_1m", "busy_10m", "busy_60m", "connections", "see_count",
           "hosted_by", "object", "carrier", "console", "address", "sent", "received", "memory_bytes", "node", "version"}


def hisee(*words, expect=0):
    done = subprocess.run([sys.executable, "-m", "hisee", *map(str, words)], capture_output=True, text=True, timeout=60)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout if expect == 0 else done.stdout + done.stderr


@pytest.mark.req("R1", "R24")
def test_ps_lists_every_process_under_its_name(system):
    rows = json.loads(hisee("ps", "--json", "--data", system.data))
    by_name = {row["name"]: row for row in rows if row["kind"] != "TEL"}
    assert {"SRV1.KNL", "CP001", "SRV1.DBM", "REMOTE1.SES", "REMOTE2.SES", "WS1.HIP", "FAR.HIP"} <= set(by_name)
    assert all(row.keys() >= PS_KEYS for row in rows)
    assert all(row["name"].endswith("." + row["kind"]) for row in rows if row["kind"] != "CP")
    assert (by_name["WS1.HIP"]["carrier"], by_name["FAR.HIP"]["carrier"]) == ("ring", "tcp")
    assert "REMOTE1.SES" in hisee("ps", "--data", system.data)


def test_values_are_read_written_and_followed(system):
    hisee("set", "U.Level", "12.5", "--data", system.data)
    assert json.loads(hisee("get", "U.Level", "--json", "--data", system.data))[0]["value"] == 12.5
    hisee("set", "U.Level", "--invalid", "--data", system.data)
    assert hisee("get", "U.Level", "--data", system.data).strip() == "U.Level ? (invalid, reason 1)"
    assert "U.Note" in hisee("get", "U.*", "--data", system.data)


def test_user_flags_are_written_and_shown(system):
    hisee("set", "U.Level", "1.5", "--flags", "C,a", "--data", system.data)
    assert hisee("get", "U.Level", "--data", system.data).strip() == "U.Level 1.5 flags A,C"
    assert json.loads(hisee("watch", "U.Level", "--count", "1", "--json", "--data", system.data))["flags"] == ["A", "C"]
    hisee("set", "U.Level", "2.5", "--data", system.data)
    assert json.loads(hisee("get", "U.Level", "--json", "--data", system.data))[0]["flags"] == []


def test_watch_prints_every_change(system):
    command = [sys.executable, "-m", "hisee", "watch", "U.Note", "--count", "3", "--data", str(system.data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout.readline() == 'U.Note ""\n'
        for text in ("one", "two"):
            hisee("set", "U.Note", text, "--data", system.data)
        assert watching.stdout.readline() == 'U.Note "one"\n'
        assert watching.stdout.readline() == 'U.Note "two"\n'
        assert watching.wait(10) == 0


@pytest.mark.parametrize(("words", "code", "says"), [
    (("get", "U.Nothing"), 1, "U.Nothing"), (("set", "U.Count", "many"), 1, "U.Count"), (("set", "U.Count"), 2, "--invalid"),
    (("set", "U.Count", "1", "--flags", "A,Q"), 2, "'Q' is no user flag")])
def test_a_wrong_name_or_value_is_one_line(system, words, code, says):
    said = hisee(*words, "--data", system.data, expect=code)
    assert says in said and len(said.strip().splitlines()) == 1


def test_no_system_there(tmp_path):
    assert "hisee up" in hisee("ps", "--data", tmp_path, expect=3)


def test_the_data_directory_of_a_running_system_is_refused(system):
    said = hisee("up", APP, "--data", system.data, expect=4)
    assert str(system.data) in said and "pid" in said
    said = hisee("up", APP, "--cold", "--data", system.data, expect=4)
    assert "pid" in said and "deletes" not in said


def test_export_gives_the_folder_back(system, tmp_path):
    hisee("export", tmp_path / "out", "--data", system.data)
    for file in (path for path in APP.rglob("*") if path.is_file()):
        assert (tmp_path / "out" / file.relative_to(APP)).read_bytes() == file.read_bytes(), file


def test_an_export_of_an_unknown_object_names_it(system, tmp_path):
    said = hisee("export", tmp_path / "out", "S.Nope", "--data", system.data, expect=1)
    assert "no object S.Nope" in said and not (tmp_path / "out").exists()


def test_a_port_in_use_is_named_and_nothing_stays(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        app = tmp_path / "app"
        app.mkdir()
        (app / "app.toml").write_text(
            f'name = "taken"\nport = {port}\n[nodes.SRV1]\nprocesses = [{{kind = "server"}}, {{kind = "cp"}}]\n')
        said = hisee("up", app, "--data", tmp_path / "data", expect=1)
    assert str(port) in said and "SRV1.CP" in said
    assert not (tmp_path / "data" / "run.json").exists()


def test_stop_ends_all_in_order(tmp_path):
    with running(APP, tmp_path / "data") as system:
        pids = [row["pid"] for row in system.connect().ps() if row["pid"]]
        hisee("stop", "--data", system.data)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids[:1]), "the server ends")
        system.end()
        assert "SIG" not in system.output() and "exit" not in system.output().replace("exit 0", "")
    assert not list(Path("/dev/shm").glob("*hisee*"))
