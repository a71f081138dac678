"""Unit events and interfaces of an application: what scripts are compiled with, and who is compiled again."""

import pytest

from hisee.model import load_application
from hisee.model.gate import default_compile
from model.sample_app import write

LIB = "PUBLIC PROCEDURE Twice(INT _n)\n  _n := _n * 2\nEND Twice\n"
USER = "UNIT (E.Lib) _lib\nINT _n\nBEGIN\n  _n := 1\n  CALL [_lib] Twice(_n)\nEND\n"
FILES = {
    "events/E.Lib/event.toml": 'event_type = "unit"\n', "events/E.Lib/local.esl": LIB,
    "events/E.User/event.toml": 'event_type = "trigger"\n', "events/E.User/local.esl": USER,
    "interfaces/I.Notify.esl": "RPC PROCEDURE Notify(IN TEXT _text)\nEND Notify\n",
}


@pytest.fixture
def store(folder, home):
    write(folder, FILES)
    opened = home.open(default_compile)
    opened.import_application(load_application(folder))
    return opened


def units(store):
    return store.opened("E.User").local_unit


def test_saving_a_unit_compiles_its_users_again(store):
    before = units(store)
    store.save("E.Lib", {"ESLDefinition:1": LIB.replace("* 2", "* 3")})
    assert units(store) != before


def test_a_unit_that_would_break_a_user_is_not_saved(store):
    before = units(store)
    refused = store.save("E.Lib", {"ESLDefinition:1": LIB.replace("Twice", "Thrice")})
    assert [d["code"] for d in refused.diagnostics] == ["ESL2024"]
    assert units(store) == before


def test_an_interface_is_part_of_the_folder_and_checked_in_who_implements_it(store):
    promised = "IMPLEMENTATION I.Notify\n" + USER
    assert [d["code"] for d in store.save("E.User", {"ESLDefinition:1": promised}).diagnostics] == ["ESL2028"]
    kept = promised.replace("INT _n\n", "INT _n\nRPC PROCEDURE Notify(IN TEXT _text)\nEND Notify\n", 1)
    assert store.save("E.User", {"ESLDefinition:1": kept}).diagnostics == []
