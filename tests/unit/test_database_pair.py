"""The database pair as data: who does what, under which address and with which passwords; the diagram of the group."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import psycopg.conninfo
import pytest

from hisee.datadir import DataDir
from hisee.pair import diagram, programs
from hisee.pair.home import ACCESS, Home, keep_passwords, settings_text
from hisee.pair.plan import duties, monitor_of, password, url_of
from hisee.pair.preparing import prepare
from hisee.schema.pair_settings import ROWS as SETTINGS

GROUP: dict[str, Any] = {
    "name": "plant", "witness": "10.9.3.2:6000", "database": "pg_auto_failover", "multicast": False,
    "servers": {"SRV1": {"priority": 3, "hosts": ["10.9.1.2", "10.8.1.2"]}, "SRV2": {"priority": 2, "hosts": ["10.9.2.2"]}}}
ADDRESSES = {"SRV1": "", "SRV2": "", "W1": "10.9.3.2", "WS1": "10.9.4.2"}


@pytest.fixture
def data(data_dir: Path) -> DataDir:
    found = DataDir(data_dir)
    found.secret(create=True)
    return found


def test_every_computer_has_its_part() -> None:
    (node,), (monitor,) = duties(GROUP, "SRV1", ADDRESSES), duties(GROUP, "W1", ADDRESSES)
    assert (node.role, node.name, node.address, node.monitor) == ("node", "SRV1.PG", "10.9.1.2", ("10.9.3.2", 6000))
    assert (monitor.role, monitor.name, monitor.port) == ("monitor", "W1.PGM", 6000)
    assert not duties(GROUP, "WS1", ADDRESSES)
    both = duties(GROUP | {"witness": "10.9.2.2"}, "SRV2", ADDRESSES)
    assert [duty.role for duty in both] == ["monitor", "node"]


@pytest.mark.parametrize("other", [{"database": "elsewhere"}, {"database": "patroni"}, {"name": ""}, {"witness": ""}])
def test_what_others_manage_is_left_alone(other: dict[str, str]) -> None:
    assert not [duty for node in ADDRESSES for duty in duties(GROUP | other, node, ADDRESSES)]


@pytest.mark.parametrize(("text", "address"),
                         [("w:7000", ("w", 7000)), ("w", ("w", 6000)), ("[::1]:7", ("::1", 7)), ("[::1]", ("::1", 6000))])
def test_the_witness_has_an_address(text: str, address: tuple[str, int]) -> None:
    assert monitor_of({"witness": text}) == address


def test_the_url_names_both_and_the_own_computer_first(data: DataDir) -> None:
    facts = psycopg.conninfo.conninfo_to_dict(url_of(GROUP, data.path, "SRV2"))
    assert facts["host"] == "10.9.2.2,10.9.1.2" and facts["port"] == "6001,6001" and facts["target_session_attrs"] == "read-write"
    assert facts["sslmode"] == "require" and password(data, "hisee") not in url_of(GROUP, data.path)
    (data.path / "tls").mkdir()
    for name in ("ca.pem", "node.pem", "node.key"):
        (data.path / "tls" / name).touch()
    assert psycopg.conninfo.conninfo_to_dict(url_of(GROUP, data.path))["sslmode"] == "verify-ca"


def test_passwords_are_for_their_owner_and_differ(data: DataDir, data_dir: Path) -> None:
    keep_passwords(data)
    file = data.path / "pair.pass"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and file.stat().st_uid == os.getuid()
    assert file.read_text() == f"*:*:*:hisee:{password(data, 'hisee')}\n" and password(data, "hisee") != password(data, "autoctl_node")


def test_nobody_comes_over_the_network_without_encryption_and_password() -> None:
    for lines in ACCESS.values():
        assert lines[-1] == "host all all all reject"
        assert all(line.startswith("local ") or (line.startswith("hostssl ") and line.endswith("scram-sha-256")) for line in lines[:-1])


def test_every_tuned_setting_reaches_its_program() -> None:
    for row in SETTINGS:
        assert f"{row.name} = {row.ms}\n" in settings_text(row.place)


def pair(**lag: int | None) -> dict[str, Any]:
    roles = {"SRV1": "primary", "SRV2": "secondary"}
    return {"managed": "pg_auto_failover", "witness": {"address": "10.9.3.2:6000", "state": "up", "why": ""},
            "nodes": [{"node": n, "role": r, "lsn": 9, "lag_bytes": lag.get(n, 0), "state": r, "goal": r, "healthy": True, "why": ""}
                      for n, r in roles.items()]}


def processes() -> list[dict[str, Any]]:
    def knl(node: str, state: str) -> dict[str, Any]:
        return {"name": f"{node}.KNL", "kind": "KNL", "node": node, "state": "Run", "pid": 7,
                "server": {"state": state, "sub": "stable", "epoch": 4}}

    consoles = [{"name": f"WS1_{number}.HIP", "kind": "HIP", "node": "WS1", "state": "Run"} for number in (1, 2)]
    return [knl("SRV1", "HS"), knl("SRV2", "SBS"), {"name": "SRV2.SES", "kind": "SES", "node": "SRV2", "state": "Run", "see_count": 5},
            *consoles]


def test_the_diagram_shows_everything() -> None:
    found = diagram.picture(GROUP, processes(), [{"role": "hs.plant", "holder": "SRV1.KNL", "epoch": 4}], pair())
    shown = diagram.text(found)
    for part in ("group plant: hot server SRV1, epoch 4", "HS stable", "SBS stable", "secondary, lag 0 bytes", "SRV2.SES  5 SEE",
                 "10.9.3.2:6000  up", "WS1        2 consoles: WS1_1.HIP, WS1_2.HIP"):
        assert part in shown, shown
    assert not diagram.faults(found)


def test_a_standby_server_tells_of_the_hot_one() -> None:
    rows = processes()[1:]
    rows[0]["server"] |= {"node": "SRV2", "hot": "SRV1", "sub": "standby"}
    found = diagram.picture(GROUP, rows, [], pair())
    assert found["hot"] == "SRV1" and "HS as SRV2 says" in diagram.text(found) and not diagram.faults(found)
    rows[0]["server"]["sub"] = "cut off"  # what it says of another one is old
    assert not diagram.picture(GROUP, rows, [], pair())["hot"]


def test_what_keeps_a_switch_from_working_is_named() -> None:
    broken = pair(SRV2=99 << 20)
    broken["nodes"][0] |= {"role": "silent", "why": "refused"}
    broken["witness"] |= {"state": "silent", "why": "no route"}
    found = "\n".join(diagram.faults(diagram.picture(GROUP, processes()[:1], [], broken)))
    for part in ("server on SRV2 does not answer", "database on SRV1 is silent: refused", "0 primaries", "witness 10.9.3.2:6000 is silent"):
        assert part in found, found


def test_clocks_that_differ_are_named() -> None:
    rows = processes()
    rows[1]["time_difference_ms"] = -2500.0
    assert diagram.faults(diagram.picture(GROUP, rows, [], pair())) == ["the clock of SRV2 differs by -2500 ms"]


@pytest.mark.req("R165")
def test_releases_side_by_side_are_shown_and_keep_no_switch_from_working() -> None:
    rows = processes()
    rows[0] |= {"version": "1.0", "protocol": "1.3"}
    rows[1] |= {"version": "1.1", "protocol": "1.4"}
    schemas = {"engine": {"schema": 2, "min_reader": 1}, "store": {"schema": 1, "min_reader": 1}}
    found = diagram.picture(GROUP, rows, [], pair(), schemas)
    assert not diagram.faults(found)
    shown = diagram.text(found)
    for part in ("HS stable, hisee 1.0, protocol 1.3", "SRV1 runs hisee 1.0, SRV2 runs hisee 1.1",
                 "tables of the engine have schema 2, releases of schema 1 can still come back"):
        assert part in shown, shown
    assert "store" not in shown and not diagram.upgrade_lines(diagram.picture(GROUP, processes(), [], pair(), {"why": "no route"}))


@pytest.mark.skipif(bool(programs.missing()), reason=programs.missing() or "-")
def test_a_computer_is_prepared_twice_without_a_change(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hisee.pair.home.Home._check_way", lambda self: None)  # a test's folders are private
    said: list[str] = []
    group = GROUP | {"servers": {"SRV1": {"priority": 3}, "SRV2": {}}}
    for _ in range(2):
        prepare(data, group, {"SRV1": ["10.9.1.2"], "SRV2": ["10.9.2.2"], "W1": ["10.9.3.2"]}, "SRV1", said.append)
    assert said == ["prepared: a node of the database pair at 10.9.1.2:6001; it is made at the first start"] * 2
    assert not Home(data, duties(GROUP, "SRV1", ADDRESSES)[0]).sockets.exists()


def test_a_database_that_others_manage_is_said_to_be_elsewhere() -> None:
    found = diagram.picture(GROUP, processes(), [], {"managed": "elsewhere", "witness": None, "nodes": []})
    assert "managed elsewhere" in diagram.text(found) and not diagram.faults(found)
