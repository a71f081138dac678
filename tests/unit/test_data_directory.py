"""What a data directory keeps outside itself: the directory of its sockets, for as long as the system runs."""

import pytest

from hisee.datadir import DataDir


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    made = DataDir(tmp_path / "data")
    made.make()
    return made


def test_the_empty_directory_of_sockets_goes_with_the_system_and_comes_with_the_next_start(data):
    sockets = data.socket_dir
    assert sockets.is_dir()
    data.forget_run()
    assert not sockets.exists()
    data.make()
    assert data.socket_dir == sockets and sockets.is_dir()


def test_a_socket_that_a_process_still_holds_keeps_its_directory(data):
    (data.socket_dir / "held").touch()
    data.forget_run()
    assert data.socket_dir.is_dir()
