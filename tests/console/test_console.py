"""A console between two links: opening, picture functions over messages, bound values, questions, timers, losses."""

import asyncio

import pytest

from hisee._core.cells import CellTable
from hisee._core.values import decode, encode
from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import (
    ConsoleCommand,
    ConsoleState,
    Ended,
    Failed,
    HisStart,
    Pending,
    RemoteDown,
    RemoteUp,
    Shape,
    Table,
    pack,
    unpack,
)
from hisee.console import commands
from hisee.console.console import OperatorError
from hisee.console.opened import Part
from hisee.schema.actions import ActionId
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.picture_functions import PictureFunction as F
from hisee.values import Invalid, Ref, Stamped

from .parts import COUNT, HIP, HIS, REF, SEE, Stage, failure, opened_reply, visual


def up(restarted=False):
    return Message(kind=Kind.REMOTE_UP, payload=pack(RemoteUp(opened=HIS, see=SEE, name="WS1_2.SEE", restarted=restarted)))


def test_opening_starts_the_local_part_once():
    async def body():
        stage = Stage()
        opened = await stage.open()
        start = unpack(HisStart, stage.local.asked[0].payload)
        assert (start.opened, start.name, start.unit, start.console, start.variables) == (HIS, "WS1_1.HIS", "aa", HIP, [["_plate", "TEXT"]])
        assert stage.local.asked[0].target == HIS
        assert opened.local is Part.UP and opened.remote is Part.STARTING

    asyncio.run(body())


@pytest.mark.req("R19")
def test_a_picture_without_remote_part_waits_for_none():
    async def body():
        opened = await Stage(opened_reply(handlers={"L": []})).open()
        assert opened.remote is Part.NONE

    asyncio.run(body())


def test_a_local_part_that_does_not_start_closes_the_picture_again():
    async def body():
        stage = Stage()
        stage.local.answers[Kind.HIS_START] = failure(Err.ERR_TRANS_ABORT)
        with pytest.raises(RequestFailed):
            await stage.open()
        assert stage.console.opened == {}
        assert [m.kind for m in stage.server.asked] == [Kind.OPEN, Kind.CLOSE]

    asyncio.run(body())


def test_a_drawing_that_cannot_be_shown_is_an_error_with_its_reason():
    async def body():
        stage = Stage(opened_reply(svg=b"<!DOCTYPE x><svg/>"))
        with pytest.raises(OperatorError, match="document type"):
            await stage.open()
        assert [m.kind for m in stage.server.sent] == [Kind.CLOSE]

    asyncio.run(body())


def test_news_that_overtake_the_reply_are_kept():
    async def body():
        stage = Stage()

        async def late():
            stage.console.take(up(), stage.server)
            stage.console.take(visual(F.HI_SETTEXT, REF["Lbl"], "from R", kind=Kind.VISUAL_SET, source=SEE), stage.server)
            await asyncio.sleep(0)
            return pack(stage.reply)

        stage.server.answers[Kind.OPEN] = lambda _: late()
        opened = await stage.open()
        assert opened.remote is Part.UP
        assert opened.picture.get(REF["Lbl"], "text") == "from R"

    asyncio.run(body())


# -- picture functions over messages


@pytest.mark.req("R42", "R43")
def test_functions_are_answered_on_the_link_they_came_by_sets_before_gets():
    async def body():
        stage = Stage()
        await stage.open()
        for link, source in ((stage.local, HIS), (stage.server, SEE)):
            stage.console.take(visual(F.HI_SETTEXT, REF["Lbl"], f"of {source}", kind=Kind.VISUAL_SET, source=source), link)
            stage.console.take(visual(F.HI_GETTEXT, REF["Lbl"], source=source), link)
            answer = link.of(Kind.REPLY)[-1]
            assert decode(answer.payload) == [f"of {source}"]
            assert (answer.target, answer.corr, answer.lane, answer.source) == (source, 9, 2, HIP)

    asyncio.run(body())


@pytest.mark.parametrize(("message", "error"), [
    (visual(F.HI_GETTEXT, 99), Err.ERR_UNKNOWN_REFID), (visual(F.HI_GETTEXT, REF["Box"]), Err.ERR_INVALID_REFID_TYPE),
    (Message(kind=Kind.VISUAL, source=HIS, object=HIS, payload=b"\xff\xff", wants_answer=True), Err.ERR_PARAM_TYPE),
    (Message(kind=Kind.VISUAL, source=5, object=4, payload=encode([F.HI_GETTEXT, 1]), wants_answer=True), Err.ERR_OBJECT_NOT_FOUND),
    (Message(kind=Kind.DATA, source=HIS, object=HIS, wants_answer=True), Err.ERR_NOT_SUPPORTED)])
def test_failures_are_answered(message, error):
    async def body():
        stage = Stage()
        await stage.open()
        stage.console.take(message, stage.local)
        assert unpack(Failed, stage.local.of(Kind.FAILED)[0].payload).error == error

    asyncio.run(body())


def test_a_set_that_fails_is_counted_and_not_answered():
    async def body():
        stage = Stage()
        opened = await stage.open()
        stage.console.take(visual(F.HI_SETTEXT, 99, "x", kind=Kind.VISUAL_SET), stage.local)
        assert stage.local.sent == [] and opened.refused == 1

    asyncio.run(body())


def test_a_script_closes_its_picture_without_being_asked():
    async def body():
        stage = Stage()
        await stage.open()
        stage.console.take(visual(F.HI_CLOSEPICTURE, kind=Kind.VISUAL_SET), stage.local)
        await asyncio.sleep(0.01)
        assert stage.console.opened == {}
        assert stage.local.events() == []

    asyncio.run(body())


def test_the_timer_ticks_while_switched_on_and_ends_with_the_picture():
    async def body():
        stage = Stage(opened_reply(handlers={"L": ["OnTimer"]}))
        opened = await stage.open()
        stage.console.take(visual(F.HI_SETTIMERPERIOD, 20, kind=Kind.VISUAL_SET), stage.local)
        stage.console.take(visual(F.HI_TIMERENABLE, True, kind=Kind.VISUAL_SET), stage.local)
        while len(stage.local.events()) < 3:
            await asyncio.sleep(0.005)
        assert stage.local.events()[0] == ["OnTimer"]
        await stage.console.close(opened.number)
        count = len(stage.local.events())
        await asyncio.sleep(0.05)
        assert len(stage.local.events()) == count and not opened.timer.on

    asyncio.run(body())


def test_a_late_loop_gives_one_tick_not_a_burst():
    from hisee.console.opened import Timer

    class Late:
        now = 0

        def monotonic_ns(self):
            return self.now

        def now_ms(self):
            return 0

    async def body():
        clock, ticks = Late(), []
        timer = Timer(clock, lambda: ticks.append(1))
        timer.enable(True)
        clock.now = 10_000_000_000
        timer._ring()
        assert len(ticks) == 1 and timer._due_ns > clock.now
        timer.enable(False)

    asyncio.run(body())


# -- messages and questions


def test_a_message_of_a_script_is_kept():
    async def body():
        stage = Stage()
        await stage.open()
        stage.console.take(visual(ActionId.MESSAGE, "Enter the plate first", 0, kind=Kind.VISUAL_SET), stage.local)
        state = await commands.carry_out(stage.console, ConsoleCommand(verb="messages"))
        assert [(m["text"], m["source"]) for m in state.facts["messages"]] == [("Enter the plate first", "S.Test")]

    asyncio.run(body())


@pytest.mark.parametrize(("choice", "number"), [("yes", 1), ("No", 0), ("dontknow", 2)])
def test_a_question_is_answered(choice, number):
    async def body():
        stage = Stage()
        await stage.open()
        stage.console.take(visual(ActionId.QUERY, "Leave?", True, 0, 20.0), stage.local)
        assert stage.local.sent == []
        await commands.carry_out(stage.console, ConsoleCommand(verb="answer", text=choice))
        assert decode(stage.local.of(Kind.REPLY)[0].payload) == [number]
        with pytest.raises(OperatorError):
            await commands.carry_out(stage.console, ConsoleCommand(verb="answer", text="yes"))

    asyncio.run(body())


def test_a_question_ends_by_its_time_or_with_its_picture():
    async def body():
        stage = Stage(opened_reply(handlers={"L": []}))
        opened = await stage.open()
        stage.console.take(visual(ActionId.QUERY, "Now?", False, 0, 0.01), stage.local)
        await asyncio.sleep(0.03)
        stage.console.take(visual(ActionId.QUERY, "Later?", False, 0, Invalid(1)), stage.local)
        await stage.console.close(opened.number)
        assert [decode(m.payload) for m in stage.local.of(Kind.REPLY)] == [[3], [3]]

    asyncio.run(body())


# -- bound values


def values(value):
    table = CellTable()
    table.define(COUNT, "INT")
    table.set(Ref(COUNT, 0, 0), value, 5)
    return table


def test_a_bound_text_follows_its_value_and_shows_what_is_not_good():
    async def body():
        source = values(41)
        stage = Stage(opened_reply(values=source.snapshot([COUNT])))
        opened = await stage.open()
        shown = opened.picture.by_id["Val"].values
        assert (shown["text"], shown["quality"]) == ("41", 0)
        source.set(Ref(COUNT, 0, 0), 42, 6)
        stage.console.replica.apply(source.changes([Ref(COUNT, 0, 0)]))
        assert shown["text"] == "42"
        source.set(Ref(COUNT, 0, 0), Invalid(4), 7)
        stage.console.replica.apply(source.changes([Ref(COUNT, 0, 0)]))
        assert (shown["text"], shown["quality"], shown["last"]) == ("?", 1, "42")
        stage.console.server_lost()
        assert shown["quality"] == 2 and not stage.console.connected

    asyncio.run(body())


def test_a_bound_picture_variable_is_shown():
    async def body():
        stage = Stage()
        opened = await stage.open()
        shown = opened.picture.by_id["Plate"].values
        assert (shown["text"], shown["quality"]) == ("?", 1)
        stage.console.take(Message(kind=Kind.PVAR_SEEN, source=HIS, object=HIS, payload=encode([0, "BA-1"])), stage.local)
        assert (shown["text"], shown["quality"]) == ("BA-1", 0)
        stamped = Stamped("BA-2", 1_700_000_000_000, False)  # as the result of a CALL comes
        stage.console.take(Message(kind=Kind.PVAR_SEEN, source=HIS, object=HIS, payload=encode([0, stamped])), stage.local)
        assert shown["text"] == "BA-2"

    asyncio.run(body())


# -- losses


@pytest.mark.req("R136")
def test_what_was_open_is_opened_again_and_keeps_its_handle():
    async def body():
        stage = Stage()
        old = (await stage.open()).number
        stage.console.local_lost()
        stage.reply = opened_reply(opened=HIS + 5, his=HIS + 5)
        await stage.console.reopen(stage.local, stage.server, HIP)
        assert [m.kind for m in stage.server.sent] == [Kind.OPENED_LOST]
        assert stage.console.object(old).number == HIS + 5
        assert list(stage.console.opened) == [HIS + 5]

    asyncio.run(body())


def test_a_local_part_that_ended_says_so():
    async def body():
        stage = Stage()
        opened = await stage.open()
        stage.console.take(Message(kind=Kind.HIS_ENDED, payload=pack(Ended(number=HIS, reason="out of fuel"))), stage.local)
        assert opened.local is Part.DOWN
        assert "out of fuel" in stage.console.desk.messages[-1]["text"]

    asyncio.run(body())


@pytest.mark.req("R25")
def test_the_state_of_the_remote_part_is_told():
    async def body():
        stage = Stage()
        opened = await stage.open()
        down = RemoteDown(opened=HIS, reason="no SES is logged on")
        stage.console.take(Message(kind=Kind.REMOTE_DOWN, payload=pack(down)), stage.server)
        assert opened.facts()["remote"] == "down" and opened.facts()["reason"] == "no SES is logged on"
        stage.console.take(up(), stage.server)
        assert opened.facts()["remote"] == "up" and opened.facts()["see"] == "WS1_2.SEE"

    asyncio.run(body())


# -- commands and settle


def command(**fields):
    return Message(kind=Kind.CONSOLE, source=3, corr=4, payload=pack(ConsoleCommand(**fields)), wants_answer=True)


async def served(stage, **fields):
    await commands.serve(stage.console, command(**fields), stage.server, "http://here/")
    return stage.server.sent[-1]


def test_commands_drive_a_console_as_a_person_would():
    async def body():
        stage = Stage()
        opened = unpack(ConsoleState, (await served(stage, verb="open", target="S.Test")).payload)
        assert opened.elements["Lbl"]["text"] == "ready" and opened.elements["Lbl"]["kind"] == "text"
        stage.console.take(up(), stage.server)
        assert (await served(stage, verb="click", opened=HIS, target="BtnGo")).kind == Kind.REPLY
        assert (await served(stage, verb="type", opened=HIS, target="EdPlate", text="BA")).kind == Kind.REPLY
        assert stage.local.events() == [["BtnGo_OnClick"], ["EdPlate_OnTextChange"]]
        settled = unpack(ConsoleState, (await served(stage, verb="settle", opened=HIS, timeout_ms=2000)).payload)
        assert settled.elements["EdPlate"]["text"] == "BA"
        overview = unpack(ConsoleState, (await served(stage, verb="state")).payload).facts
        assert overview["address"] == "http://here/" and overview["opened"][0]["object"] == "S.Test"
        closed = unpack(ConsoleState, (await served(stage, verb="close", opened=HIS)).payload)
        assert closed.facts["closed"] is True

    asyncio.run(body())


@pytest.mark.parametrize(("fields", "error"), [
    ({"verb": "click", "opened": 5, "target": "x"}, Err.ERR_OBJECT_NOT_FOUND), ({"verb": "dance"}, Err.ERR_NOT_SUPPORTED),
    ({"verb": "answer", "text": "maybe"}, Err.ERR_RANGE_ERROR),
    ({"verb": "select", "opened": HIS, "target": "Lbl"}, Err.ERR_INVALID_REFID_TYPE)])
def test_commands_that_fail_say_why(fields, error):
    async def body():
        stage = Stage()
        await stage.open()
        answer = await served(stage, **fields)
        assert answer.kind == Kind.FAILED and answer.corr == 4 and answer.target == 3
        failed = unpack(Failed, answer.payload)
        assert failed.error == error and failed.text

    asyncio.run(body())


def test_rubbish_in_a_command_is_answered():
    async def body():
        stage = Stage()
        await commands.serve(stage.console, Message(kind=Kind.CONSOLE, payload=b"\xc1", wants_answer=True), stage.server)
        assert stage.server.sent[-1].kind == Kind.FAILED

    asyncio.run(body())


@pytest.mark.parametrize("busy", ["local", "server"])
def test_settle_waits_for_each_part_and_names_it(busy):
    async def body():
        stage = Stage()
        await stage.open()
        stage.console.take(up(), stage.server)
        getattr(stage, busy).answers[Kind.SETTLE_GET] = pack(Pending(waiting=1, handled=0))
        failed = unpack(Failed, (await served(stage, verb="settle", opened=HIS, timeout_ms=60)).payload)
        assert failed.error == Err.ERR_TIMEOUT
        assert {"local": "local part", "server": "remote part"}[busy] in failed.text

    asyncio.run(body())


def test_settle_takes_a_second_look_when_something_was_handled_in_between():
    async def body():
        stage = Stage()
        opened = await stage.open()
        stage.console.take(up(), stage.server)
        counts = iter([5, 6, 7, 7, 7])
        looks = []

        def answer(_message):
            looks.append(next(counts))
            return pack(Pending(waiting=0, handled=looks[-1]))

        stage.local.answers[Kind.SETTLE_GET] = answer
        await served(stage, verb="settle", opened=opened.number, timeout_ms=2000)
        assert looks == [5, 6, 7, 7]

    asyncio.run(body())


def test_values_of_a_new_server_count_afresh():
    async def body():
        stage = Stage(opened_reply(values=b""))
        opened = await stage.open()
        old = values(1)
        for n in range(10):
            old.set(Ref(COUNT, 0, 0), n, n)
        stage.console.replica.apply(old.snapshot([COUNT]))
        stage.console.replica.reset()
        stage.console.replica.apply(values(77).snapshot([COUNT]))
        assert opened.picture.by_id["Val"].values["text"] == "77"
        stage.console.replica.apply(b"\xff" * 9)  # malformed: logged, nothing changes
        assert opened.picture.by_id["Val"].values["text"] == "77"

    asyncio.run(body())


# -- measuring


def test_the_link_is_shaped_on_both_of_its_ends():
    async def body():
        stage = Stage()
        assert (await served(stage, verb="link", text="5 0.5 100")).kind == Kind.REPLY
        assert (stage.server.shapes[0].rtt_ms, stage.server.shapes[0].kbit_s) == (5.0, 100.0)
        assert unpack(Shape, stage.local.of(Kind.LINK_SHAPE)[0].payload) == stage.server.shapes[0]
        stage.server.shaped = False
        for text in ("5 0 0", "5", "a b c", "-1 0 0"):
            assert (await served(stage, verb="link", text=text)).kind == Kind.FAILED

    asyncio.run(body())


def test_echoes_give_a_round_trip():
    async def body():
        stage = Stage()
        state = unpack(ConsoleState, (await served(stage, verb="echo", text="3")).payload)
        assert state.facts["rtt_ms"] >= 0
        assert [m.kind for m in stage.server.asked] == [Kind.ECHO] * 3
        assert (await served(stage, verb="echo", text="0")).kind == Kind.FAILED

    asyncio.run(body())


def test_a_trace_joins_both_processes_since_the_last_input():
    async def body():
        stage = Stage()
        opened = await stage.open()
        stage.console.click(HIS, "BtnGo")
        stage.console.take(visual(F.HI_SETTEXT, REF["Lbl"], "ready", kind=Kind.VISUAL_SET), stage.local)
        at = opened.input_ns
        assert 0 < at <= opened.effect_ns
        stage.server.rows = [{"at_ns": at + 5, "direction": "out"}, {"at_ns": at - 1, "direction": "in"}]
        stage.local.answers[Kind.TRACE_GET] = pack(Table(rows=[{"at_ns": at + 1, "direction": "in"}, {"at_ns": at - 2, "direction": "in"}]))
        state = unpack(ConsoleState, (await served(stage, verb="trace", opened=HIS)).payload)
        assert [row["at_ns"] - at for row in state.facts["trace"]] == [1, 5]

    asyncio.run(body())


def test_the_state_of_one_object_comes_under_the_name_it_was_asked_by():
    async def body():
        stage = Stage()
        await stage.open()
        state = unpack(ConsoleState, (await served(stage, verb="state", opened=HIS, target="_Lbl")).payload)
        assert list(state.elements) == ["_Lbl"] and state.elements["_Lbl"]["text"] == "ready"

    asyncio.run(body())


@pytest.mark.parametrize(("value", "decimals", "text"), [
    (True, None, "TRUE"), (7, None, "7"), ("a", None, "a"), (71.3, None, "71.3"), (-5.25, None, "-5.25"), (123.456789, None, "123.457"),
    (0.1 + 0.2, None, "0.3"), (0.0, None, "0"), (1234567.8, None, "1234568"), (1e20, None, "1e+20"), (0.000012345, None, "1.2345e-05"),
    (3.0, None, "3"), (100.0, None, "100"), (61.25, 1, "61.2"), (2, 1, "2")])
def test_values_as_an_operator_reads_them(value, decimals, text):
    from hisee.console.bindings import shown

    assert shown(value, decimals) == text
