"""Section [scripts] of app.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from hisee.model import ApplicationError, load_application
from hisee.model.scripts import set_facts
from hisee.script.functions import Rules

HEAD = 'name = "PLANT"\n[nodes.SRV1]\nprocesses = [{kind = "server"}]\n[scripts]\n'


def load(folder: Path, text: str):
    (folder / "app.toml").write_text(HEAD + text)
    return load_application(folder)


def test_what_is_set_reaches_the_processes(tmp_path: Path) -> None:
    application = load(tmp_path, 'files = "/srv/{node}/{process}"\nhosts = ["api.example.org:8080"]\nparameters = {plant = "north"}\n')
    rules = Rules.of(set_facts(application.form.scripts), node="SRV1", process="SRV1.SES")
    assert rules == Rules(files="/srv/SRV1/SRV1.SES", hosts=("api.example.org:8080",), parameters={"plant": "north"})
    assert Rules.of(set_facts(load(tmp_path, "").form.scripts)) == Rules()


@pytest.mark.parametrize(("line", "key"), [
    ('files = "files"', "scripts.files"), ('programs = ["df"]', "scripts.programs"), ('hosts = ["http://a"]', "scripts.hosts"),
    ('hosts = ["a:x"]', "scripts.hosts"), (f"environment = {['X' * 150] * 20}", "scripts"),
    ("nothing = 1", "nothing"),
])  # fmt: skip
def test_what_cannot_be_is_refused_with_its_key(tmp_path: Path, line: str, key: str) -> None:
    with pytest.raises(ApplicationError, match=key):
        load(tmp_path, line + "\n")
