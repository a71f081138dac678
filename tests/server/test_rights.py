"""Grants of app.toml and the one question that every entrance asks."""

import pytest

from hisee.server.rights import Rights


@pytest.mark.parametrize(("grants", "action", "name", "may"), [
    (["*"], "stop", "", True), ([], "set", "U.Count", False), (["set"], "set", "U.Count", True), (["set"], "save", "S.X", False),
    (["set:U.*"], "set", "u.count", True), (["set:U.*"], "set", "SV.Tanks", False), (["*:S.*"], "open", "S.Pump", True),
    (["open:S.*", "set:U.A"], "set", "U.B", False)])
def test_what_is_not_granted_is_refused(grants, action, name, may):
    assert Rights({"local": grants}).allow("local", action, name) is may


def test_an_unknown_user_may_nothing():
    assert not Rights({"local": ["*"]}).allow("guest", "open", "S.Pump")
