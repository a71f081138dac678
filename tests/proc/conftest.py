"""One system per test module, made of the application beside this file; objects are opened anew by each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import hisee
from support.system import RunningSystem, running

APP = Path(__file__).parent / "app"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with running(APP, tmp_path_factory.mktemp("system") / "data") as started:
        yield started


@pytest.fixture
def client(system: RunningSystem) -> Iterator[hisee.System]:
    with system.connect() as connected:
        yield connected


@pytest.fixture(params=["WS1", "FAR"])
def picture(request: pytest.FixtureRequest, client: hisee.System) -> Iterator[hisee.Picture]:
    """S.Split on a console of this computer (rings) and on one of another computer (TCP): the same behaviour (R46)."""
    opened = client.console(request.param).open("S.Split")
    opened.settle(10)
    yield opened
    opened.close()
