"""The record of messages that the headline counts."""

from types import SimpleNamespace

from hisee.demo.headline import sequential_round_trips
from hisee.profile.trace import Trace, joined
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind

HIS, SEE, TABLE, OTHER = 1 << 30, (1 << 30) + 1, 117, (1 << 30) + 9


class Ticks:
    def __init__(self, start=0):
        self.ns = start

    def now_ms(self):
        return 0

    def monotonic_ns(self):
        self.ns += 10
        return self.ns


def head(kind, lane=Lane.CONTROL, source=0, target=0, object=0):
    return SimpleNamespace(kind=kind, lane=lane, source=source, target=target, object=object)


def test_rows_have_time_direction_and_names():
    trace = Trace(Ticks())
    trace.sent(head(Kind.DATA, Lane.DATA_DB, source=HIS, object=TABLE))
    trace.received(head(Kind.REPLY, Lane.DATA_DB, target=HIS))
    assert trace.rows(0, {HIS}) == [
        {"at_ns": 10, "direction": "out", "kind": "DATA", "lane": "data.db"},
        {"at_ns": 20, "direction": "in", "kind": "REPLY", "lane": "data.db"}]
    assert sequential_round_trips(trace.rows(0, {HIS})) == 1


def test_only_messages_of_the_object_and_since_the_click():
    trace = Trace(Ticks())
    for source in (HIS, OTHER, HIS):
        trace.sent(head(Kind.CALL, Lane.SCRIPT, source=source))
    trace.received(head(Kind.VISUAL_SET, Lane.VISUAL, source=SEE, object=HIS))
    assert [row["at_ns"] for row in trace.rows(0, {HIS, SEE})] == [10, 30, 40]
    assert [row["at_ns"] for row in trace.rows(30, {HIS, SEE})] == [30, 40]
    assert trace.rows(0, set()) == []


def test_two_processes_are_joined_by_time():
    hip, host = Trace(Ticks(0)), Trace(Ticks(5))
    hip.sent(head(Kind.PICTURE_EVENT, Lane.VISUAL, target=SEE, object=HIS))
    host.sent(head(Kind.CALL, Lane.SCRIPT, source=HIS, target=SEE))
    hip.received(head(Kind.VISUAL_SET, Lane.VISUAL, source=SEE, object=HIS))
    assert [row["at_ns"] for row in joined(hip.rows(0, {HIS}), host.rows(0, {HIS}))] == [10, 15, 20]


def test_record_is_bounded_and_unknown_numbers_are_shown():
    trace = Trace(Ticks(), history=3)
    for _ in range(5):
        trace.sent(head(0x7FFF, 99, source=HIS))
    rows = trace.rows(0, {HIS})
    assert [row["at_ns"] for row in rows] == [30, 40, 50]
    assert (rows[0]["kind"], rows[0]["lane"]) == ("32767", "99")
