"""The store in DATA/engine.db: what is particular to the file."""

import sqlite3

import pytest

from hisee.model import Store, StoreError, load_application
from model.homes import dump
from model.sample_app import fake_compile


@pytest.fixture
def filled(tmp_path, folder):
    opened = Store.open(tmp_path / "data", compile_object=fake_compile)
    opened.import_application(load_application(folder))
    yield opened
    opened.close()


def test_settings_for_safety(filled):
    db = filled._tables._db
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",) and db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_damaged_database_is_named(tmp_path):
    (tmp_path / "engine.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreError, match=r"engine\.db"):
        Store.open(tmp_path)


def test_a_database_of_a_newer_release_is_refused(tmp_path):
    Store.open(tmp_path).close()
    db = sqlite3.connect(tmp_path / "engine.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="newer hisee"):
        Store.open(tmp_path)


@pytest.mark.req("R165")
def test_a_database_that_a_newer_release_only_added_to_is_used(filled, tmp_path):
    before = dump(filled)
    filled.close()
    with sqlite3.connect(tmp_path / "data" / "engine.db", isolation_level=None) as db:
        db.execute("CREATE TABLE shoes (size INTEGER)")
        db.execute("INSERT INTO meta VALUES ('min_reader', '2')")
        db.execute("PRAGMA user_version = 3")
    db.close()
    again = Store.open(tmp_path / "data", compile_object=fake_compile)
    assert dump(again)[1:] == before[1:]
    assert again._tables._db.execute("PRAGMA user_version").fetchone() == (3,)
    again.close()


def test_a_locked_database_is_named_and_the_store_goes_on(filled, tmp_path):
    other = sqlite3.connect(tmp_path / "data" / "engine.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    filled._tables._db.execute("PRAGMA busy_timeout = 1")
    with pytest.raises(StoreError, match="locked"):
        filled.save("S.Main", {"ESLDefinition:1": "; x\n"})
    other.execute("ROLLBACK")
    other.close()
    assert filled.save("S.Main", {"ESLDefinition:1": "; x\n"}).version == 2


def test_a_data_directory_inside_the_application_is_no_part_of_it(folder):
    before = load_application(folder).files()
    inner = Store.open(folder / "running", compile_object=fake_compile)
    inner.import_application(load_application(folder))
    assert load_application(folder).files() == before
    inner.close()


def test_a_file_of_the_first_schema_is_brought_up_to_date(filled, tmp_path, folder):
    """Its marks of imports had no place; nothing else differs."""
    before = dump(filled)
    filled.close()
    with sqlite3.connect(tmp_path / "data" / "engine.db", isolation_level=None) as db:
        db.execute("CREATE TABLE old (hbj INTEGER PRIMARY KEY, folder TEXT NOT NULL, store TEXT NOT NULL)")
        db.execute("INSERT INTO old SELECT hbj, folder, store FROM imported")
        db.execute("DROP TABLE imported")
        db.execute("ALTER TABLE old RENAME TO imported")
        db.execute("PRAGMA user_version = 1")
    db.close()
    again = Store.open(tmp_path / "data", compile_object=fake_compile)
    assert dump(again) == before and again.import_application(load_application(folder)).changed == []
    again.close()
