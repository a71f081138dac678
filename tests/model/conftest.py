"""Fixtures of the model's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model.homes import Home
from model.sample_app import APP, LOCAL, OBJECTS, PICTURE, REMOTE, SVG, write
from support import postgres

NO_SERVER = pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")
POSTGRES = pytest.param("postgresql", marks=[pytest.mark.slow, NO_SERVER])


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    """A database on a server of the module's own."""
    with postgres.postgres_server() as server:
        yield server.database("store")


@pytest.fixture(params=["sqlite", POSTGRES])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """An empty place for a store, on each database."""
    made = Home(tmp_path / "data", request.getfixturevalue("postgres_url") if request.param == "postgresql" else "")
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An application with every kind of object that this release serves."""
    return write(
        tmp_path / "app",
        {
            "app.toml": APP,
            "objects.toml": OBJECTS,
            "pictures/S.Main/picture.toml": PICTURE,
            "pictures/S.Main/picture.svg": SVG,
            "pictures/S.Main/local.esl": LOCAL,
            "pictures/S.Main/remote.esl": REMOTE,
            "events/E.Tick/event.toml": 'event_type = "client_and_server"\n',
            "events/E.Tick/local.esl": "; l\n",
            "events/E.Tick/remote.esl": "; r\n",
            "data/DB.Plant.sql": "CREATE TABLE meter (Id INTEGER PRIMARY KEY, Name TEXT);\n",
            "data/T.Meter.csv": "Id,Name\n1,main\n",
            "tasks.py": "# none\n",
        },
    )
