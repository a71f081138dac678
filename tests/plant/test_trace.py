"""The record of messages that the headline counts."""

from hisee.channel import Message
from hisee.channel.trace import HISTORY, Trace
from hisee.demo.headline import sequential_round_trips
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
    return Message(kind=kind, lane=lane, source=source, target=target, object=object)


def test_rows_have_time_direction_and_names():
    trace = Trace(Ticks())
    trace.note("out", head(Kind.DATA, Lane.DATA_DB, source=HIS, object=TABLE))
    trace.note("in", head(Kind.REPLY, Lane.DATA_DB, target=HIS))
    assert trace.rows({HIS}) == [
        {"at_ns": 10, "direction": "out", "kind": "DATA", "lane": "data.db"},
        {"at_ns": 20, "direction": "in", "kind": "REPLY", "lane": "data.db"}]
    assert sequential_round_trips(trace.rows({HIS})) == 1


def test_only_messages_of_the_object_and_since_the_click():
    trace = Trace(Ticks())
    for source in (HIS, OTHER, HIS):
        trace.note("out", head(Kind.CALL, Lane.SCRIPT, source=source))
    trace.note("in", head(Kind.VISUAL_SET, Lane.VISUAL, source=SEE, object=HIS))
    assert [row["at_ns"] for row in trace.rows({HIS, SEE})] == [10, 30, 40]
    assert [row["at_ns"] for row in trace.rows({HIS, SEE}, 30)] == [30, 40]
    assert trace.rows(set()) == []


def test_record_is_bounded():
    trace = Trace(Ticks())
    for _ in range(HISTORY + 2):
        trace.note("out", head(Kind.CALL, Lane.SCRIPT, source=HIS))
    rows = trace.rows({HIS})
    assert len(rows) == HISTORY and rows[0]["at_ns"] == 30
