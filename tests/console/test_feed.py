"""What a page is told: one snapshot, change lists without holes, snapshot again after anything opened or closed."""

import asyncio
import itertools

from hisee.console.feed import FRAME_S, Feed
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.picture_functions import PictureFunction as F

from .parts import HIS, REF, Stage, visual


def test_a_snapshot_then_changes_by_sequence():
    async def body():
        stage = Stage()
        feed = Feed(stage.console, ["WS1"])
        assert feed.next()["pictures"] == []
        opened = await stage.open()
        first = feed.next()
        assert first["type"] == "snapshot" and first["pictures"][0]["items"]["Lbl"]["text"] == "ready"
        assert first["pictures"][0]["tree"][0] == "svg"
        assert first["pictures"][0]["items"]["BtnGo"]["operable"] is True
        for n in range(50):
            opened.picture.set(REF["Lbl"], "text", str(n))
        second = feed.next()
        assert second["from"] == first["sequence"] and second["items"] == [[opened.slot, "Lbl", "text", "49"]]
        third = feed.next()
        assert third == {"type": "changes", "from": second["to"], "to": second["to"]}
        await stage.console.close(HIS)
        assert feed.next()["type"] == "snapshot"

    asyncio.run(body())


def test_facts_and_messages_are_told_when_they_change():
    async def body():
        stage = Stage()
        await stage.open()
        feed = Feed(stage.console, ["WS1"])
        feed.next()
        stage.console.desk.note("hello")
        stage.console.latency_ms["R"] = 5.2
        told = feed.next()
        assert told["desk"]["messages"][0]["text"] == "hello" and told["latency"]["R"] == 5.2
        assert "opened" not in told

    asyncio.run(body())


def test_a_page_that_lost_track_gets_a_snapshot():
    async def body():
        stage = Stage()
        await stage.open()
        feed = Feed(stage.console, ["WS1"])
        feed.next()
        feed.resnapshot()
        assert feed.next()["type"] == "snapshot"

    asyncio.run(body())


def test_a_slow_page_gets_the_newest_state_and_nothing_queues():
    async def body():
        stage = Stage()
        opened = await stage.open()
        feed, sent = Feed(stage.console, ["WS1"]), []
        gate = asyncio.Event()

        async def slow(message):
            sent.append(message)
            await gate.wait()

        task = asyncio.create_task(feed.run(slow))
        await asyncio.sleep(0)
        for n in range(1000):
            opened.picture.set(REF["Lbl"], "text", str(n))
        gate.set()
        await asyncio.sleep(FRAME_S * 3)
        task.cancel()
        assert len(sent) == 2 and sent[1]["items"] == [[opened.slot, "Lbl", "text", "999"]]

    asyncio.run(body())


def test_frames_are_apart_and_a_closed_feed_is_forgotten():
    async def body():
        stage = Stage()
        opened = await stage.open()
        feed, sent = Feed(stage.console, ["WS1"]), []

        async def send(message):
            sent.append(asyncio.get_running_loop().time())

        task = asyncio.create_task(feed.run(send))
        for n in range(40):
            opened.picture.set(REF["Lbl"], "text", str(n))
            await asyncio.sleep(FRAME_S / 8)
        task.cancel()
        assert len(sent) > 1
        assert all(later - earlier > FRAME_S * 0.9 for earlier, later in itertools.pairwise(sent))
        feed.close()
        assert stage.console.listeners == []

    asyncio.run(body())


def test_a_script_that_writes_sends_only_what_it_wrote():
    """Facts of the picture go out when they change, not with every text."""

    async def body():
        stage = Stage()
        await stage.open()
        feed = Feed(stage.console, ["WS1"])
        feed.next()
        stage.console.take(visual(F.HI_SETTEXT, REF["Lbl"], "new", kind=Kind.VISUAL_SET), stage.local)
        assert set(feed.next()) == {"type", "from", "to", "items"}

    asyncio.run(body())
