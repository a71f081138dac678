"""The scripts of the language once more, beside the hand-made units: the twin and the sanitizers of test_twin.py see them too."""

from __future__ import annotations

import pytest

from esl.scripts import expectations, files
from esl.test_scripts import run


@pytest.mark.parametrize("path", files("language"), ids=lambda p: p.stem)
def test_rule(path):
    host, _ = run(path)
    assert host.log == expectations(path.read_text()).lines
    host.script.close()
