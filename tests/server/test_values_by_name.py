"""Values by name, as the command line asks for them: what has no single value, what is no value of its type, what a write carries along."""

import asyncio
from types import SimpleNamespace

import pytest

from hisee._core.values import encode
from hisee.channel.payloads import ValueGet, Values, ValueSet, pack, unpack
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.server.admin import parse_value
from hisee.values import Ref, Stamped, flag_bits, flag_letters
from support.stage import FakeStore, eventually, stage


def run(body):
    async def played():
        async with stage() as made:
            await body(made)

    asyncio.run(played())


@pytest.mark.parametrize("kind", [Kind.VALUE_GET, Kind.WATCH])
def test_a_structured_variable_has_no_single_value(kind, monkeypatch):
    entry = SimpleNamespace(name="SV.Tanks", hbj=9, columns=(("Name", "TEXT"), ("Level", "REAL")), value_type="RECORD")
    monkeypatch.setattr(FakeStore, "directory", lambda store: SimpleNamespace(object=lambda name: entry), raising=False)

    async def body(made):
        client = await made.log_on("TEL")
        made.knl.values.table.define(9, "RECORD", 3, [5, 3])
        failed = await client.refused(kind, pack(ValueGet(names=["SV.Tanks"])))
        assert failed.error == Err.ERR_OBJECT_NOT_FOUND and "SV.Tanks: a structure of 2 columns" in str(failed)

    run(body)


@pytest.mark.parametrize(("text", "value_type", "value"), [
    ("12", "INT", 12), (" -7 ", "INT", -7), (2**63 - 1, "INT", 2**63 - 1), ("1.5e3", "REAL", 1500.0), (".5", "REAL", 0.5),
    (True, "BOOL", True), ("false", "BOOL", False), ("1970-01-01T00:00:01Z", "TIME", 1000), (5, "TEXT", "5")])
def test_a_text_becomes_a_value_of_the_type(text, value_type, value):
    assert parse_value(text, value_type) == value


@pytest.mark.parametrize(("text", "value_type", "why"), [
    ("abc", "INT", "'abc' is no INT"), ("1_000", "INT", "is no INT"), ("1.5", "INT", "is no INT"), ("nan", "REAL", "is no REAL"),
    ("1e999", "REAL", "outside the range"), ("99999999999999999999", "INT", "outside the range"),
    ("-9223372036854775808", "INT", "outside the range"), ("soon", "TIME", "'soon' is no TIME"), ("2", "BOOL", "is no BOOL")])
def test_what_the_type_cannot_hold_is_refused_in_its_words(text, value_type, why):
    with pytest.raises(ValueError, match=why):
        parse_value(text, value_type)


@pytest.mark.parametrize(("flags", "bits"), [
    ("A,C", 5), (["P", "A"], 0x8001), (" a , a ", 1), ("", 0), ((), 0), (list("ABCDEFGHIJKLMNOP"), 0xFFFF)])
def test_letters_of_user_flags_are_bits(flags, bits):
    assert flag_bits(flags) == bits
    assert flag_bits(flag_letters(bits)) == bits


@pytest.mark.parametrize(("flags", "names"), [("Q", "'Q'"), ("AC", "'AC'"), ("A,,C", "''"), (["1"], "'1'"), ("\xe4", "'\xc4'")])
def test_what_is_no_user_flag_is_named(flags, names):
    with pytest.raises(ValueError, match=f"{names} is no user flag: they are A to P"):
        flag_bits(flags)


def test_a_value_from_outside_has_the_flags_that_are_given_and_no_others(monkeypatch):
    entry = SimpleNamespace(name="U.Count", hbj=9, columns=(), value_type="INT")
    directory = SimpleNamespace(object=lambda name: entry, names=lambda: ["U.Count"])
    monkeypatch.setattr(FakeStore, "directory", lambda store: directory, raising=False)

    async def body(made):
        client = await made.log_on("TEL")
        made.knl.values.table.define(9, "INT")
        made.knl.values.table.set(9, 1, flags=0xF0)

        async def shown():
            (state,) = unpack(Values, await client.ask(Kind.VALUE_GET, pack(ValueGet(names=["U.Count"])))).values
            return state.value, state.flags

        assert await shown() == (1, ["E", "F", "G", "H"])
        await client.ask(Kind.VALUE_SET, pack(ValueSet(name="U.Count", value=2, flags=["C", "A"])))
        assert await shown() == (2, ["A", "C"]) and made.knl.values.table.get(9).flags == 5
        failed = await client.refused(Kind.VALUE_SET, pack(ValueSet(name="U.Count", value=3, flags=["Q"])))
        assert "object U.Count: 'Q' is no user flag" in str(failed) and await shown() == (2, ["A", "C"])
        await client.ask(Kind.VALUE_SET, pack(ValueSet(name="U.Count", value=4)))
        assert await shown() == (4, [])

    run(body)


def test_the_mark_weak_of_a_script_arrives_at_the_object():
    async def body(made):
        ses = await made.ses("A")
        made.knl.values.table.define(9, "INT")
        ses.send(Kind.SET, encode([Ref(9, 0, 0), Stamped(5, 1000, True)]), lane=Lane.SCRIPT)
        await eventually(lambda: made.knl.values.table.get(Ref(9, 0, 0)).value == 5, "the write arrived")
        cell = made.knl.values.table.get(Ref(9, 0, 0))
        assert (cell.time_ms, cell.weak) == (1000, True)

    run(body)


def test_a_text_from_outside_is_cut_and_marked_as_in_a_script(monkeypatch):
    entry = SimpleNamespace(name="U.Note", hbj=9, columns=(), value_type="TEXT")
    monkeypatch.setattr(FakeStore, "directory", lambda store: SimpleNamespace(object=lambda name: entry), raising=False)

    async def body(made):
        client = await made.log_on("TEL")
        made.knl.values.table.define(9, "TEXT")
        made.knl.admin._store.system().limits = {"text_chars": 100_000}
        for text, kept in [("x" * 100_001, (100_000, True)), ("short", (5, False))]:
            await client.ask(Kind.VALUE_SET, pack(ValueSet(name="U.Note", value=text)))
            cell = made.knl.values.table.get(Ref(9, 0, 0))
            assert (len(cell.value), cell.weak) == kept

    run(body)
