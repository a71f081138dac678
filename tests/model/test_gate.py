"""The save gate with the real compiler: the pair rules decide what is stored (R50, R53-R57)."""

import pytest

from hisee.model import ImportRefused, load_application
from hisee.model.gate import check_application, default_compile
from hisee.model.toggle import split
from model.homes import dump, execute
from model.sample_app import OBJECTS, PICTURE, write

LOCAL = """\
INT _mine
ENTRY BtnGo_OnClick
  INT _n
  _n := U.Count
  _selected := _n
  CALL [] Add(_n)
END BtnGo_OnClick

RPC PROCEDURE Shown(INT _n)
  _mine := _n
END Shown
"""
REMOTE = """\
RPC PROCEDURE Add(INT _n)
  _n := _n + _selected
END Add
"""


@pytest.fixture
def app(folder):
    write(folder, {"pictures/S.Main/local.esl": LOCAL, "pictures/S.Main/remote.esl": REMOTE})
    return folder


@pytest.fixture
def store(app, home):
    opened = home.open(default_compile)
    opened.import_application(load_application(app))
    return opened


def codes(saved):
    return [d["code"] for d in saved.diagnostics if d["severity"] == "error"]


def refused(store, **parts):
    """The saved parts are refused and nothing changes; the diagnostics."""
    before = dump(store)
    saved = store.save("S.Main", {f"ESLDefinition:{1 if side == 'local' else 2}": text for side, text in parts.items()})
    assert saved.version == 0 and codes(saved)
    assert dump(store) == before
    return saved.diagnostics


def test_both_parts_become_units(store):
    plan = store.opened("S.Main")
    assert store.unit(plan.local_unit)[:4] == store.unit(plan.remote_unit)[:4] == b"ESLU"
    assert plan.handlers == {"L": ["BtnGo_OnClick"], "R": []}
    assert plan.objects == {"U.Count": store.directory().object("U.Count").hbj}


def test_units_load_in_the_machine(store):
    from hisee._core.vm import Unit

    unit = Unit(store.unit(store.opened("S.Main").local_unit))
    number = store.directory().object("U.Count").hbj
    assert [(name, hbj) for name, hbj, *_ in unit.objects] == [("U.Count", number)]


@pytest.mark.req("R53")
def test_the_same_rpc_procedure_in_both_parts(store):
    old = store.read("S.Main:ESLDefinition:2")
    found = refused(store, remote=REMOTE + "RPC PROCEDURE Shown(INT _n)\nEND Shown\n")
    texts = " ".join(d["message"] + " ".join(n["part"] for n in d["notes"]) + d["part"] for d in found)
    assert "Shown" in texts and "S.Main:ESLDefinition:1" in texts and "S.Main:ESLDefinition:2" in texts
    assert store.read("S.Main:ESLDefinition:2") == old


@pytest.mark.req("R54")
def test_an_ordinary_event_in_both_parts_is_fine(store):
    entry = "ENTRY BtnGo_OnClick\nEND BtnGo_OnClick\n"
    assert store.save("S.Main", {"ESLDefinition:2": REMOTE + entry}).version == 2
    assert store.opened("S.Main").handlers == {"L": ["BtnGo_OnClick"], "R": ["BtnGo_OnClick"]}


@pytest.mark.req("R55")
def test_a_synchronous_event_in_both_parts_is_refused_in_one_it_is_fine(store):
    entry = "ENTRY OnClose(BOOL _bClose)\n  _bClose := @FALSE\nEND OnClose\n"
    assert store.save("S.Main", {"ESLDefinition:1": LOCAL + entry}).version == 2
    refused(store, remote=REMOTE + entry)
    assert store.save("S.Main", {"ESLDefinition:1": LOCAL, "ESLDefinition:2": REMOTE + entry}).version == 3


@pytest.mark.req("R50")
def test_a_local_of_the_other_part_cannot_be_read(store):
    refused(store, remote=REMOTE + "BEGIN\n  _selected := _mine\n")


def test_a_name_that_no_object_has(store):
    found = refused(store, local=LOCAL.replace("U.Count", "U.Cuont"))
    assert found[0]["line"] == 4 and found[0]["file"] == "pictures/S.Main/local.esl"


@pytest.mark.req("R57")
def test_server_script_off_leaves_a_text_that_compiles(store):
    local = LOCAL.replace("  CALL [] Add(_n)\n", "")
    assert store.save("S.Main", {"PICTURE": PICTURE.replace("= true", "= false"), "ESLDefinition:1": local}).version == 2
    assert split(store.read("S.Main:ESLDefinition:1").data.decode()) == (local, [REMOTE])
    plan = store.opened("S.Main")
    assert plan.remote_unit == "" and plan.handlers == {"L": ["BtnGo_OnClick"]}


@pytest.mark.req("R56")
def test_an_event_turned_local_leaves_a_text_that_compiles(app, store):
    assert store.save("E.Tick", {"ESLDefinition:2": REMOTE.replace("_selected", "1")}).version == 2
    assert store.save("E.Tick", {"EVENT": 'event_type = "server"\n'}).version == 3
    assert split(store.read("E.Tick:ESLDefinition:1").data.decode()).remotes == [REMOTE.replace("_selected", "1")]
    assert store.opened("E.Tick").remote_unit == ""


def test_a_table_in_a_script(app, store):
    text = 'RECORD (SD.Meter) _rows\nINT _rc\nBEGIN\n  DBS_READ T.Meter, _rows, _rc, 10 WHERE "Id > #PAR#" BINDIN 1\n'
    assert store.save("S.Main", {"ESLDefinition:2": REMOTE + text}).diagnostics == []
    assert "T.Meter" in store.opened("S.Main").objects


def test_a_structure_that_changes_is_checked_against_every_script(store):
    text = 'RECORD (SD.Meter) _rows\nBEGIN\n  _rows[1]^Name := "a"\n'
    assert store.save("S.Main", {"ESLDefinition:2": REMOTE + text}).version
    segment = store.read("SD.Meter:OBJECT").data.decode()
    saved = store.save("SD.Meter", {"OBJECT": segment.replace('  ["Name", "TEXT"],\n', "")})
    assert saved.version == 0 and any(d["part"] == "S.Main:ESLDefinition:2" for d in saved.diagnostics)


def test_check_reports_without_a_store(app):
    assert check_application(load_application(app)) == []
    write(app, {"pictures/S.Main/local.esl": LOCAL.replace("END Shown", "END Shwon")})
    found = check_application(load_application(app))
    assert found and set(found[0]) == {
        "code",
        "severity",
        "file",
        "part",
        "line",
        "column",
        "end_line",
        "end_column",
        "message",
        "hint",
        "notes",
    }


def test_an_application_that_does_not_compile_is_not_imported(app, home):
    write(app, {"pictures/S.Main/local.esl": "BEGIN\n  _x := \n"})
    empty = home.open(default_compile)
    with pytest.raises(ImportRefused, match=r"pictures/S\.Main/local\.esl:2:"):
        empty.import_application(load_application(app))
    assert execute(empty, "SELECT * FROM store_object") == []


def test_units_of_another_compiler_are_made_again(store, app, home):
    execute(store, "UPDATE store_meta SET value = 'older' WHERE key = 'compiler'")
    execute(store, "DELETE FROM store_unit")
    store = home.open(default_compile)
    assert store.unit(store.opened("S.Main").local_unit) is None
    assert store.import_application(load_application(app)).changed == []
    assert store.unit(store.opened("S.Main").local_unit) is not None


def test_objects_toml_as_written(app, store):
    assert store.files()["objects.toml"].decode() == OBJECTS


def test_a_script_that_is_no_text_or_too_long_is_refused(app, store):
    assert store.save("S.Main", {"ESLDefinition:2": b"BEGIN\n\xff\n"}).diagnostics[0]["line"] == 2
    head = (app / "app.toml").read_text()
    write(app, {"app.toml": head.replace("[limits]", "[limits]\nsource_bytes = 100")})
    with pytest.raises(ImportRefused, match="source_bytes is 100"):
        store.import_application(load_application(app))
