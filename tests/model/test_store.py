"""The store: import, save gate, versions, export, numbers. The compiler is a small stand-in; test_gate uses the real one."""

import hashlib

import pytest

from hisee.errors import UsageError
from hisee.model import ApplicationError, ImportConflict, ImportRefused, NotStored, StoreError, load_application
from hisee.model.toggle import split
from model.homes import dump
from model.sample_app import APP, LOCAL, OBJECTS, PICTURE, REMOTE, fake_compile, write


@pytest.fixture
def store(home):
    return home.open()


@pytest.fixture
def filled(store, folder):
    store.import_application(load_application(folder))
    return store


def test_the_first_import_takes_everything(store, folder):
    report = store.import_application(load_application(folder))
    assert set(report.imported) >= {"U.Count", "S.Main", "E.Tick", "DB.Plant"} and not report.kept
    again = store.import_application(load_application(folder))
    assert again.changed == [] and set(again.unchanged) == set(report.imported)


@pytest.mark.req("R38")
def test_the_parts_of_a_picture_are_addressed_one_by_one(filled):
    assert filled.read("S.Main:PICTURE").data == PICTURE.encode()
    assert filled.read("S.Main:ESLDefinition:1").data == LOCAL.encode()
    assert filled.read("s.main:esldefinition:2").data == REMOTE.encode()
    assert filled.read("U.Count:OBJECT").data.endswith(b"initial = 0\n\n")


@pytest.mark.parametrize("address", ["S.Main", "S.Main:ESL", "S.Nobody:PICTURE", "S.Main:EVENT", "SRV1.KNL:PICTURE"])
def test_a_wrong_address_is_refused(filled, address):
    with pytest.raises((NotStored, UsageError)):
        filled.read(address)


def test_the_export_is_the_folder_byte_for_byte(filled, folder, tmp_path):
    filled.export(tmp_path / "out")
    for path in folder.rglob("*"):
        if path.is_file():
            assert (tmp_path / "out" / path.relative_to(folder)).read_bytes() == path.read_bytes()
    assert load_application(tmp_path / "out").files() == load_application(folder).files()


def test_a_part_of_the_application_can_be_exported(filled):
    assert set(filled.files(["S.Main"])) == {f"pictures/S.Main/{n}" for n in ("picture.toml", "picture.svg", "local.esl", "remote.esl")}


@pytest.mark.req("R53")
def test_a_refused_save_changes_nothing(filled):
    before, text = dump(filled), filled.read("S.Main:ESLDefinition:2")
    saved = filled.save("S.Main", {"ESLDefinition:2": "ERROR here\n", "ESLDefinition:1": "; fine\n"})
    assert saved.version == 0
    found = saved.diagnostics[0]
    assert (found["part"], found["file"], found["line"]) == ("S.Main:ESLDefinition:2", "pictures/S.Main/remote.esl", 1)
    assert filled.read("S.Main:ESLDefinition:2") == text and dump(filled) == before


@pytest.mark.req("R61")
def test_a_save_makes_a_version_and_keeps_the_old_one(filled):
    plan = filled.opened("S.Main")
    saved = filled.save("S.Main", {"ESLDefinition:1": "; newer\n"})
    assert saved.version == 2 and saved.diagnostics == []
    assert filled.read("S.Main:ESLDefinition:1").data == b"; newer\n"
    assert filled.read("S.Main:ESLDefinition:1", version=1).data == LOCAL.encode()
    assert filled.opened("S.Main").local_unit != plan.local_unit
    assert filled.unit(plan.local_unit) is not None, "an opened object runs on with the unit it was opened with"
    assert [v[0] for v in filled.versions("S.Main")] == [1, 2]
    with pytest.raises(NotStored):
        filled.read("S.Main:ESLDefinition:1", version=9)


def test_a_save_that_changes_nothing_makes_no_version(filled):
    assert filled.save("S.Main", {"ESLDefinition:1": LOCAL}).version == 1


def test_several_objects_are_saved_together_or_not_at_all(filled):
    before = dump(filled)
    assert filled.save_all({"S.Main:ESLDefinition:1": "; new\n", "E.Tick:ESLDefinition:1": "ERROR\n"}).version == 0
    assert dump(filled) == before
    assert filled.save_all({"S.Main:ESLDefinition:1": "; new\n", "E.Tick:ESLDefinition:1": "; new\n"}).version == 2


def test_a_new_picture_can_be_saved(filled, tmp_path):
    saved = filled.save("S.New", {"PICTURE": "server_script = false\n", "SVG": "<svg/>", "ESLDefinition:1": "uses U.Count\n"})
    assert saved.version == 1 and filled.opened("S.New").objects["U.Count"] == filled.opened("S.Main").objects["U.Count"]
    assert "pictures/S.New/local.esl" in filled.files()
    refused = filled.save("S.Other", {"ESLDefinition:1": "; alone\n"})
    assert refused.version == 0 and {d["file"] for d in refused.diagnostics} == {
        "pictures/S.Other/picture.toml",
        "pictures/S.Other/picture.svg",
    }


def test_a_definition_is_saved_only_if_every_script_still_compiles(filled):
    assert filled.save("S.Main", {"ESLDefinition:1": "uses U.Count\n"}).version == 2
    text = filled.read("U.Count:OBJECT").data.decode()
    renamed = filled.save("U.Count", {"OBJECT": text.replace("U.Count", "U.Other")})
    assert renamed.version == 0
    assert filled.save("U.Count", {"OBJECT": text.replace("initial = 0", "initial = 7")}).version == 2
    assert next(c.initial for c in filled.cells() if c.name == "U.Count") == 7
    assert filled.files()["objects.toml"].decode() == OBJECTS.replace("initial = 0", "initial = 7")


def test_an_import_that_does_not_compile_changes_nothing(filled, folder):
    before = dump(filled)
    write(folder, {"pictures/S.Main/local.esl": "\nERROR\n", "events/E.Tick/local.esl": "; changed\n"})
    with pytest.raises(ImportRefused, match=r"pictures/S\.Main/local\.esl:2:1: error ESL1000: ERROR"):
        filled.import_application(load_application(folder))
    assert dump(filled) == before


def test_an_import_into_an_empty_store_that_does_not_compile_leaves_it_empty(store, folder):
    write(folder, {"pictures/S.Main/local.esl": "ERROR\n"})
    with pytest.raises(ImportRefused):
        store.import_application(load_application(folder))
    with pytest.raises(NotStored):
        store.application  # noqa: B018


def test_only_what_changed_in_the_folder_is_imported(filled, folder):
    write(folder, {"pictures/S.Main/local.esl": "; folder\n"})
    report = filled.import_application(load_application(folder))
    assert report.imported == ["S.Main"] and filled.read("S.Main:ESLDefinition:1").data == b"; folder\n"


def test_what_changed_in_the_store_only_is_kept(filled, folder):
    filled.save("S.Main", {"ESLDefinition:1": "; store\n"})
    report = filled.import_application(load_application(folder))
    assert report.kept == ["S.Main"] and report.imported == []
    assert filled.read("S.Main:ESLDefinition:1").data == b"; store\n"


def both_sides(store, folder):
    store.save("S.Main", {"ESLDefinition:1": "; store\n"})
    write(folder, {"pictures/S.Main/local.esl": "; folder\n", "events/E.Tick/local.esl": "; folder\n"})
    return load_application(folder)


def test_changed_on_both_sides_is_refused_with_the_list(filled, folder):
    app = both_sides(filled, folder)
    before = dump(filled)
    with pytest.raises(ImportConflict, match="S.Main.*--take folder") as refused:
        filled.import_application(app)
    assert refused.value.objects == ["S.Main"] and dump(filled) == before


@pytest.mark.parametrize("take", ["folder", "store"])
def test_the_conflict_can_be_decided(filled, folder, take):
    filled.import_application(both_sides(filled, folder), take=take)
    assert filled.read("S.Main:ESLDefinition:1").data == f"; {take}\n".encode()
    assert filled.read("E.Tick:ESLDefinition:1").data == b"; folder\n"
    assert filled.import_application(load_application(folder)).changed == [], "decided once, not asked again"


def test_after_taking_the_store_a_newer_folder_asks_again(filled, folder):
    filled.import_application(both_sides(filled, folder), take="store")
    write(folder, {"pictures/S.Main/local.esl": "; folder again\n"})
    with pytest.raises(ImportConflict):
        filled.import_application(load_application(folder))


def test_the_same_change_on_both_sides_is_no_conflict(filled, folder):
    filled.save("S.Main", {"ESLDefinition:1": "; same\n"})
    write(folder, {"pictures/S.Main/local.esl": "; same\n"})
    assert filled.import_application(load_application(folder)).changed == []


def test_deleted_in_the_folder_is_removed_unless_the_store_changed_it(filled, folder):
    for file in (folder / "events/E.Tick").iterdir():
        file.unlink()
    assert filled.import_application(load_application(folder)).removed == ["E.Tick"]
    with pytest.raises(NotStored):
        filled.read("E.Tick:EVENT")
    filled.save("S.Main", {"ESLDefinition:1": "; store\n"})
    for file in (folder / "pictures/S.Main").iterdir():
        file.unlink()
    with pytest.raises(ImportConflict):
        filled.import_application(load_application(folder))


def test_numbers_are_given_once_and_never_used_again(filled, folder):
    numbers = {o["name"]: o["hbj"] for o in filled.objects()}
    assert numbers["SRV1.KNL"] == 1 and len(set(numbers.values())) == len(numbers)
    assert min(n for name, n in numbers.items() if name != "SRV1.KNL") >= 100
    write(folder, {"objects.toml": '["U.New"]\ntype = "user_variable"\nvalue_type = "INT"\n\n' + OBJECTS})
    filled.import_application(load_application(folder))
    after = {o["name"]: o["hbj"] for o in filled.objects()}
    assert after["U.New"] > max(numbers.values()) and {n: after[n] for n in numbers} == numbers
    write(folder, {"objects.toml": OBJECTS})
    filled.import_application(load_application(folder))
    write(folder, {"objects.toml": OBJECTS + '\n["U.Third"]\ntype = "user_variable"\nvalue_type = "INT"\n'})
    filled.import_application(load_application(folder))
    last = {o["name"]: o["hbj"] for o in filled.objects()}
    assert last["U.Third"] > after["U.New"] and "U.New" not in last


def test_a_deleted_object_that_returns_has_its_number_again(filled, folder):
    number = filled.opened("E.Tick").hbj
    kept = {p.name: p.read_bytes() for p in (folder / "events/E.Tick").iterdir()}
    for name in kept:
        (folder / "events/E.Tick" / name).unlink()
    filled.import_application(load_application(folder))
    for name, data in kept.items():
        (folder / "events/E.Tick" / name).write_bytes(data)
    filled.import_application(load_application(folder))
    assert filled.opened("E.Tick").hbj == number and filled.opened("E.Tick").version == 2


def test_processes_are_objects_with_a_number(filled, folder):
    assert filled.process_number("srv1.dbm") == filled.directory().object("SRV1.DBM").hbj
    assert filled.process_number("U.Count") is None and filled.process_number("SRV9.DBM") is None
    write(folder, {"app.toml": APP.replace("[nodes.SRV1]", "[nodes.MAIN]")})
    filled.import_application(load_application(folder))
    assert filled.process_number("MAIN.KNL") == 1 and filled.process_number("SRV1.KNL") is None


def test_the_order_of_the_files_is_the_order_of_the_objects(filled, folder):
    write(folder, {"objects.toml": '["U.A"]\ntype = "user_variable"\nvalue_type = "INT"\n\n' + OBJECTS})
    filled.import_application(load_application(folder))
    assert [o["name"] for o in filled.objects("U.*")] == ["U.A", "U.Count"]
    assert filled.files()["objects.toml"] == (folder / "objects.toml").read_bytes()


def test_a_change_of_a_definition_compiles_every_script_again(store, folder):
    seen = []

    def counting(name, parts, context):
        seen.append(name)
        return fake_compile(name, parts, context)

    store._compile = counting
    store.import_application(load_application(folder))
    seen.clear()
    store.import_application(load_application(folder))
    assert seen == []
    write(folder, {"pictures/S.Main/local.esl": "; folder\n"})
    store.import_application(load_application(folder))
    assert seen == ["S.Main"]
    seen.clear()
    write(folder, {"objects.toml": OBJECTS.replace("initial = 0", "initial = 1")})
    store.import_application(load_application(folder))
    assert set(seen) == {"S.Main", "E.Tick"}


def test_the_open_plan_has_all_that_a_console_and_an_ses_need(filled):
    filled.save("S.Main", {"ESLDefinition:1": "uses SV.Meters\nENTRY OnUserInput(\n"})
    plan = filled.opened("S.Main")
    assert (plan.object, plan.version, plan.picture) == ("S.Main", 2, PICTURE.encode()) and plan.svg.startswith(b"<svg")
    assert hashlib.sha256(filled.unit(plan.local_unit)).hexdigest() == plan.local_unit and filled.unit(plan.remote_unit)
    assert plan.handlers["L"] == ["OnUserInput"] and plan.variables == [["_selected", "INT"]]
    directory = filled.directory()
    assert plan.objects == {n: directory.object(n).hbj for n in ("SV.Meters", "U.Count")} and plan.refs == {"BtnGo": 1, "Lbl": 2}
    with pytest.raises(StoreError):
        filled.opened("U.Count")


def toml(server_script):
    return PICTURE.replace("server_script = true", f"server_script = {str(server_script).lower()}")


@pytest.mark.req("R57", "R58")
def test_server_script_off_and_on(filled):
    assert filled.save("S.Main", {"PICTURE": toml(False)}).version == 2
    local = filled.read("S.Main:ESLDefinition:1").data.decode()
    assert split(local) == (LOCAL, [REMOTE])
    assert filled.opened("S.Main").remote_unit == ""
    with pytest.raises(NotStored):
        filled.read("S.Main:ESLDefinition:2")
    assert filled.save("S.Main", {"PICTURE": toml(True)}).version == 3
    assert filled.read("S.Main:ESLDefinition:1").data.decode() == local, "turning it on uncomments nothing"
    assert filled.opened("S.Main").remote_unit == ""


@pytest.mark.req("R58")
def test_ten_toggles_lose_nothing(filled):
    for turn in range(10):
        assert filled.save("S.Main", {"PICTURE": toml(False)}).version
        assert filled.save("S.Main", {"PICTURE": toml(True), "ESLDefinition:2": f"; remote {turn}\n"}).version
    assert filled.save("S.Main", {"PICTURE": toml(False)}).version
    found = split(filled.read("S.Main:ESLDefinition:1").data.decode())
    assert found.local == LOCAL and found.remotes == [REMOTE, *(f"; remote {n}\n" for n in range(10))]


@pytest.mark.req("R58")
def test_ten_toggles_with_the_same_text_keep_one_copy(filled):
    for _ in range(10):
        filled.save("S.Main", {"PICTURE": toml(False)})
        filled.save("S.Main", {"PICTURE": toml(True), "ESLDefinition:2": REMOTE})
    assert split(filled.read("S.Main:ESLDefinition:1").data.decode()) == (LOCAL, [REMOTE])


@pytest.mark.req("R56")
def test_an_event_that_is_no_longer_client_and_server(filled):
    assert filled.save("E.Tick", {"EVENT": 'event_type = "server"\n'}).version == 2
    assert split(filled.read("E.Tick:ESLDefinition:1").data.decode()) == ("; l\n", ["; r\n"])


@pytest.mark.req("R57")
def test_the_folder_can_turn_it_off_and_stays_importable(filled, folder):
    write(folder, {"pictures/S.Main/picture.toml": toml(False)})
    report = filled.import_application(load_application(folder))
    assert report.toggled == ["S.Main"]
    assert split(filled.read("S.Main:ESLDefinition:1").data.decode()) == (LOCAL, [REMOTE])
    assert filled.import_application(load_application(folder)).changed == []
    write(folder, {"pictures/S.Main/local.esl": "; edited\n"})
    filled.import_application(load_application(folder))
    assert split(filled.read("S.Main:ESLDefinition:1").data.decode()) == ("; edited\n", [REMOTE])


def test_a_toggle_that_does_not_compile_keeps_the_old_version(filled):
    assert filled.save("S.Main", {"PICTURE": toml(False), "ESLDefinition:1": "ERROR\n"}).version == 0
    assert filled.read("S.Main:ESLDefinition:2").data == REMOTE.encode()


def test_a_remote_text_without_server_script_is_kept_and_said(filled):
    filled.save("S.Main", {"PICTURE": toml(False)})
    saved = filled.save("S.Main", {"ESLDefinition:2": "ERROR\n"})
    assert saved.version == 3 and saved.diagnostics[0]["severity"] == "warning"
    assert filled.opened("S.Main").remote_unit == ""
    assert filled.save("S.Main", {"PICTURE": toml(True)}).version == 0, "it has to compile before it can run"


@pytest.mark.req("R4")
def test_opening_leaves_no_trace_in_the_store(filled):
    before = dump(filled)
    filled.opened("S.Main")
    filled.opened("E.Tick")
    assert dump(filled) == before


def test_the_store_survives_a_restart(filled, home):
    filled.save("S.Main", {"ESLDefinition:1": "; store\n"})
    plan, numbers = filled.opened("S.Main"), filled.objects()
    filled.close()
    again = home.open()
    assert (again.opened("S.Main"), again.objects()) == (plan, numbers)


def test_an_invalid_name_in_a_save_is_refused(filled):
    saved = filled.save("1 bad", {"PICTURE": "server_script = false\n", "SVG": "<svg/>", "ESLDefinition:1": ""})
    assert saved.version == 0 and "no name of an object" in saved.diagnostics[0]["message"]


def test_a_name_cannot_leave_the_folder(filled, tmp_path):
    assert filled.save("../../evil", {"PICTURE": "", "SVG": "<svg/>", "ESLDefinition:1": ""}).version == 0


def test_a_broken_folder_changes_nothing(filled, folder):
    write(folder, {"objects.toml": OBJECTS.replace("rows = 3", "rows = 0")})
    with pytest.raises(ApplicationError):
        filled.import_application(load_application(folder))


@pytest.mark.req("R57")
def test_a_folder_saved_as_a_whole_twice_keeps_the_comment(filled):
    parts = {"PICTURE": toml(False), "ESLDefinition:1": LOCAL, "ESLDefinition:2": REMOTE}
    assert filled.save("S.Main", parts).version == 2
    assert filled.save("S.Main", parts).version == 2
    assert split(filled.read("S.Main:ESLDefinition:1").data.decode()) == (LOCAL, [REMOTE])


def test_tasks_py_is_saved_with_a_version_of_its_own(filled):
    assert filled.read("APP:TASKS") == (1, b"# none\n")
    before = dump(filled)
    assert filled.save("APP", {"TASKS": b"# none\n"}).version == 1 and dump(filled) == before, "the same text is no new version"
    assert filled.save("APP", {"TASKS": "def f(ctx):\n    pass\n"}).version == 2 == filled.tasks_version
    assert filled.read("APP:TASKS") == (2, b"def f(ctx):\n    pass\n") and filled.read("S.Main:PICTURE").version == 1
    assert filled.files()["tasks.py"] == b"def f(ctx):\n    pass\n"


def test_tasks_py_is_imported_with_the_folder(filled, folder):
    (folder / "tasks.py").write_text("# another\n")
    filled.import_application(load_application(folder))
    assert filled.read("APP:TASKS") == (2, b"# another\n")


@pytest.mark.parametrize(("text", "line", "cause"), [
    (b"x = 1\ndef f(:\n", 2, "SyntaxError: invalid syntax"), (b"\nreturn 3\n", 2, "'return' outside function"),
    (b"x = '\xff'\n", 1, "utf-8"),
    (b"x = 1\0\n", 1, "null bytes"), (b"(" * 500, 1, "too many nested"), (b"x = 1\n  y = 2\n", 2, "IndentationError")])
def test_a_tasks_py_that_is_no_python_is_refused_with_its_line(filled, folder, text, line, cause):
    before = dump(filled)
    saved = filled.save("APP", {"TASKS": text})
    [found] = saved.diagnostics
    assert (saved.version, found["code"], found["file"], found["line"]) == (0, "APP113", "tasks.py", line) and cause in found["message"]
    assert dump(filled) == before
    (folder / "tasks.py").write_bytes(text)
    with pytest.raises(ApplicationError, match=r"tasks\.py"):
        load_application(folder)


def test_a_warning_of_python_is_no_mistake(filled):
    assert filled.save("APP", {"TASKS": b"def f(ctx):\n    return '\\d' is 'x'\n"}).version == 2
