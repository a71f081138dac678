"""Where a system lives, and its limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hisee import config
from hisee.errors import AccessRefused, UsageError
from hisee.schema.limits import ROWS


def test_the_data_directory_is_found_in_order(tmp_path, monkeypatch):
    (tmp_path / "app.toml").touch()
    inside = tmp_path / "pictures/S.X"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert config.find_data(Path("d"), environ={"HISEE_DATA": "/e"}) == inside / "d"
    assert config.find_data(environ={"HISEE_DATA": "/e"}) == Path("/e")
    assert config.find_data(environ={}) == tmp_path / ".hisee"
    assert config.find_data(app=inside, environ={}) == inside / ".hisee"


def test_without_any_the_ways_out_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="--data DIR.*HISEE_DATA.*application"):
        config.find_data(environ={})


def test_socket_paths_are_short_and_differ(tmp_path):
    deep = tmp_path / ("x" * 200)
    one, two = config.socket_directory(deep, {}), config.socket_directory(tmp_path, {})
    assert one != two and len(os.fsencode(one)) < 60 and str(os.getuid()) in one.name
    digest = one.name.rpartition("-")[2]
    assert config.socket_directory(deep, {"XDG_RUNTIME_DIR": "/run/u"}) == Path(f"/run/u/hisee-{digest}")
    assert config.socket_directory(deep, {"XDG_RUNTIME_DIR": "/r" * 60}) == one


def test_the_same_folder_by_another_way_is_the_same_system(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to("a")
    assert config.socket_directory(tmp_path / "a", {}) == config.socket_directory(tmp_path / "b", {})


def test_a_private_folder_is_private(tmp_path):
    made = config.make_private(tmp_path / "s")
    assert made.stat().st_mode & 0o777 == 0o700
    made.chmod(0o755)
    with pytest.raises(AccessRefused, match=r"not private"):
        config.make_private(made)


def test_a_link_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "s").symlink_to("real")
    with pytest.raises(AccessRefused):
        config.make_private(tmp_path / "s")


def test_limits_have_defaults_and_overrides():
    assert config.limits() == {row.name: row.value for row in ROWS}
    assert config.limits({"call_depth": 7})["call_depth"] == 7


@pytest.mark.parametrize("wrong", [{"nosuch": 1}, {"call_depth": 0}, {"call_depth": True}, {"call_depth": "7"}, {"call_depth": 1.5}])
def test_a_wrong_limit_is_named(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        config.limits(wrong)
