"""A system whose server lets messages between scripts pass in its data plane: losses, a frozen process, the death of the server."""

import shutil
import signal
from pathlib import Path

import pytest

from hisee.errors import HiseeError
from support.system import kill, names, running, until

pytestmark = pytest.mark.boot
APP = Path(__file__).parent / "app"
SERVER = '{kind = "server"}'


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plane")
    shutil.copytree(APP, folder / "app")
    text = (folder / "app/app.toml").read_text()
    assert SERVER in text
    (folder / "app/app.toml").write_text(text.replace(SERVER, '{kind = "server", args = ["--plane"]}'))
    with running(folder / "app", folder / "data") as started:
        yield started


def answers(picture):
    """A CALL of the local part reaches the remote one."""
    picture.click("BtnEcho")
    picture.settle(20)
    return picture["LblL"].text.startswith("0 42")


def opened(client, console):
    picture = client.console(console).open("S.Split")
    picture.settle(10)
    return picture


def threads(pid):
    return {(task / "comm").read_text().strip() for task in Path(f"/proc/{pid}/task").iterdir()}


def process(client, name):
    return next(row for row in client.ps() if row["name"] == name)


@pytest.mark.req("R46")
def test_near_and_far_consoles_reach_their_remote_parts_and_are_counted(client):
    near, far = opened(client, "WS1"), opened(client, "FAR")
    assert "hisee-router" in threads(process(client, "SRV1.KNL")["pid"])
    before = {row["source"]: row["sent"] for row in client.routes() if row["type"] == "channel"}
    assert answers(near) and answers(far)
    after = {row["source"]: row["sent"] for row in client.routes() if row["type"] == "channel"}
    assert len(after) == 2 and all(after[name] == before[name] + 1 for name in after), (before, after)
    near.close()
    far.close()


@pytest.mark.req("R49")
def test_a_frozen_script_server_delays_only_its_own(client):
    pictures = [opened(client, f"WS{number}") for number in range(1, 5)]
    frozen = process(client, "REMOTE1.SES")
    its = {row["console"] for row in client.ps() if row["kind"] == "SEE" and row["hosted_by"] == "REMOTE1.SES"}
    others = [picture for picture, number in zip(pictures, range(1, 5), strict=True) if f"WS{number}.HIP" not in its]
    assert len(its) == len(others) == 2
    kill(frozen["pid"], signal.SIGSTOP)
    try:
        for picture in pictures:
            if picture not in others:
                picture.click("BtnEcho")
        for _ in range(20):
            assert all(answers(picture) for picture in others)
    finally:
        kill(frozen["pid"], signal.SIGCONT)
    for picture in pictures:
        picture.settle(20)
        assert picture["LblL"].text.startswith("0 42")
        picture.close()


@pytest.mark.req("R28")
def test_a_killed_script_server_is_replaced_and_every_call_ends(client):
    pictures = [opened(client, f"WS{number}") for number in range(1, 5)]
    for picture in pictures:
        picture.click("BtnSlow")  # waits in its remote part
    lost = {row["name"] for row in client.ps() if row["kind"] == "SEE" and row["hosted_by"] == "REMOTE1.SES"}
    kill(process(client, "REMOTE1.SES")["pid"])
    until(lambda: len(set(names(client.ps(), "SEE")) - lost) == 4, "the lost ones have successors", 30)
    for picture in pictures:
        picture.settle(20)
        assert answers(picture)
        picture.close()
    until(lambda: "REMOTE1.SES" in names(client.ps(), "SES"), "it is started again", 20)


@pytest.mark.req("R5", "R7")
def test_after_the_death_of_the_server_everything_works_again(system):
    with system.connect() as client:
        picture = opened(client, "WS1")
        picture.click("BtnSlow")
        killed = process(client, "SRV1.KNL")["pid"]
        kill(killed)
    until(lambda: system.output().count("\nSRV1.KNL knl") == 2 and system.output().count("\nWS1") >= 2, "all are started again", 60)
    with system.connect() as client:
        assert process(client, "SRV1.KNL")["pid"] != killed
        until(lambda: len(names(client.ps(), "SES")) == 2 and soon(client, "WS1"), "everybody is back", 60)
        assert answers(opened(client, "WS1"))


def soon(client, console):
    """Is the console there? Its process logs on before it has said which consoles it has."""
    try:
        opened(client, console).close()
    except HiseeError:
        return False
    return True
