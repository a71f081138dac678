"""The store on PostgreSQL: several writers, several computers, lost connections, a server that dies in the middle of a save."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hisee.engine.postgres.database import Database
from hisee.model import ImportConflict, Store, StoreError, load_application
from hisee.model.gate import Compile
from model.homes import Home, dump, execute
from model.sample_app import APP, OBJECTS, fake_compile, write
from support import postgres
from support.cutter import Cutter
from support.system import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")]

MESSAGES = 80  # more than any save sends
LOCAL = "S.Main:ESLDefinition:1"
NEW_OBJECT = '\n["U.{}"]\ntype = "user_variable"\nvalue_type = "INT"\n'


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.PostgresServer]:
    with postgres.postgres_server() as started:
        started.database("store")
        yield started


@pytest.fixture
def home(server: postgres.PostgresServer, tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "data", server.url.replace("/postgres", "/store"))
    yield made
    made.close()


@pytest.fixture
def filled(home: Home, folder: Path) -> Store:
    store = home.open()
    store.import_application(load_application(folder))
    return store


def at_once(*works: Callable[[], object]) -> None:
    """All of them in threads; the first exception is the test's."""
    wrong: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    if wrong:
        raise wrong[0]


def numbers_are_unique(store: Store) -> None:
    found = [row["hbj"] for row in store.objects()]
    assert len(set(found)) == len(found)


# -- several writers


def test_saves_at_the_same_time_are_all_kept(filled: Store, home: Home) -> None:
    """Two servers save different objects and the same one; every version is one save's, every number one object's."""
    stores, saved = [home.open(), home.open()], []

    def work(store: Store, who: int) -> None:
        for n in range(8):
            saved.append((store.save("S.Main", {"ESLDefinition:1": f"; {who} {n}\n"}).version, f"; {who} {n}\n"))
            new = {"PICTURE": "server_script = false\n", "SVG": "<svg/>", "ESLDefinition:1": f"; new {who} {n}\n"}
            assert store.save(f"S.New{who}_{n}", new).version == 1

    at_once(*(lambda s=store, w=who: work(s, w) for who, store in enumerate(stores)))
    filled.refresh()
    assert sorted(version for version, _ in saved) == list(range(2, 18))
    assert all(filled.read(LOCAL, version).data.decode() == text for version, text in saved)
    assert {row["name"] for row in filled.objects("S.New*")} == {f"S.New{who}_{n}" for who in (0, 1) for n in range(8)}
    assert filled.read("S.New1_7:ESLDefinition:1").data == b"; new 1 7\n"
    numbers_are_unique(filled)


def test_two_computers_import_at_the_same_time(home: Home, folder: Path) -> None:
    stores = [home.open(place="SRV1"), home.open(place="SRV2")]
    reports = []
    at_once(*(lambda s=store: reports.append(s.import_application(load_application(folder))) for store in stores))
    assert sorted(bool(report.imported) for report in reports) == [False, True], "one of them found it done"
    for store in stores:
        store.refresh()
    assert stores[0].objects() == stores[1].objects() and {row["version"] for row in stores[0].objects()} <= {0, 1}
    numbers_are_unique(stores[0])


def test_another_process_learns_of_a_change(filled: Store, home: Home) -> None:
    standby = home.open()
    assert standby.opened("S.Main").version == 1 and not standby.refresh()
    assert filled.save("S.Main", {"ESLDefinition:1": "; hot\n"}).version == 2
    assert standby.opened("S.Main").version == 1 and standby.refresh() and not standby.refresh()
    plan = standby.opened("S.Main")
    assert plan == filled.opened("S.Main") and plan.version == 2 and standby.unit(plan.local_unit) == filled.unit(plan.local_unit)
    assert filled.save("APP", {"TASKS": b"# newer\n"}).version == 2 and standby.tasks_version == 1
    assert standby.refresh() and standby.read("APP:TASKS") == (2, b"# newer\n")


# -- several folders


@pytest.fixture
def folders(home: Home, folder: Path, tmp_path: Path) -> tuple[Path, Path, Store, Store]:
    """Two computers with the same application, imported once by each."""
    other = tmp_path / "other"
    write(other, {str(p.relative_to(folder)): p.read_bytes().decode() for p in folder.rglob("*") if p.is_file()})
    first, second = home.open(place="SRV1"), home.open(place="SRV2")
    for store, place in ((first, folder), (second, other)):
        store.import_application(load_application(place))
    return folder, other, first, second


def test_a_folder_that_was_not_updated_brings_nothing_old_back(folders: tuple[Path, Path, Store, Store]) -> None:
    one, two, first, second = folders
    write(one, {"pictures/S.Main/local.esl": "; newer\n", "app.toml": APP.replace("1.2.0", "1.3.0"), "tasks.py": "# newer\n"})
    for file in (one / "events/E.Tick").iterdir():
        file.unlink()
    assert set(first.import_application(load_application(one)).changed) == {"S.Main", "E.Tick"}
    report = second.import_application(load_application(two))
    assert report.changed == [] and set(report.kept) == {"S.Main", "E.Tick"}
    assert second.read(LOCAL).data == b"; newer\n" and second.system().version == "1.3.0" and second.read("APP:TASKS").data == b"# newer\n"
    assert second.objects("E.Tick") == [] and first.import_application(load_application(one)).changed == []


def test_both_folders_changed_is_refused_with_the_list(folders: tuple[Path, Path, Store, Store]) -> None:
    one, two, first, second = folders
    write(one, {"pictures/S.Main/local.esl": "; one\n", "app.toml": APP.replace("1.2.0", "1.3.0")})
    write(two, {"pictures/S.Main/local.esl": "; two\n", "app.toml": APP.replace("1.2.0", "1.4.0")})
    first.import_application(load_application(one))
    before = dump(first)
    with pytest.raises(ImportConflict) as refused:
        second.import_application(load_application(two))
    assert set(refused.value.objects) == {"S.Main", "app.toml"} and dump(first) == before
    second.import_application(load_application(two), take="folder")
    assert second.read(LOCAL).data == b"; two\n" and second.system().version == "1.4.0"
    assert first.import_application(load_application(one)).changed == [] and first.system().version == "1.4.0"


def test_a_first_import_of_another_computer_that_differs_asks(filled: Store, home: Home, folder: Path) -> None:
    write(folder, {"app.toml": APP.replace("1.2.0", "1.9.0")})
    newcomer = home.open(place="SRV2")
    with pytest.raises(ImportConflict, match=r"app\.toml"):
        newcomer.import_application(load_application(folder))
    newcomer.import_application(load_application(folder), take="store")
    assert newcomer.system().version == "1.2.0"


# -- lost connections


def swept(home: Home, server: postgres.PostgresServer, call: Callable[[Store], None], step_before: int) -> int:
    """Cut at message 0, 1, 2 ... of the call until it has no more, after the server did its part; at every `step_before`th before it did
    (0 = never). How many cuts there were."""
    cutter = Cutter(server.port)
    store = Store.open(home.data, cutter.url(home.url), compile_object=fake_compile)
    total = 0
    try:
        for after, step in ((True, 1), *([(False, step_before)] if step_before else [])):
            for message in range(0, MESSAGES, step):
                cutter.cut(message, after=after)
                call(store)
                cutter.heal()
                total += cutter.cuts
                if not cutter.cuts:
                    break
            else:
                raise AssertionError("the call does not end")
    finally:
        store.close()
        cutter.close()
    return total


def test_a_save_happens_once_whichever_message_is_lost(filled: Store, home: Home, server: postgres.PostgresServer,
                                                       step_before: int = 4) -> None:
    texts = (f"; text {n}\n" for n in itertools.count())

    def save(store: Store) -> None:
        text, before = next(texts), len(filled.versions("S.Main"))
        assert store.save("S.Main", {"ESLDefinition:1": text}).version == before + 1
        assert [v[0] for v in filled.versions("S.Main")] == list(range(1, before + 2))
        assert store.read(LOCAL).data.decode() == text == filled.read(LOCAL, before + 1).data.decode()

    assert swept(home, server, save, step_before) >= 20


def test_repeating_blindly_would_be_noticed(filled: Store, home: Home, server: postgres.PostgresServer,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "_settle", lambda self, connection, settled: setattr(self, "_lost", None))
    with pytest.raises(AssertionError):
        test_a_save_happens_once_whichever_message_is_lost(filled, home, server, step_before=0)


@pytest.mark.req("R69")
def test_acknowledged_saves_survive_kills_of_the_server(filled: Store, home: Home, server: postgres.PostgresServer) -> None:
    """SIGKILL of the server in the middle of saves of two stores, twice; every acknowledged version is there."""
    stores, known, stop = [home.open(), home.open()], [], threading.Event()

    def work(store: Store, who: int) -> None:
        for n in itertools.count():
            if stop.is_set():
                return
            text = f"; {who} {n}\n"
            known.append((store.save("S.Main", {"ESLDefinition:1": text}).version, text))

    def kills() -> None:
        try:
            for _ in range(2):
                least = len(known) + 10
                until(lambda least=least: len(known) >= least, "saves go on", 120)
                server.kill()
                server.start()
        finally:
            stop.set()

    at_once(*(lambda s=store, w=who: work(s, w) for who, store in enumerate(stores)), kills)
    assert len(known) == len({version for version, _ in known}) >= 20
    assert all(filled.read(LOCAL, version).data.decode() == text for version, text in known)
    versions = [v[0] for v in filled.versions("S.Main")]
    assert versions == list(range(1, len(known) + 2)), "a save happened twice, or one that nobody was told of"


def test_pictures_open_while_the_server_is_away(filled: Store, server: postgres.PostgresServer) -> None:
    plan, text = filled.opened("S.Main"), filled.read(LOCAL)
    server.stop()
    try:
        assert filled.opened("S.Main") == plan and filled.read(LOCAL) == text and filled.holds(plan.local_unit)
        assert filled.unit(plan.local_unit) and filled.unit(plan.remote_unit) and filled.objects() and filled.files()
        filled._tables._db._reconnect_s = 0.2
        with pytest.raises(StoreError, match="does not answer"):
            filled.save("S.Main", {"ESLDefinition:1": "; away\n"})
    finally:
        server.start()
    assert filled.save("S.Main", {"ESLDefinition:1": "; back\n"}).version == 2


# -- the rest


def test_a_writer_in_its_compiler_does_not_hold_up_readers(filled: Store, home: Home, folder: Path) -> None:
    compiling, go_on = threading.Event(), threading.Event()

    def slow(name, parts, context):  # type: ignore[no-untyped-def]
        compiling.set()
        assert go_on.wait(60)
        return fake_compile(name, parts, context)

    writer: Store = home.open(slow)
    assert writer.opened("S.Main").version == 1  # from now on it reads from what it saw
    quick: Compile = fake_compile
    saver = threading.Thread(target=lambda: writer.save("S.Main", {"ESLDefinition:1": "; slow\n"}))
    saver.start()
    assert compiling.wait(60)
    reader = home.open(quick)
    assert reader.opened("S.Main").version == 1 == writer.opened("S.Main").version and not filled.refresh()
    go_on.set()
    saver.join(60)
    assert writer.opened("S.Main").version == 2 and reader.refresh()


def test_bytes_are_kept_as_they_are(filled: Store, home: Home) -> None:
    every = bytes(range(256)) * 40
    assert filled.save("DB.Plant", {"SQL": every}).version == 2
    assert home.open().read("DB.Plant:SQL").data == every


def test_numbers_go_on_above_all_that_ever_were(filled: Store, home: Home, folder: Path) -> None:
    write(folder, {"objects.toml": OBJECTS + NEW_OBJECT.format("Gone")})
    filled.import_application(load_application(folder))
    gone = filled.objects("U.Gone")[0]["hbj"]
    write(folder, {"objects.toml": OBJECTS})
    filled.import_application(load_application(folder))
    write(folder, {"objects.toml": OBJECTS + NEW_OBJECT.format("Next")})
    other = home.open()
    other.import_application(load_application(folder))
    assert other.objects("U.Next")[0]["hbj"] == gone + 1


def test_a_store_of_another_version_is_refused(filled: Store, home: Home) -> None:
    execute(filled, "UPDATE store_meta SET value = '99'")
    try:
        with pytest.raises(StoreError, match="upgrade hisee"):
            home.open()
    finally:
        execute(filled, "UPDATE store_meta SET value = '1' WHERE key = 'schema'")


def test_an_address_without_a_server_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(tmp_path, "postgresql://nobody@127.0.0.1:1/none")
