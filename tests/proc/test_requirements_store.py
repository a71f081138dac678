"""Objects over the Python API of a running system: parts, refused saves, versions, the Server Script switch, names."""

import pytest

import hisee
import hisee.api
from support.system import until

pytestmark = pytest.mark.boot
LOCAL, REMOTE = "ESLDefinition:1", "ESLDefinition:2"
NEAR = "RPC PROCEDURE Near(INT _n)\n  _n := 3\nEND Near\n"


def switched(picture, on):
    return picture.replace("server_script = " + ("false" if on else "true"), "server_script = " + ("true" if on else "false"))


@pytest.mark.req("R18", "R20")
def test_the_server_s_log_tells_choice_counts_and_confirmation(client, system):
    picture = client.console("WS1").open("S.Split")
    picture.settle(10)
    see = picture.facts["see"]
    picture.close()
    log = system.log("SRV1.KNL.log")
    assert f"SEE {see} for WS1.HIP: chosen REMOTE1.SES from {{'REMOTE1.SES': 0, 'REMOTE2.SES': 0}}" in log
    assert f"SEE {see} runs" in log


@pytest.mark.req("R38")
def test_each_part_of_a_picture_is_read_by_its_own_address(client):
    read = client.objects.read
    assert "server_script = true" in read("S.Kept:PICTURE")
    assert read("S.Kept:ESLDefinition:1").startswith("; the local text")
    assert read("S.Kept:ESLDefinition:2").startswith("; the remote text")


@pytest.mark.req("R53")
def test_a_save_with_an_rpc_procedure_in_both_parts_is_refused_and_the_old_version_stays(client):
    read, save = client.objects.read, client.objects.save
    before = read(f"S.Kept:{REMOTE}")
    saved = save("S.Kept", {REMOTE: before + "\n" + NEAR})
    assert saved.version == 0
    (found,) = saved.diagnostics
    assert "Near" in found["message"] and found["part"] == "S.Kept:ESLDefinition:2"
    assert "S.Kept:ESLDefinition:1" in {note["part"] for note in found["notes"]}, "the other declaration is named too"
    assert read(f"S.Kept:{REMOTE}") == before


@pytest.mark.req("R61")
def test_an_open_picture_keeps_its_version_until_it_is_opened_again(client):
    objects, console = client.objects, client.console("WS1")
    old = console.open("S.Kept")
    old.settle(10)
    parts = {part: objects.read(f"S.Kept:{part}") for part in (LOCAL, REMOTE)}
    saved = objects.save("S.Kept", {part: text.replace('"first"', '"second"') for part, text in parts.items()})
    assert saved.version > old.facts["version"]
    assert marks(old) == ("first", "first")
    old.close()
    new = console.open("S.Kept")
    new.settle(10)
    assert new.facts["version"] == saved.version and marks(new) == ("second", "second")
    new.close()
    assert objects.read(f"S.Kept:{LOCAL}", version=saved.version - 1) == parts[LOCAL]


def marks(picture):
    picture.click("BtnGo")
    until(lambda: "-" not in (picture["LblL"].text, picture["LblR"].text), "both handlers ran")
    return picture["LblL"].text, picture["LblR"].text


@pytest.mark.req("R57", "R58")
def test_server_script_off_and_on_loses_nothing(client):
    read, save = client.objects.read, client.objects.save
    local, remote, picture = read(f"S.Kept:{LOCAL}"), read(f"S.Kept:{REMOTE}"), read("S.Kept:PICTURE")
    for _ in range(10):
        assert save("S.Kept", {"PICTURE": switched(picture, False)}).version
        commented = read(f"S.Kept:{LOCAL}")
        assert commented.startswith(local) and all(line.startswith(";") for line in commented[len(local):].split("\n") if line)
        assert all(f"; {line}".rstrip() in commented or f";{line}" in commented for line in remote.splitlines())
        assert save("S.Kept", {"PICTURE": picture, LOCAL: local, REMOTE: remote}).version
    assert (read(f"S.Kept:{LOCAL}"), read(f"S.Kept:{REMOTE}")) == (local, remote)


@pytest.mark.req("R58")
def test_server_script_on_again_uncomments_nothing(client):
    read, save = client.objects.read, client.objects.save
    local, remote, picture = read(f"S.Kept:{LOCAL}"), read(f"S.Kept:{REMOTE}"), read("S.Kept:PICTURE")
    assert save("S.Kept", {"PICTURE": switched(picture, False)}).version
    commented = read(f"S.Kept:{LOCAL}")
    assert save("S.Kept", {"PICTURE": picture}).version
    assert read(f"S.Kept:{LOCAL}") == commented
    with pytest.raises(hisee.api.RequestRefused, match="no part"):
        read(f"S.Kept:{REMOTE}")
    assert save("S.Kept", {LOCAL: local, REMOTE: remote}).version


@pytest.mark.req("R3", "R2", "R1", "R4")
def test_no_name_repeats_among_two_hundred_opened_pictures(client):
    listed = client.objects.list()
    opened = [client.console(f"WS{1 + at % 10}").open("S.Split" if at % 2 else "S.Local") for at in range(210)]
    rows = client.ps()
    virtual = [row for row in rows if row["kind"] in ("HIS", "SEE")]
    assert len(virtual) == 210 + 105 and len({row["name"] for row in rows}) == len(rows)
    for row in rows:
        name, _, kind = row["name"].partition(".")
        if row["kind"] == "CP":  # server processes have numbers instead
            assert row["name"].startswith("CP") and row["name"][2:].isdigit()
        else:
            assert name and kind == row["kind"] and kind.isupper() and len(kind) == 3
    for row in virtual:
        workstation, _, number = row["name"].partition(".")[0].rpartition("_")
        assert f"{workstation}.HIP" == row["console"] and number.isdecimal()
    assert client.objects.list() == listed, "opening stores nothing"
    for picture in opened:
        picture.close()
    until(lambda: not [r for r in client.ps() if r["kind"] in ("HIS", "SEE")], "all of them are gone")
