"""Formats of units: what this release writes, what it runs, and what it says of a unit that a later one wrote."""

from __future__ import annotations

import struct

import pytest

from hisee._core.vm import Unit, UnitRejected
from hisee.esl.front.assembler import UnitBuilder
from hisee.esl.unit import FORMAT, FORMAT_AT, WRITTEN, Kind, written_later
from hisee.profile import Recorder
from hisee.schema.opcodes import Op
from hisee.script.engine import Engine
from hisee.seams import Seams

pytestmark = pytest.mark.req("R165")
LATER = (FORMAT[0], FORMAT[1] + 1)


def unit(version: tuple[int, int] | None = None) -> bytes:
    builder = UnitBuilder("S.Empty")
    init = builder.procedure("", Kind.INIT)
    init.action(line=1)
    init.emit(Op.END)
    data = bytearray(builder.build())
    if version is not None:
        struct.pack_into("<HH", data, FORMAT_AT, *version)
    return bytes(data)


def engine() -> Engine:
    return Engine(None, Seams(), Recorder())  # type: ignore[arg-type]  # nothing is sent


def test_what_is_written_the_release_before_runs_too():
    assert WRITTEN <= FORMAT and WRITTEN[0] == FORMAT[0] and FORMAT[1] - WRITTEN[1] <= 1
    assert struct.unpack_from("<HH", unit(), FORMAT_AT) == WRITTEN
    assert isinstance(engine().load(unit()), Unit)


def test_an_earlier_minor_runs():
    assert isinstance(engine().load(unit((FORMAT[0], 0))), Unit)


@pytest.mark.parametrize("version", [LATER, (FORMAT[0] + 1, 0)])
def test_a_later_format_is_refused_with_the_way_out(version: tuple[int, int]):
    with pytest.raises(UnitRejected, match=rf"format {version[0]}\.{version[1]}, this process runs up to .*: upgrade hisee here"):
        engine().load(unit(version))


@pytest.mark.parametrize("data", [b"", b"ESLU", b"ESLX" + bytes(40)])
def test_what_is_no_unit_is_left_to_the_verifier(data: bytes):
    assert written_later(data) == ""
    with pytest.raises(UnitRejected):
        engine().load(data)
