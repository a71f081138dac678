"""Reading an application folder: what comes out, and what a person is told when something is wrong."""

import re

import pytest

from hisee.model import ApplicationError, NoApplication, load_application
from hisee.model.directory import cells, context_of, databases, dbm_facts
from model.sample_app import APP, OBJECTS, PICTURE, write


def problems(folder):
    with pytest.raises(ApplicationError) as failed:
        load_application(folder)
    return failed.value.problems


def one(folder):
    found = problems(folder)
    assert len(found) == 1, [str(p) for p in found]
    return found[0]


def test_a_good_folder_is_read_whole(folder):
    app = load_application(folder)
    assert (app.name, app.system, app.warnings) == ("plant", "PLANT", [])
    assert [p.name for p in app.processes] == ["SRV1.KNL", "SRV1.CP", "SRV1.DBM", "SRV1.SES", "WS1.HIP"]
    assert app.limits["see_memory_bytes"] == 1_000_000 and app.limits["call_depth"] == 1000
    assert app.nodes["WS1"].link.rtt_ms == 5.0 and app.nodes["SRV1"].local and not app.nodes["WS1"].local
    assert app.find("u.COUNT").name == "U.Count"
    assert {o.kind for o in app.objects.values()} == {
        "user_variable",
        "structure_definition",
        "structured_variable",
        "database",
        "table",
        "picture",
        "event",
        "process",
    }


def test_the_files_come_back_byte_for_byte(folder):
    files = load_application(folder).files()
    assert files == {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_comments_above_a_table_belong_to_its_object(folder):
    source = load_application(folder).find("U.Count").source
    assert source.parts["OBJECT"].startswith(b'# how often the button was pressed\n["U.Count"]')
    assert source.line == 3


def test_what_the_compiler_is_told(folder):
    app = load_application(folder)
    context = context_of(app, app.find("S.Main"))
    assert context.kind == "picture" and context.server_script
    assert context.refs == {"BtnGo": 1, "Lbl": 2}
    assert list(context.variables) == [("_selected", "INT")]
    table = context.directory.object("t.meter")
    assert (table.name, table.kind, tuple(table.columns), tuple(table.key), table.structure, table.access) == (
        "T.Meter",
        "table",
        (("Id", "INT"), ("Name", "TEXT")),
        ("Id",),
        "SD.Meter",
        "rw",
    )
    assert context.directory.object("U.Nobody") is None


def test_cells_and_data_requests(folder):
    app = load_application(folder)
    made = {c.name: c for c in cells(app)}
    assert (made["U.Count"].type, made["U.Count"].initial, made["U.Count"].rows) == ("INT", 0, 0)
    assert made["SV.Meters"].rows == 3 and made["SV.Meters"].columns == (("Id", "INT"), ("Name", "TEXT"))
    db, table = app.find("DB.Plant").hbj, app.find("T.Meter").hbj
    assert databases(app) == {db: db, table: db}
    facts = dbm_facts(app)
    assert facts["databases"][db]["url"] == "sqlite:///plant.db" and facts["databases"][db]["parts"] == ["SQL"]
    assert facts["tables"][table]["key"] == ["Id"] and facts["tables"][table]["parts"] == ["CSV"]


def test_a_database_can_be_bound_to_one_dbm(folder):
    write(folder, {"objects.toml": OBJECTS.replace('url = "sqlite:///plant.db"', 'url = "sqlite:///plant.db"\nprocess = "SRV1.DBM"')})
    app = load_application(folder)
    assert dbm_facts(app, "srv1.dbm")["databases"] and not dbm_facts(app, "SRV2.DBM")["databases"]


def test_a_folder_without_app_toml_is_no_application(tmp_path):
    with pytest.raises(NoApplication, match=r"app\.toml"):
        load_application(tmp_path)


WRONG_APP = [
    ('name = "plant"', 'name = "much_too_long"', "name", "1 to 8 letters"),
    ("port = 0", "port = 70000", "port", "65535"),
    ("port = 0", "prt = 0", "prt", "did you mean port"),
    ("Europe/Bratislava", "Europe/Atlantis", "time_zone", "Europe/Bratislava"),
    ('kind="dbm"', 'kind="dmb"', "nodes.SRV1.processes[2].kind", "did you mean dbm"),
    ('kind="dbm"', 'kind="dbm", cuont=2', "nodes.SRV1.processes[2].cuont", "did you mean count"),
    ('kind="dbm"', 'kind="dbm", count="two"', "nodes.SRV1.processes[2].count", "whole number"),
    ('host = "127.0.0.1"', 'host = "10.0.0.7"', "nodes.WS1.link", "drop link"),
    ("see_memory_bytes", "see_memory_byte", "limits.see_memory_byte", "did you mean see_memory_bytes"),
    ("= 1000000", "= -1", "limits.see_memory_bytes", "default is"),
    ('{kind="dbm"}', '{kind="dbm"}, {kind="dbm"}', "nodes.SRV1", "another `name`"),
    ('{kind="dbm"}', '{kind="dbm"}, {kind="agent", name="A"}', "nodes.SRV1.processes[3].programs", "list of programs"),
    ('{kind="dbm"}', '{kind="dbm", restart="always"}', "nodes.SRV1.processes[2].restart", "always"),
    ('{kind="dbm"}', '{kind="dbm", name="a b"}', "nodes.SRV1.processes[2].name", "letters"),
]


@pytest.mark.parametrize(("old", "new", "key", "words"), WRONG_APP)
def test_a_wrong_key_of_app_toml_is_named(folder, old, new, key, words):
    write(folder, {"app.toml": APP.replace(old, new, 1)})
    found = one(folder)
    assert (found.file, found.key) == ("app.toml", key)
    assert re.search(words, str(found)), str(found)


WRONG_OBJECTS = [
    ('value_type = "INT"', 'value_type = "INTEGER"', "U.Count.value_type", "INTEGER"),
    ("initial = 0", 'initial = "x"', "U.Count.initial", "does not fit INT"),
    ("initial = 0", "initial = -9223372036854775808", "U.Count.initial", "lies between"),
    ("initial = 0", "inital = 0", "U.Count.inital", "did you mean initial"),
    ('type = "user_variable"', 'type = "variable"', "U.Count.type", "did you mean"),
    ('type = "user_variable"\n', "", "U.Count.type", "missing"),
    ('definition = "SD.Meter"', 'definition = "SD.Metre"', "SV.Meters.definition", "did you mean SD.Meter"),
    ("rows = 3", "rows = 0", "SV.Meters.rows", ">= 1"),
    ("rows = 3", "rows = 2000000", "SV.Meters.rows", "record_rows"),
    ('database = "DB.Plant"', 'database = "U.Count"', "T.Meter.database", "is a user variable"),
    ('key = ["Id"]', 'key = ["Idd"]', "T.Meter.key", "no such column"),
    ('access = "modify"', 'access = "write"', "T.Meter.access", "write"),
    ('url = "sqlite:///plant.db"', 'url = "plant.db"', "DB.Plant.url", "sqlite:///file.db"),
    ('["Name", "TEXT"]', '["Name", "STRING"]', "SD.Meter.columns[1][1]", "STRING"),
    ('["Name", "TEXT"]', '["ID", "TEXT"]', "SD.Meter.columns[1]", "exists twice"),
    ('["SD.Meter"]', '["1SD"]', "", "no name of an object"),
    ('["U.Count"]', '["Begin"]', "", "word of the language"),
]


@pytest.mark.parametrize(("old", "new", "key", "words"), WRONG_OBJECTS)
def test_a_wrong_object_is_named(folder, old, new, key, words):
    write(folder, {"objects.toml": OBJECTS.replace(old, new, 1)})
    found = [p for p in problems(folder) if p.key == key]
    assert found and found[0].file == "objects.toml"
    assert re.search(words, str(found[0])), str(found[0])


WRONG_PICTURE = [
    ('kind = "button"', 'kind = "buton"', "objects.BtnGo.kind", "did you mean button"),
    ('bind = "U.Count"', 'bind = "U.Cuont"', "objects.Lbl.bind", "did you mean U.Count"),
    ('bind = "U.Count"', 'bind = "_selektd"', "objects.Lbl.bind", "no variable.*did you mean _selected"),
    ('bind = "U.Count"', 'colour = "red"', "objects.Lbl.colour", "unknown key"),
    ('"_selected"', '"selected"', "variables[0]", "underscore"),
    ('"_selected"', '"_BtnGo"', "variables[0]", "reference variable"),
    ("server_script = true", 'server_script = "yes"', "server_script", "true or false"),
]


@pytest.mark.parametrize(("old", "new", "key", "words"), WRONG_PICTURE)
def test_a_wrong_picture_is_named(folder, old, new, key, words):
    write(folder, {"pictures/S.Main/picture.toml": PICTURE.replace(old, new, 1)})
    found = one(folder)
    assert (found.file, found.key) == ("pictures/S.Main/picture.toml", key)
    assert re.search(words, str(found)), str(found)


@pytest.mark.req("R138")
def test_a_display_may_follow_a_picture_variable(folder):
    write(folder, {"pictures/S.Main/picture.toml": PICTURE.replace('bind = "U.Count"', 'bind = "_Selected"', 1)})
    load_application(folder)


@pytest.mark.parametrize("name", ["picture.toml", "picture.svg", "local.esl"])
def test_a_missing_file_is_named(folder, name):
    (folder / "pictures/S.Main" / name).unlink()
    assert f"pictures/S.Main/{name}" in {p.file for p in problems(folder)}


def test_a_mistyped_script_file_is_an_error_not_a_silent_gap(folder):
    (folder / "pictures/S.Main/remote.esl").rename(folder / "pictures/S.Main/remot.esl")
    assert one(folder).file == "pictures/S.Main/remot.esl"


def test_names_that_differ_only_in_case_are_one_name(folder):
    write(folder, {"objects.toml": OBJECTS + '\n["u.count"]\ntype = "user_variable"\nvalue_type = "INT"\n'})
    assert "exists twice" in one(folder).text


def test_one_object_cannot_be_a_picture_and_an_event(folder):
    write(folder, {"events/S.Main/event.toml": 'event_type = "server"\n', "events/S.Main/script.esl": ""})
    assert any("S.Main exists twice" in p.text or "same part" in p.hint + p.text for p in problems(folder))


def test_every_problem_is_reported_at_once(folder):
    write(
        folder,
        {
            "app.toml": APP.replace("port = 0", "port = -1"),
            "objects.toml": OBJECTS.replace("rows = 3", "rows = 0"),
            "pictures/S.Main/picture.svg": "<svg",
        },
    )
    assert {p.file for p in problems(folder)} == {"app.toml", "objects.toml", "pictures/S.Main/picture.svg"}


def test_broken_toml_and_text_say_where(folder):
    write(folder, {"objects.toml": OBJECTS + "\nx = = 1\n"})
    found = one(folder)
    assert found.line == OBJECTS.count("\n") + 2 and "not TOML" in found.text
    (folder / "objects.toml").write_bytes(b"a = 1\n\xff\n")
    assert "not UTF-8" in one(folder).text


def test_kinds_of_a_later_release_are_accepted_with_a_warning(folder):
    more = '\n["H.Count"]\ntype = "historical_value"\nsource = "U.Count"\nperiod_s = 1\n'
    write(folder, {"objects.toml": OBJECTS + more, "app.toml": APP.replace('{kind="dbm"}', '{kind="dbm"}, {kind="arc", count=2}')})
    app = load_application(folder)
    assert [w.severity for w in app.warnings] == ["warning", "warning"]
    assert [(p.name, p.served) for p in app.processes if p.command == "arc"] == [("SRV1.ARC", False), ("SRV1_2.ARC", False)]


def test_an_svg_without_the_element_is_a_warning(folder):
    write(folder, {"pictures/S.Main/picture.svg": "<svg/>"})
    assert ["BtnGo" in w.text or "Lbl" in w.text for w in load_application(folder).warnings] == [True, True]


def test_a_bracket_inside_a_list_is_no_table(folder):
    """`["Id"]` at the start of a line inside a list looks like a header."""
    text = (
        OBJECTS.replace('key = ["Id"]', 'key = [\n"Id"\n]\noptional = [\n]\n') + '\n["U.Text"]\ntype="user_variable"\nvalue_type="TEXT"\n'
        'initial = """\n["U.Fake"]\n"""\n'
    )
    write(folder, {"objects.toml": text})
    app = load_application(folder)
    assert app.find("U.Fake") is None and app.find("U.Text").form.initial == '["U.Fake"]\n'
    assert app.files()["objects.toml"] == text.encode()


@pytest.mark.parametrize(
    ("value_type", "text", "expected"),
    [
        ("TIME", "2026-01-01T00:00:00Z", 1767225600000),
        ("TIME", "2026-07-01T02:00:00", 1782864000000),
        ("TIME", '"2026-01-01T00:00:00Z"', 1767225600000),
        ("BOOL", "true", True),
        ("REAL", "2", 2.0),
        ("TEXT", '"a"', "a"),
    ],
)
def test_initial_values(folder, value_type, text, expected):
    write(folder, {"objects.toml": OBJECTS.replace('value_type = "INT"\ninitial = 0', f'value_type = "{value_type}"\ninitial = {text}')})
    assert next(c.initial for c in cells(load_application(folder)) if c.name == "U.Count") == expected


def test_no_initial_value_is_invalid(folder):
    write(folder, {"objects.toml": OBJECTS.replace("initial = 0\n", "")})
    assert next(c.initial for c in cells(load_application(folder)) if c.name == "U.Count") is None


@pytest.mark.req("R4")
def test_nothing_dynamic_is_configured(folder):
    """HIS and SEE exist only while an object is open: no configured process is one."""
    assert {p.kind for p in load_application(folder).processes} & {"HIS", "SEE"} == set()


def test_cells_become_values_of_the_server_s_table(folder):
    from hisee._core.cells import CellTable
    from hisee.values import Ref, Time

    write(folder, {"objects.toml": OBJECTS + '\n["U.When"]\ntype = "user_variable"\nvalue_type = "TIME"\ninitial = 2026-01-01T00:00:00Z\n'})
    app, table = load_application(folder), CellTable()
    for cell in cells(app):
        cell.define(table, 5)
    number = {name: item.hbj for name, item in app.objects.items()}
    assert table.get(Ref(number["U.Count"])).value == 0 and table.get(Ref(number["U.Count"])).time_ms == 5
    assert table.get(Ref(number["U.When"])).value == Time(1767225600000)
    assert table.dim(number["SV.Meters"]) == 3 and table.get(Ref(number["SV.Meters"], 2, 1)).reason == 1
    table.set(Ref(number["U.Count"]), 7, 6)
    for cell in cells(app):
        cell.define(table, 9)
    assert table.get(Ref(number["U.Count"])).value == 7, "a definition read again does not undo what runs"
