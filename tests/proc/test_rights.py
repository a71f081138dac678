"""A system that grants little: every entrance is refused with a text that names user, action and object."""

import shutil
from pathlib import Path

import pytest

import hisee
from hisee.api import RequestRefused
from support.system import running, until

pytestmark = pytest.mark.boot
APP = Path(__file__).parent / "app"


def test_only_what_app_toml_grants_is_done(tmp_path):
    app = tmp_path / "app"
    shutil.copytree(APP, app)
    with open(app / "app.toml", "a") as file:
        file.write('\n[rights]\nlocal = ["open:S.Split", "set:U.Level", "data:T.None"]\n')
    with running(app, tmp_path / "data") as system, system.connect() as client:
        client.set("U.Level", 2.5)
        for forbidden in (lambda: client.set("U.Count", 1), lambda: client.console("WS1").open("S.Local"), client.stop,
                          lambda: client.objects.save("S.Local", {"ESLDefinition:1": "BEGIN\nEND\n"})):
            with pytest.raises(RequestRefused) as refused:
                forbidden()
            assert refused.value.error == 25 and "user local may not" in str(refused.value)
        scripts_ask_too(client, system)


def scripts_ask_too(client: hisee.System, system) -> None:
    picture = client.console("WS1").open("S.Split")
    picture.settle(10)
    picture.click("BtnReadHere")
    until(lambda: picture["LblL"].text.endswith("rc 25"), "the read of a script is refused")
    picture.click("BtnSet")
    until(lambda: "_ERR_TRANS_ERROR" in system.log("events.log"), "the write of a script is refused at WAIT")
    assert client.get("U.Count") == 7
