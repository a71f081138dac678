"""Starts of events: by values, by scripts, in the order of their priorities; limits, ends and the change of servers. The event handler is
played by the test."""

import asyncio

import pytest

from hisee._core.cells import CellTable
from hisee._core.values import decode, encode
from hisee.channel import Message, RequestFailed
from hisee.channel.calls import Address, pack_call, parts_of, unpack_call, with_flags
from hisee.channel.payloads import EventEnded, EventOpen, EventRun, Failed, Started, pack, unpack
from hisee.model.events import EventPlan, Start
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.server.calls import procedure_of
from hisee.server.triggers import Triggers
from hisee.values import Ref
from support.stage import Actor, eventually, stage

LEVEL, TANKS = 60, 61


def plan(name, hbj, type_="trigger", *, start=None, priority=3, merge=False, version=1):
    return EventPlan(name, hbj, type_, version, "aa", priority, "self.evh", [], [], start, merge)


class Evh(Actor):
    """Runs what it is told until the test ends it."""

    def __init__(self, channel):
        super().__init__(channel)
        self.runs = []
        self.answers[Kind.EVENT_RUN] = self._run

    def _run(self, message):
        order = unpack(EventRun, message.payload)
        self.runs.append(order)
        return pack(Started(number=order.number))

    def names(self):
        return [order.object for order in self.runs]

    def finish(self, order, results=(), failed=False):
        ended = EventEnded(number=order.number, results=encode(list(results)) if results else b"", failed=failed)
        self.send(Kind.EVENT_ENDED, pack(ended), lane=Lane.SCRIPT)


def played(body, *plans, **limits):
    """`body(stage, event handler, a caller)` with these events and the objects LEVEL (REAL) and TANKS (3 rows)."""

    async def run():
        async with stage() as made:
            made.knl.values.table.define(LEVEL, "REAL")
            made.knl.values.table.define(TANKS, "RECORD", 3, ["TEXT", "REAL"])
            made.knl.scripts._stored = lambda: list(plans)
            made.knl.scripts._limits = {**made.knl.scripts._limits, **limits}
            evh = await made.log_on("EVH", "SRV1", Evh)
            await body(made, evh, await made.log_on("TEL"))

    asyncio.run(run())


def event(number, priority=0, names="", modes="", *values):
    return encode([priority, names, modes, *values])


async def started(evh, count):
    await eventually(lambda: len(evh.runs) >= count, f"{count} starts")


def test_server_and_start_up_events_begin_at_the_logon_and_trigger_events_do_not():
    async def body(made, evh, caller):
        await started(evh, 2)
        assert sorted(evh.names()) == ["E.Boot", "E.Server"] and [o.stays for o in evh.runs if o.object == "E.Server"] == [True]

    played(body, plan("E.Trigger", 100), plan("E.Server", 101, "server"), plan("E.Boot", 102, "start_up"), plan("E.Unit", 103, "unit"))


def test_a_caller_gets_the_values_when_the_run_ends():
    async def body(made, evh, caller):
        asked = asyncio.create_task(caller.requests.ask(_start(caller, 100, event(100, 1, "_n", "=", 7)), 5))
        await started(evh, 1)
        order = evh.runs[0]
        assert (order.names, order.modes, order.priority, decode(order.given)) == (["_n"], "=", 1, [7])
        assert not asked.done()
        evh.finish(order, [49])
        assert decode((await asked).payload) == [49]
        assert (await caller.rows(Kind.PS_GET)) and not made.knl.scripts.runs

    played(body, plan("E.Square", 100))


@pytest.mark.parametrize(("number", "error"), [(101, Err.ERR_NOT_SUPPORTED), (999, Err.ERR_OBJECT_NOT_FOUND)])
def test_what_is_no_trigger_event_is_not_started(number, error):
    async def body(made, evh, caller):
        failed = await _refused(caller, _start(caller, number, event(number)))
        assert failed.error == error

    played(body, plan("E.Square", 100), plan("E.Server", 101, "server"))


def test_a_start_that_the_event_handler_refuses_is_the_callers_error():
    async def body(made, evh, caller):
        refusal = pack(Failed(error=Err.ERR_LOCAL_VAR_NFOUND, text="no PUBLIC variable"))
        evh.answers[Kind.EVENT_RUN] = lambda message: evh.reply(message, refusal, Kind.FAILED)
        assert (await _refused(caller, _start(caller, 100, event(100)))).error == Err.ERR_LOCAL_VAR_NFOUND
        assert not made.knl.scripts.runs

    played(body, plan("E.Square", 100))


def test_a_run_that_is_ended_by_a_limit_ends_the_wait_of_its_caller():
    async def body(made, evh, caller):
        asked = asyncio.create_task(_refused(caller, _start(caller, 100, event(100))))
        await started(evh, 1)
        evh.finish(evh.runs[0], failed=True)
        assert (await asked).error == Err.ERR_EVENT_CLOSED

    played(body, plan("E.Square", 100))


def test_starts_wait_for_a_place_in_the_order_of_their_priorities():
    async def body(made, evh, caller):
        for priority in (3, 5, 1, 3):
            caller.channel.send(_start(caller, 100, event(100, priority), wants=False))
        await started(evh, 1)
        await asyncio.sleep(0.02)
        assert [o.priority for o in evh.runs] == [3], "one place"
        for count in (2, 3, 4):
            evh.finish(evh.runs[-1])
            await started(evh, count)
        assert [o.priority for o in evh.runs] == [3, 1, 3, 5]

    played(body, plan("E.Square", 100), event_runs=1)


def test_more_starts_than_may_wait_are_refused():
    async def body(made, evh, caller):
        for _ in range(2):
            caller.channel.send(_start(caller, 100, event(100), wants=False))
        failed = await _refused(caller, _start(caller, 100, event(100)))
        assert (failed.error, failed.extended) == (Err.ERR_TRANS_ABORT, 15)

    played(body, plan("E.Square", 100), event_runs=1, event_starts=1)


def test_a_value_starts_an_event_once_for_each_time_that_it_comes_into_the_state():
    async def body(made, evh, caller):
        for level in (5.0, 9.5, 9.9, 5.0, 12.0):
            made.knl.values.write(Ref(LEVEL), level)
        await started(evh, 2)
        await asyncio.sleep(0.02)
        assert evh.names() == ["E.High", "E.High"]

    played(body, plan("E.High", 100, start=Start(LEVEL, 0, 0, "HiLim", False, 1.0, 9.0)))


def test_changes_are_started_one_by_one_or_merged():
    async def body(made, evh, caller):
        for level in (1.0, 2.0, 3.0):
            made.knl.values.write(Ref(LEVEL), level)
        await started(evh, 4)
        assert sorted(evh.names()) == ["E.Each", "E.Each", "E.Each", "E.Merged"]
        evh.finish(next(o for o in evh.runs if o.object == "E.Merged"))
        await started(evh, 5)
        evh.finish(evh.runs[4])
        await asyncio.sleep(0.02)
        assert evh.names().count("E.Merged") == 2, "the changes meanwhile count as one"

    played(body, plan("E.Each", 100, start=Start(LEVEL, 0, 0, "Change", False)),
           plan("E.Merged", 101, start=Start(LEVEL, 0, 0, "Change", False), merge=True))


def test_a_column_starts_for_each_of_its_rows_and_another_column_does_not():
    async def body(made, evh, caller):
        made.knl.values.write(Ref(TANKS, 1, 1), "name")
        made.knl.values.write(Ref(TANKS, 2, 2), 3.5)
        made.knl.values.write(Ref(TANKS, 2, 2), 4.5)
        made.knl.values.write(Ref(TANKS, 3, 2), 1.0)
        await started(evh, 2)
        await asyncio.sleep(0.02)
        assert len(evh.runs) == 2

    played(body, plan("E.Row", 100, start=Start(TANKS, 0, 2, "Value", False)))


@pytest.mark.req("R80")
def test_a_server_that_is_hot_no_more_ends_all_scripts_and_starts_afresh_when_it_is_again():
    async def body(made, evh, caller):
        await started(evh, 2)
        made.knl.values.write(Ref(LEVEL), 1.0)
        made.knl.values.write(Ref(LEVEL), 2.0)
        await started(evh, 3)
        made.knl.scripts.end()
        await eventually(lambda: evh.kinds().count(Kind.EVENT_STOP) == 3, "all are told to end")
        made.knl.values.write(Ref(LEVEL), 3.0)
        assert (await _refused(caller, _start(caller, 100, event(100)))).error == Err.ERR_TRANS_IGNORED
        assert len(evh.runs) == 3 and not made.knl.scripts.runs, "what waited for a place does not run"
        made.knl.scripts.begin()
        await started(evh, 5)
        assert sorted(evh.names()[3:]) == ["E.Boot", "E.Server"]

    played(body, plan("E.Change", 100, start=Start(LEVEL, 0, 0, "Change", False)), plan("E.Server", 101, "server"),
           plan("E.Boot", 102, "start_up"), event_runs=2)


@pytest.mark.req("R61")
def test_a_save_restarts_the_event_of_its_parent_and_leaves_what_openevent_opened():
    async def body(made, evh, caller):
        other = await made.log_on("EVH", "AUX", Evh)
        await started(evh, 1)
        for instance in (-1, 2):
            await caller.ask(Kind.EVENT_OPEN, pack(EventOpen(object=101, process=other.number, instance=instance)), lane=Lane.SCRIPT)
        made.knl.scripts._stored = lambda: [plan("E.Server", 101, "server", version=2)]
        made.knl.scripts.configured()
        await started(evh, 2)
        assert [o.version for o in evh.runs] == [1, 2] and evh.kinds().count(Kind.EVENT_STOP) == 1
        assert len(other.runs) == 2 and Kind.EVENT_STOP not in other.kinds()
        twice = await caller.refused(Kind.EVENT_OPEN, pack(EventOpen(object=101, process=other.number, instance=2)), lane=Lane.SCRIPT)
        assert twice.error == Err.ERR_TRANS_IGNORED

    played(body, plan("E.Server", 101, "server"))


@pytest.mark.req("R59")
def test_openevent_fails_where_nobody_runs():
    async def body(made, evh, caller):
        failed = await caller.refused(Kind.EVENT_OPEN, pack(EventOpen(object=101, process=4711)), lane=Lane.SCRIPT)
        assert (failed.error, failed.extended) == (Err.ERR_TRANS_ABORT, 10)

    played(body, plan("E.Server", 101, "server"))


def test_the_address_of_a_call_is_read_as_it_was_written():
    call = encode([3, "I.A^Add", "<", 5])
    address = Address(101, 7, 2, 4, 1, 99)
    assert unpack_call(pack_call(address, call)) == (address, call)
    assert procedure_of(call) == "Add"
    assert parts_of(decode(with_flags(call, 0, 2, 99))[0]) == (3, 2, 99)
    for broken in (b"", call[:12], call[:17]):
        with pytest.raises(ValueError, match="CALL"):
            procedure_of(broken)
    with pytest.raises(ValueError, match="CALL_TO"):
        unpack_call(b"short")


def test_what_is_in_the_state_at_the_beginning_starts_nothing():
    table = CellTable()
    table.define(LEVEL, "BOOL")
    table.set(LEVEL, True)
    triggers = Triggers(table)
    triggers.configure([plan("E.True", 100, start=Start(LEVEL, 0, 0, "True", False)),
                        plan("E.Not", 101, start=Start(LEVEL, 0, 0, "True", True))])
    assert [p.object for p in triggers.changed(Ref(LEVEL))] == []
    table.set(LEVEL, False)
    assert [p.object for p in triggers.changed(Ref(LEVEL))] == ["E.Not"]
    table.set(LEVEL, None)
    assert [p.object for p in triggers.changed(Ref(LEVEL))] == [], "invalid is not the state, and was not before"
    table.set(LEVEL, True)
    assert [p.object for p in triggers.changed(Ref(LEVEL))] == ["E.True"]


def test_a_process_starts_events_when_it_comes_into_a_state():
    states = {77: "Run"}
    triggers = Triggers(CellTable(), lambda number: states[number])
    conditions = {"E.Run": ("Run", False), "E.Gone": ("Run", True), "E.Crash": ("Crash", False), "E.Change": ("Change", False)}
    triggers.configure([plan(name, 100 + i, start=Start(77, 0, 0, condition, invert, process=True))
                        for i, (name, (condition, invert)) in enumerate(conditions.items())])

    def becomes(state):
        states[77] = state
        return [p.object for p in triggers.process_changed(77)]

    assert becomes("Run") == ["E.Change"], "what is in the state at the beginning starts nothing"
    assert becomes("Crash") == ["E.Gone", "E.Crash", "E.Change"]
    assert becomes("Stop") == ["E.Change"]
    assert becomes("Run") == ["E.Run", "E.Change"]
    assert triggers.process_changed(78) == []


def _start(caller, number, payload, wants=True):
    return Message(kind=Kind.EVENT_START, lane=Lane.SCRIPT, source=caller.number, target=1, object=number, payload=payload,
                   wants_answer=wants, corr=0)


async def _refused(caller, message):
    with pytest.raises(RequestFailed) as failed:
        await caller.requests.ask(message, 5)
    return failed.value
