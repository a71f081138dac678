"""TELL: every way it can end, waited for or not; the table of commands as a process answers it; categories of debug lines."""

import asyncio
import json
import logging

import pytest

from hisee.channel import memory_pair
from hisee.channel.duties import MessageTrace
from hisee.channel.message import Message
from hisee.channel.payloads import Command, CommandResult, pack, unpack
from hisee.commands import ABORTED, ERROR, IGNORED, OK, CommandRefused, Commands, categories
from hisee.schema.commands import ROWS
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from support.stage import eventually, stage


def run(body, **options):
    async def played():
        async with stage(**options) as made:
            await body(made)

    asyncio.run(played())


def obedient(actor, commands):
    """The actor answers COMMAND as its process program would."""
    def answer(message):
        result = commands.carry_out_now(unpack(Command, message.payload).command)
        return pack(CommandResult(result=result.result, text=result.text, error=int(result.error)))

    actor.answers[Kind.COMMAND] = answer


def refuse(words):
    raise CommandRefused("not while it is needed")


def fail(words):
    raise ValueError("it broke")


# -- one process


def made_commands(kind="SES", **handlers):
    return Commands(kind, lambda: None, handlers)


@pytest.mark.req("R85")
def test_known_unknown_failing_and_refused_commands_end_differently():
    commands = made_commands(DRAIN=refuse, RESUME=fail)
    ends = {line: commands.carry_out_now(line) for line in ("PING", "NONSENSE", "RESUME", "DRAIN")}
    assert [end.result for end in ends.values()] == [OK, IGNORED, ERROR, ABORTED]
    assert [end.error for end in ends.values()] == [0, Err.ERR_TRANS_IGNORED, Err.ERR_TRANS_ERROR, Err.ERR_TRANS_ABORT]
    assert "it broke" in ends["RESUME"].text and "needed" in ends["DRAIN"].text and "HELP" in ends["NONSENSE"].text


@pytest.mark.req("R85")
@pytest.mark.parametrize("kind", ["KNL", "SES", "RRS", "WP PWP DWP", "DBM"])
def test_help_lists_what_the_process_takes(kind):
    handlers = {row.name: fail for row in ROWS if row.kinds != "*"}
    lines = made_commands(kind, **handlers).carry_out_now("HELP").text.splitlines()
    assert [line.split()[0] for line in lines] == [r.name for r in ROWS if r.kinds == "*" or set(r.kinds.split()) & set(kind.split())]


def test_a_command_of_another_kind_is_ignored_though_a_handler_is_there():
    assert made_commands("DBM", DRAIN=fail).carry_out_now("DRAIN").result == IGNORED


def test_a_fault_of_ours_is_an_error_with_its_name(caplog):
    def broken(words):
        raise KeyError("nobody")

    assert made_commands(DRAIN=broken).carry_out_now("DRAIN").text.startswith("KeyError")


def test_a_handler_may_wait():
    async def slowly(words):
        await asyncio.sleep(0)
        return f"{len(words)} words"

    end = asyncio.run(made_commands("RRS", START=slowly).carry_out("start a b"))
    assert (end.result, end.text) == (OK, "2 words")


@pytest.mark.parametrize("line", ["", "   ", "LOG", "LOG AWAY", "DI", "DI MAYBE", "E", "E CHANNEL", "E +", "TRACE"])
def test_half_a_command_is_never_carried_out(line):
    assert made_commands().carry_out_now(line).result in (ERROR, IGNORED, ABORTED)


@pytest.mark.req("R86")
def test_debug_lines_go_on_and_off_by_category_and_all_together(caplog):
    commands = made_commands()
    logger, root = logging.getLogger("hisee.commands"), logging.getLogger()
    before = root.level
    try:
        root.setLevel(logging.INFO)
        counts = []
        for line in ("PING", "E +commands", "E -commands", "DI ON", "DI OFF"):
            assert commands.carry_out_now(line).result == OK
            caplog.clear()
            logger.debug("a debug line")
            counts.append(len(caplog.records))
        assert counts == [0, 1, 0, 0, 0], "a category that was switched off stays off under DI ON"
        logger.setLevel(logging.NOTSET)
        commands.carry_out_now("DI ON")
        assert logger.isEnabledFor(logging.DEBUG)
        assert "commands" in categories() and commands.carry_out_now("E +nothing").result == ERROR
    finally:
        root.setLevel(before)
        logger.setLevel(logging.NOTSET)


def test_status_tells_facts():
    facts = json.loads(Commands("SES", lambda: None, status=lambda: {"sees": 3}).carry_out_now("STATUS").text)
    assert facts["sees"] == 3 and facts["pid"] > 0


def test_a_trace_notes_both_directions_and_leaves_no_trace_of_itself(caplog, monkeypatch):
    from hisee import process

    monkeypatch.setattr(process, "trace_log", lambda on: logging.getLogger("hisee.traced"))
    left, right = memory_pair(limits={})
    trace = MessageTrace(left)
    with caplog.at_level(logging.INFO, "hisee.traced"):
        assert trace.switch(True) == trace.switch(True) == "trace on"
        left.send(Message(kind=Kind.ECHO, source=5, target=6))
        right.receive(5)
        right.send(Message(kind=Kind.REPLY, source=6, target=5, payload=b"abc"))
        left.receive(5)
        trace.switch(False)
        left.send(Message(kind=Kind.ECHO))
    assert [r.getMessage() for r in caplog.records] == ["> ECHO lane 0 5 -> 6 corr 0 bytes 0", "< REPLY lane 0 6 -> 5 corr 0 bytes 3"]
    assert "send" not in vars(left)
    for end in (left, right):
        end.close()


# -- through the server


@pytest.mark.req("R85")
def test_the_server_hands_commands_over_and_tells_how_they_ended():
    async def body(made):
        ses, client = await made.ses("A"), await made.log_on("TEL")
        obedient(ses, made_commands(RESUME=fail, DRAIN=refuse))
        lines = [("A.SES", "PING"), ("A", "PING"), ("A.SES", "NONSENSE"), ("A.SES", "RESUME"), ("A.SES", "DRAIN"), ("NOBODY.SES", "PING")]
        ends = [await client.tell(*line) for line in lines]
        assert [end.result for end in ends] == [OK, OK, IGNORED, ERROR, ABORTED, ABORTED]
        assert len({(end.result, end.error) for end in ends}) == 5, "unknown process, unknown command, failing and refused differ"
        assert (await client.row("A.SES"))["drain"] is None, "a refused DRAIN changes nothing"

    run(body)


@pytest.mark.req("R85")
def test_not_waited_for_is_answered_before_it_is_done():
    async def body(made):
        ses, client = await made.ses("A"), await made.log_on("TEL")  # answers no COMMAND at all
        end = await client.tell("A.SES", "PING", wait=False)
        assert (end.result, end.text) == (OK, "handed over")
        await eventually(lambda: Kind.COMMAND in ses.kinds(), "it arrives")
        ses.end()

    run(body)


@pytest.mark.req("R85")
def test_a_process_that_ends_over_a_command_aborts_it():
    async def body(made):
        ses, client = await made.ses("A"), await made.log_on("TEL")
        asked = asyncio.create_task(client.tell("A.SES", "PING"))
        await eventually(lambda: Kind.COMMAND in ses.kinds(), "it is under way")
        ses.end()
        end = await asked
        assert (end.result, end.error) == (ABORTED, Err.ERR_TRANS_ABORT) and "A.SES" in end.text
        again = await client.tell("A.SES", "PING")
        assert again.result == ABORTED and "does not run: Stop" in again.text

    run(body)


@pytest.mark.req("R85")
def test_without_the_right_nobody_is_told_anything():
    async def body(made):
        ses, client = await made.ses("A"), await made.log_on("TEL")
        end = await client.tell("A.SES", "PING")
        assert (end.result, end.error) == (ABORTED, Err.ERR_NO_ACCESS) and "may not tell A.SES" in end.text
        assert Kind.COMMAND not in ses.kinds()

    run(body, grants=("tell:*.DBM",))


def test_the_server_takes_commands_itself():
    async def body(made):
        client = await made.log_on("TEL")
        assert "SHUTDOWN" in (await client.tell("", "HELP")).text
        assert (await client.tell("SRV1.KNL", "DRAIN")).result == IGNORED
        assert not made.stopped.is_set()
        assert (await client.tell("SRV1.KNL", "SHUTDOWN")).result == OK
        await asyncio.wait_for(made.stopped.wait(), 5)

    run(body)


@pytest.mark.parametrize("kind", ["TEL", "HISHOST"])
def test_programs_and_inner_hosts_take_no_commands(kind):
    async def body(made):
        other, client = await made.log_on(kind), await made.log_on("TEL")
        assert (await client.tell(other.name, "PING")).result == IGNORED and Kind.COMMAND not in other.kinds()

    run(body)


@pytest.mark.req("R131")
def test_a_new_log_of_one_work_process_is_told_to_all_others():
    async def body(made):
        workers = [await made.log_on("WP", f"WP00{n}") for n in (1, 2, 3)]
        other = await made.ses("A")
        workers[0].send(Kind.LOG_SHIFT)
        await eventually(lambda: all(Kind.LOG_SHIFT in w.kinds() for w in workers[1:]), "the others are told")
        assert Kind.LOG_SHIFT not in workers[0].kinds() + other.kinds()

    run(body)


def test_a_request_that_the_server_cannot_carry_out_ends_at_once():
    async def body(made):
        client = await made.log_on("TEL")
        failed = await client.refused(Kind.PART_READ, b"\xc1")
        assert failed.error == Err.ERR_TRANS_ERROR and "MessagePack" in str(failed)
        assert await client.rows(Kind.PS_GET), "and it goes on"

    run(body)
