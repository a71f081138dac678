"""The routing of events: special over global inside each part, both parts for ordinary ones, one for synchronous ones."""

import asyncio
import itertools

import pytest

from hisee._core.values import decode, encode
from hisee.channel import Message
from hisee.channel.payloads import RemoteDown, RemoteUp, SeeState, pack, unpack
from hisee.console.console import OperatorError
from hisee.console.events import Handlers
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind

from .parts import HIP, HIS, REF, SEE, Stage, failure, opened_reply

FORMS = {(): None, ("OnClick",): "OnClick", ("BtnGo_OnClick",): "BtnGo_OnClick", ("OnClick", "BtnGo_OnClick"): "BtnGo_OnClick"}


def remote_up(stage, restarted=False):
    stage.console.take(Message(kind=Kind.REMOTE_UP, payload=pack(RemoteUp(opened=HIS, see=SEE, name="WS1_2.SEE", restarted=restarted))),
                       stage.server)


@pytest.mark.parametrize(("local", "remote"), list(itertools.product(FORMS, FORMS)))
@pytest.mark.req("R54")
def test_the_whole_routing_table(local, remote):
    """Each combination of special and global handlers in both parts: who is called, under which name, with which arguments."""

    async def body():
        stage = Stage(opened_reply(handlers={"L": list(local), "R": list(remote)}))
        opened = await stage.open()
        remote_up(stage)
        stage.console.click(opened.number, "BtnGo")
        for link, wanted, target in ((stage.local, FORMS[local], HIS), (stage.server, FORMS[remote], SEE)):
            arguments = [REF["BtnGo"]] if wanted == "OnClick" else []
            assert link.events() == ([[wanted, *arguments]] if wanted else [])
            assert all(m.target == target and m.source == HIP and m.object == HIS and not m.wants_answer
                       for m in link.of(Kind.PICTURE_EVENT))

    asyncio.run(body())


def test_names_are_compared_without_case():
    handlers = Handlers({"L": ["BTNGO_ONCLICK"], "R": []})
    assert handlers.ordinary("OnClick", "BtnGo")[0].handler == "BTNGO_ONCLICK"


def test_an_event_of_the_local_part_only_never_leaves():
    assert [d.part for d in Handlers({"L": ["OnRemoteRestart"], "R": ["OnRemoteRestart"]}).ordinary("OnRemoteRestart")] == ["L"]


@pytest.mark.req("R137")
def test_events_without_a_remote_part_are_dropped_for_it_and_counted():
    async def body():
        stage = Stage()
        opened = await stage.open()
        for _ in range(3):
            stage.console.click(opened.number, "BtnGo")
        assert len(stage.local.events()) == 3
        assert stage.server.events() == []
        assert opened.dropped == 3 and opened.facts()["dropped"] == 3
        assert unpack(SeeState, stage.server.of(Kind.SEE_STATE)[-1].payload).dropped == 3
        assert len(stage.server.of(Kind.LOG_WRITE)) == 3
        remote_up(stage)
        assert stage.server.events() == []  # nothing is replayed
        stage.console.click(opened.number, "BtnGo")
        assert stage.server.events() == [["OnClick", REF["BtnGo"]]]
        stage.console.take(Message(kind=Kind.REMOTE_DOWN, payload=pack(RemoteDown(opened=HIS, reason="lost", starting=True))), stage.server)
        stage.console.click(opened.number, "BtnGo")
        assert len(stage.server.events()) == 1 and opened.dropped == 4

    asyncio.run(body())


def test_an_entry_tells_its_script_once_per_new_text():
    async def body():
        stage = Stage()
        opened = await stage.open()
        stage.console.type(opened.number, "_EdPlate", "BA-1")
        stage.console.type(opened.number, "edplate", "BA-1")
        assert stage.local.events() == [["EdPlate_OnTextChange"]]
        assert opened.picture.get(REF["EdPlate"], "text") == "BA-1"

    asyncio.run(body())


@pytest.mark.parametrize(("change", "target", "error"), [
    ({"enabled": False}, "BtnGo", Err.ERR_TRANS_IGNORED), ({"visible": False}, "BtnGo", Err.ERR_TRANS_IGNORED),
    ({}, "Nowhere", Err.ERR_UNKNOWN_REFID), ({}, "EdPlate", Err.ERR_INVALID_REFID_TYPE)])
def test_what_a_person_cannot_click(change, target, error):
    async def body():
        stage = Stage()
        opened = await stage.open()
        for name, value in change.items():
            opened.picture.set(REF[target], name, value)
        with pytest.raises(OperatorError) as caught:
            stage.console.click(opened.number, target)
        assert caught.value.error == error
        assert stage.local.sent == []

    asyncio.run(body())


@pytest.mark.parametrize(("answer", "closes"), [(encode([True]), True), (encode([False]), False), (encode([]), True), (b"", True),
                                                (failure(Err.ERR_TIMEOUT), True), (failure(Err.ERR_TRANS_ABORT), True)])
@pytest.mark.req("R55")
def test_close_asks_the_one_handler_and_closes_by_default(answer, closes):
    async def body():
        stage = Stage()
        opened = await stage.open()
        stage.local.answers[Kind.PICTURE_EVENT] = answer
        assert await stage.console.close(opened.number) is closes
        question = stage.local.asked[-1]
        assert decode(question.payload) == ["OnClose", True] and question.target == HIS and question.wants_answer
        assert (opened.number in stage.console.opened) is not closes
        assert bool(stage.local.of(Kind.HIS_STOP)) is closes
        assert (Kind.CLOSE in [m.kind for m in stage.server.asked]) is closes

    asyncio.run(body())


def test_a_synchronous_event_of_the_remote_part_goes_there_and_nowhere_else():
    async def body():
        stage = Stage(opened_reply(handlers={"L": [], "R": ["OnClose"]}))
        opened = await stage.open()
        remote_up(stage)
        stage.server.answers[Kind.PICTURE_EVENT] = encode([False])
        assert await stage.console.close(opened.number) is False
        assert [m.kind for m in stage.local.asked] == [Kind.HIS_START]
        assert stage.server.asked[-1].target == SEE

    asyncio.run(body())


def test_while_a_synchronous_event_waits_everything_else_goes_on():
    async def body():
        stage = Stage()
        opened = await stage.open()
        slow = asyncio.get_running_loop().create_future()
        stage.local.ask = _asking(stage.local.ask, slow)
        closing = asyncio.create_task(stage.console.close(opened.number))
        await asyncio.sleep(0)
        assert opened.pending == 1
        assert await stage.console.close(opened.number) is False  # only one at a time
        stage.console.click(opened.number, "BtnGo")
        assert stage.local.events() == [["BtnGo_OnClick"]]
        slow.set_result(Message(kind=Kind.REPLY, payload=encode([False])))
        assert await closing is False
        assert opened.pending == 0 and not opened.closing

    asyncio.run(body())


def _asking(ask, future):
    async def later(message, timeout_s):
        return await future if message.kind == Kind.PICTURE_EVENT else await ask(message, timeout_s)

    return later
