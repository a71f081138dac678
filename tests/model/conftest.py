"""Fixtures of the model's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.sample_app import APP, LOCAL, OBJECTS, PICTURE, REMOTE, SVG, write


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
