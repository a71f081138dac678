"""The value codec: what goes in comes out, and bytes of a stranger never do harm."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisee._core.values import decode, encode, encode_args
from hisee.values import UNCHANGED, Invalid, Record, Ref, Stamped, Time, Type

INT_LEAST = -(2**63) + 16
ints = st.integers(INT_LEAST, 2**63 - 1)
reals = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
simple_types = st.sampled_from([Type.BOOL, Type.INT, Type.REAL, Type.TIME, Type.TEXT])
invalids = st.builds(Invalid, st.integers(1, 15), simple_types)
refs = st.builds(Ref, st.integers(0, 2**32 - 1), st.integers(0, 2**20 - 1), st.integers(0, 1023))
simple = st.one_of(st.booleans(), ints, reals, texts, ints.map(Time), invalids, refs)
stamped = st.builds(Stamped, simple, ints, st.booleans())
CELLS = {Type.BOOL: st.booleans(), Type.INT: ints, Type.REAL: reals, Type.TIME: ints.map(Time), Type.TEXT: texts, Type.OBJECT: refs,
         Type.ANY: st.one_of(st.booleans(), ints, reals, texts, ints.map(Time), invalids)}


@st.composite
def records(draw: st.DrawFn) -> Record:
    types = draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=5))
    rows = draw(st.integers(0, 6))
    columns = []
    for kind in types:
        cell = CELLS[kind]
        if kind not in (Type.OBJECT, Type.ANY):
            cell = st.one_of(cell, st.builds(Invalid, st.integers(1, 15), st.just(kind)))
        columns.append(draw(st.lists(cell, min_size=rows, max_size=rows)))
    return Record(draw(st.integers(0, 2**32 - 1)), types, columns)


values = st.lists(st.one_of(simple, stamped, records(), st.just(UNCHANGED)), max_size=8)


def same(a: object, b: object) -> bool:
    """Equal in value and in type: 1, 1.0, True and Time(1) are four different values of a script."""
    if isinstance(a, Record):
        return isinstance(b, Record) and repr(a) == repr(b) and repr(a.columns) == repr(b.columns)
    return type(a) is type(b) and repr(a) == repr(b)


@given(values)
def test_a_list_survives_the_round_trip(sent: list[object]) -> None:
    received = decode(encode(sent))
    assert len(received) == len(sent)
    assert all(same(a, b) for a, b in zip(sent, received, strict=True))


@given(st.binary(max_size=120))
def test_random_bytes_are_refused_or_well_formed(data: bytes) -> None:
    try:
        received = decode(data)
    except ValueError:
        return
    assert all(same(a, b) for a, b in zip(received, decode(encode(received)), strict=True))


@given(values, st.data())
def test_a_changed_byte_is_refused_or_well_formed(sent: list[object], data: st.DataObject) -> None:
    wire = bytearray(encode(sent))
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        received = decode(wire)
    except ValueError:
        return
    encode(received)


@given(values, st.data())
def test_a_cut_list_is_refused(sent: list[object], data: st.DataObject) -> None:
    wire = encode(sent)
    with pytest.raises(ValueError, match="malformed|behind"):
        decode(wire[: data.draw(st.integers(0, len(wire) - 1))])


def test_the_bytes_are_pinned() -> None:
    assert encode([True]) == b"\x01\x00" + b"\x01\x01"
    assert encode([7]) == b"\x01\x00" + b"\x02" + struct.pack("<q", 7)
    assert encode([1.5]) == b"\x01\x00" + b"\x03" + struct.pack("<d", 1.5)
    assert encode([Time(7)]) == b"\x01\x00" + b"\x04" + struct.pack("<q", 7)
    assert encode(["aé"]) == b"\x01\x00" + b"\x05" + b"\x03\x00\x00\x00" + "aé".encode()
    assert encode([Ref(9, 2, 3)]) == b"\x01\x00" + b"\x07" + struct.pack("<q", 9 | 2 << 32 | 3 << 52)
    assert encode([Invalid(4, "REAL")]) == b"\x01\x00" + b"\x43\x04"
    assert encode([UNCHANGED]) == b"\x01\x00\x0f"
    assert encode([Stamped(7, 5, True)]) == b"\x01\x00" + b"\x82" + struct.pack("<qqB", 7, 5, 1)


def test_the_bytes_of_a_record_are_pinned() -> None:
    record = Record(258, ["BOOL", "INT", "TEXT"], [[True, None], [1, Invalid(4)], ["x", Invalid(3, "TEXT")]])
    head = b"\x06" + struct.pack("<IIH", 258, 2, 3)
    columns = b"\x01\x01\x07" + b"\x02" + struct.pack("<qq", 1, -(2**63) + 4) + b"\x05\x01\x00\x00\x00x\xf3\xff\xff\xff"
    assert encode([record]) == b"\x01\x00" + head + columns


@pytest.mark.parametrize("number", [2**63, -(2**63), INT_LEAST - 1, 10**30])
def test_an_int_that_no_int_holds_is_out_of_range(number: int) -> None:
    assert decode(encode([number, Time(number)])) == [Invalid(2, "INT"), Invalid(2, "TIME")]


@pytest.mark.parametrize("number", [math.inf, -math.inf])
def test_an_infinity_never_travels(number: float) -> None:
    assert decode(encode([number])) == [Invalid(2, "REAL")]


def test_a_foreign_nan_becomes_a_reason() -> None:
    wire = b"\x01\x00\x03" + struct.pack("<Q", 0x7FF8_0000_0000_1234)
    assert decode(wire) == [Invalid(3, "REAL")]
    assert decode(b"\x01\x00\x03" + struct.pack("<d", math.inf)) == [Invalid(2, "REAL")]


def test_numbers_among_the_reason_codes_are_out_of_range() -> None:
    assert decode(b"\x01\x00\x02" + struct.pack("<q", -(2**63) + 3)) == [Invalid(2, "INT")]


def test_a_record_cannot_claim_more_rows_than_bytes() -> None:
    claim = b"\x01\x00\x06" + struct.pack("<IIH", 1, 1_000_000, 1_000) + b"\x02" * 100
    with pytest.raises(ValueError, match="malformed"):
        decode(claim)


@pytest.mark.parametrize(
    "tail",
    [
        b"\x05\x02\x00\x00\x00\xc3\x28",  # no UTF-8
        b"\x05\x03\x00\x00\x00\xed\xa0\x80",  # a surrogate
        b"\x05\x02\x00\x00\x00\xc0\x80",  # overlong
        b"\x05\xff\xff\xff\xff",  # longer than the bytes
        b"\x42\x00",  # invalid without a reason
        b"\x42\x10",  # reason 16
        b"\x47\x01",  # an object is never invalid
        b"\x08\x00",  # no type ANY on the wire
        b"\x82" + bytes(16) + b"\x02",  # neither weak nor not
    ],
)
def test_malformed_values_are_refused(tail: bytes) -> None:
    with pytest.raises(ValueError, match="malformed"):
        decode(b"\x01\x00" + tail)


def test_lone_surrogates_are_a_conversion_error() -> None:
    assert decode(encode(["\ud800"])) == [Invalid(3, "TEXT")]


def test_typed_arguments_follow_the_table_of_conversions() -> None:
    types = ["INT", "REAL", "BOOL", "TEXT", "INT", "TEXT", "TIME", "BOOL", "INT", "ANY", "REAL"]
    given_values = [2.5, 3, 1, "x", "7", 7, 7, 2, -2.5, "as it is", None]
    wanted = [3, 3.0, True, "x", Invalid(3), Invalid(3, "TEXT"), Invalid(3, "TIME"), Invalid(3, "BOOL"), -3, "as it is", Invalid(5, "REAL")]
    received = decode(encode_args(types, given_values))
    assert received == wanted
    assert [type(v) for v in received] == [type(v) for v in wanted]


def test_null_is_no_data_of_the_wanted_type() -> None:
    types = [Type.BOOL, Type.INT, Type.REAL, Type.TIME, Type.TEXT]
    assert decode(encode_args(types, [None] * 5)) == [Invalid(5, t) for t in types]


def test_columns_take_python_lists_as_a_database_gives_them() -> None:
    record = Record(5, ["INT", "REAL", "TEXT", "BOOL"], [[1, None, 2.6], [1, 2.5, None], ["a", None, 3], [1, 0, 5]])
    (received,) = decode(encode([record]))
    assert received.columns[0] == [1, Invalid(5, "INT"), 3]
    assert received.columns[1] == [1.0, 2.5, Invalid(5, "REAL")]
    assert received.columns[2] == ["a", Invalid(5, "TEXT"), Invalid(3, "TEXT")]
    assert received.columns[3] == [True, False, Invalid(3, "BOOL")]


def test_what_is_no_value_is_named() -> None:
    with pytest.raises(TypeError, match="object"):
        encode([object()])
    with pytest.raises(TypeError, match="None"):
        encode([None])
    with pytest.raises(ValueError, match="2 values for 1 types"):
        encode_args(["INT"], [1, 2])
    with pytest.raises(ValueError, match="lengths"):
        Record(1, ["INT", "INT"], [[1], []])
